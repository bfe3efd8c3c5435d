"""An agent in a file, and the folder of its run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agents.config import AgentConfig
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from rssm.config.stored import from_stored
from rssm.config.yaml_file import load_config
from rssm.errors import CheckpointError, UserError
from rssm.model.world_model import WorldModel
from rssm.storage.shape import shown_reason
from rssm.training.checkpoint import MODEL_FILE, check_tensors, load_model, load_weights, save_weights, weights_of
from rssm.training.run_folder import CONFIG_FILE

AGENT_FILE = "agent.safetensors"


def save_agent(path: Path, agent: Agent, extra: dict[str, Any]) -> None:
    """Write an agent's weights and what is needed to build it again, atomically."""
    description = {"actor_critic": asdict(agent.config), "inputs": agent.features, **extra}
    save_weights(path, weights_of(agent), agent.game, description)


def read_agent(path: Path, device: torch.device | str = "cpu") -> Agent:
    """Read an agent back.

    Raises:
        CheckpointError: the file is missing, damaged, or was made for other features, actions or another schema.
    """
    description, weights, game = load_weights(path, "an agent")
    try:
        settings, inputs = from_stored(ActorCriticConfig, description["actor_critic"]), description["inputs"]
        with torch.device("meta"):  # what its settings ask for is not made before it is known to be there
            expected = Agent(settings, inputs, game).state_dict()
        check_tensors(weights, expected)
        agent = Agent(settings, inputs, game)
        agent.load_state_dict(weights)
    except (LookupError, TypeError, ValueError, RuntimeError, UserError) as error:
        reason = shown_reason(error)
        raise CheckpointError(f"{path}: its weights do not fit its own description ({reason})") from None
    return agent.to(device).eval()


def load_agent(run: Path, device: torch.device | str = "cpu") -> tuple[WorldModel, Agent, AgentConfig]:
    """Read the world model, the agent and the settings of a run.

    Raises:
        UserError: the folder is no agent's run.
        CheckpointError: a file cannot be read, or the agent does not fit the world model.
    """
    if not (run / AGENT_FILE).is_file():
        raise UserError(f"{run}: expected the folder of an agent's run with an {AGENT_FILE}")
    config = load_config(run / CONFIG_FILE, AgentConfig)
    model, agent = load_model(run / MODEL_FILE, device), read_agent(run / AGENT_FILE, device)
    check_fits(run, model, agent)
    return model, agent, config


def check_fits(run: Path, model: WorldModel, agent: Agent) -> None:
    """Raise CheckpointError unless a run's agent reads what its world model gives."""
    if agent.game.env_id != model.game.env_id:
        raise CheckpointError(
            f"{run / AGENT_FILE}: expected an agent of {model.game.env_id}, as {MODEL_FILE} beside it is, it was "
            f"made for {agent.game.env_id}"
        )
    size = inputs_size(model.config, model.game)
    if agent.features != size:
        raise CheckpointError(
            f"{run / AGENT_FILE}: expected an agent that reads {size} features, as {MODEL_FILE} "
            f"beside it gives, it was made for {agent.features}"
        )
