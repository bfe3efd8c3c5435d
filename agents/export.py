"""Write a run's world model, and its agent, for other programs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from agents.learning.actor import Actor
from agents.learning.agent import Agent
from agents.load import load_players
from agents.show_config import ExportConfig
from rssm.games.pong.dream.dream import require_pong
from rssm.games.pong.dream.starts import PlayedStarts
from rssm.games.pong.export.onnx_step import write_onnx
from rssm.games.pong.export.page import write_page
from rssm.games.pong.export.payload import ExportedPolicy
from rssm.weights import find_run, run_env


def export(config: ExportConfig) -> None:
    """Write the page and the ONNX file that are asked for, and say what is in them.

    Raises:
        UserError: the run cannot be read, or a package is missing.
    """
    folder = find_run(config.run)
    model, agent = load_players(folder)
    require_pong(model, str(folder))
    if config.html:
        path = Path(config.html)
        drawn = PlayedStarts(model, run_env(folder))
        rng = np.random.default_rng(config.seed)
        starts = [drawn.draw(rng) for _ in range(config.starts)]
        count = sum(p.numel() for p in model.parameters())
        beside = "no agent" if agent is None else "the agent that lies beside it"
        about = (
            f"The world model of {folder.name} ({count:,} weights) and {beside}; dreams begin in {len(starts)} moments."
        )
        write_page(path, model, starts, policy=None if agent is None else exported_policy(agent), about=about)
        print(f"{path}: open it in a browser ({path.stat().st_size / 1e6:.1f} MB; with {beside})")
    if config.onnx:
        path = Path(config.onnx)
        write_onnx(path, model)
        print(f"{path}: one step of the world model ({path.stat().st_size / 1e6:.1f} MB)")


def exported_policy(agent: Agent) -> ExportedPolicy:
    """The policy of the averaged actor, which plays real games."""
    player = agent.player.network
    assert isinstance(player, Actor)
    return ExportedPolicy(player.network, player.allowed, player.unimix)
