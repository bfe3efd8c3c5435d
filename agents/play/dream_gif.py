"""A real game beside what the agent dreams of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from agents.play.filtered_games import FilteredGames
from rssm.arrays import FloatArray
from rssm.config import HORIZON, EnvConfig
from rssm.model.world_model import Policy, WorldModel
from rssm.seeds import episode_seed
from rssm.system.device import seeded

#: agent steps that are shown
_STEPS = 240


def write_dream(path: Path, model: WorldModel, policy: Policy, env: EnvConfig, seed: int) -> bool:
    """Write an animation of a real game's beginning with the dream beside it (see :func:`dream`); False where the game
    has no picture.
    """
    return model.game.draw(path, *dream(model, policy, env, seed, _STEPS))


@torch.inference_mode()
def dream(model: WorldModel, policy: Policy, env: EnvConfig, seed: int, steps: int) -> tuple[FloatArray, FloatArray]:
    """Play a real game, and every six steps dream the next six: the same policy acts in the game and in the dream.

    The two come apart where the model is wrong, and where the policy is drawn from and acts otherwise.

    Args:
        model: the world model; the policy reads sampled latents, as where it is scored, and the dream is the mode.
        policy: State (B,) -> actions (B,).
        env: the game's settings.
        seed: of the game and of the policy's samples.
        steps: agent steps to play, T; fewer where the game ends.

    Returns:
        real and dreamt frames, both (T, F): frame t of the dream is k = t mod 6 steps and one away from the real
        state.
    """
    real, dreamt = [], []
    with seeded(seed, next(model.parameters()).device):
        playing = FilteredGames(model, policy, env, [episode_seed(seed, 0)], max_steps=steps)
        while len(playing):
            state, step = playing.look(), playing.games.steps[0]
            if step % HORIZON == 0:
                dreamt.append(model.imagine(state, policy, HORIZON, sample=False).states.stack[0].cpu().numpy())
            real.append(playing.play(state).stacks[0, :, -1])
    return np.stack(real), np.concatenate(dreamt)[: len(real), :, -1]
