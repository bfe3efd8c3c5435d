"""A world model and, where there is one, the agent that lies beside it."""

from __future__ import annotations

from pathlib import Path

import torch

from agents.checkpoint import AGENT_FILE, check_fits, read_agent
from agents.learning.agent import Agent
from rssm.model.world_model import WorldModel
from rssm.training.checkpoint import MODEL_FILE, load_model


def load_players(folder: Path, device: torch.device | str = "cpu") -> tuple[WorldModel, Agent | None]:
    """Read a folder's ``model.safetensors`` and, if it is there, its ``agent.safetensors``.

    Raises:
        CheckpointError: a file cannot be read, or the agent does not fit the world model.
    """
    model = load_model(folder / MODEL_FILE, device)
    if not (folder / AGENT_FILE).is_file():
        return model, None
    agent = read_agent(folder / AGENT_FILE, device)
    check_fits(folder, model, agent)
    return model, agent
