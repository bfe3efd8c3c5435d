"""How much memory an agent's training needs: its own weights and imagination, and online the world model's training."""

from __future__ import annotations

import torch

from agents.config import AgentConfig
from agents.learning.agent import Agent
from agents.learning.inputs import inputs_size
from rssm.game import Game
from rssm.system.memory import FLOAT, refuse_beyond_memory
from rssm.training.memory import batch_memory, count, data_memory, model_memory, sizes

#: copies of the agent's weights: they, their gradients, the slow critic and Adam's momenta
_COPIES = 6
#: numbers that are kept for the gradient, for each number that a layer gives
_KEPT = 3.0
#: numbers that are in memory at once while states are filtered and imagined, for each that a layer gives
_PASSING = 2.0


def refuse_training(config: AgentConfig, game: Game, device: torch.device) -> None:
    """Refuse a training that cannot fit into this machine. Offline the world model is as large as it is.

    Raises:
        UserError: names the setting that needs most, and how much.
    """
    settings, model = config.imagination, config.model
    inputs, (_, outputs) = inputs_size(model, game), sizes(model, game)
    with torch.device("meta"):
        agent = Agent(config.actor_critic, inputs, game)
    weights, layers = count(agent.modules())
    imagined = settings.trajectories(game.layout.num_actions) * (settings.horizon + 1) * (inputs + layers) * _KEPT
    filtered = settings.chunks * settings.chunk_length * outputs * _PASSING
    parts = {
        "actor_critic.hidden": weights * FLOAT * _COPIES,
        "imagination.starts" if settings.starts else "imagination.chunks": imagined * FLOAT,
        "imagination.chunk_length": filtered * FLOAT,
    }
    if config.online:
        world = config.world
        parts |= model_memory(model, game, 1 + world.workers)
        parts |= batch_memory(model, game, world.batch_size, world.chunk_length, config.loss, "world.batch_size")
        parts["env_steps"] = data_memory(game, config.env_steps)
    refuse_beyond_memory(parts, device)
