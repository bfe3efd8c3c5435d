"""One game of Pong that the world model imagines, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from rssm import ENV_ID
from rssm.arrays import FloatArray
from rssm.errors import UserError
from rssm.games.pong.features import ENEMY_SCORE, PLAYER_SCORE
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.system.device import seeded

#: points that end a game
POINTS = 21


@dataclass(frozen=True)
class Dreamt:
    """One imagined agent step.

    Attributes:
        stack: (14, 4) float32, raw pixels.
        reward: expected by the reward head, points.
        over: the game ended: somebody has 21 points, or the continue head holds an end for the likelier.
    """

    stack: FloatArray
    reward: float
    over: bool


class Dream:
    """A game inside the model.

    Args:
        model: the world model, in evaluation mode.
        state: (1,), where it begins.
        sample: whether latents and frames are drawn at random or take their mode.

    Attributes:
        state: (1,), of the newest moment.
    """

    def __init__(self, model: WorldModel, state: State, *, sample: bool) -> None:
        self.model, self.state, self.sample = model, state, sample

    @torch.no_grad()
    def step(self, action: int, rng: np.random.Generator) -> Dreamt:
        """Imagine one step; everything that is drawn depends on ``rng`` alone."""
        device = self.state.deter.device
        with seeded(int(rng.integers(2**31)), device):
            taken = torch.tensor([action], device=device)
            self.state, _, _ = self.model.imagine_step(self.state, taken, sample=self.sample)
        features = self.model.features(self.state)
        ends = float(self.model.continuation(features)) < 0.5
        return Dreamt(self.stack, float(self.model.reward(features)), ends or game_over(self.stack[:, -1]))

    @property
    def stack(self) -> FloatArray:
        """(14, 4) float32, the four newest frames."""
        stack: FloatArray = self.state.stack[0].cpu().numpy().astype(np.float32)
        return stack


def game_over(frame: FloatArray) -> bool:
    """Whether somebody has made the points that end a game, in a frame (14,)."""
    return bool(frame[[ENEMY_SCORE, PLAYER_SCORE]].max() >= POINTS)


def require_pong(model: WorldModel, where: str) -> None:
    """Raise UserError unless a world model is Pong's: what shows a dream knows no other game."""
    if model.game.env_id != ENV_ID:
        raise UserError(f"{where}: expected a world model of {ENV_ID}, this one is of {model.game.env_id}")
