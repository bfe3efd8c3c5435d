"""Pong with another enemy, which changes nothing for a player who understands the game.

The console moves its own paddle after the ball, always. Here it rests at times: whenever it would have moved then, its
place is written back into the console's memory, frame by frame. Everything else is as it was: what bounces where, the
serves, our own paddle. Agents that learn in object space elsewhere read the ball's place off the enemy's paddle, and
fall from +17 to -8 and worse when that rests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from ale_py import ALEInterface

from rssm.config import EnvConfig
from rssm.games.pong.env import PongFeatures
from rssm.games.pong.features import ENEMY_COLUMN, PLAYER_COLUMN

Memory = npt.NDArray[np.uint8]

# bytes of the console's memory, as in rssm.games.pong.features; the enemy's place is kept in the second of its two and
# copied from there to the first in every frame
_BALL_X, _ENEMY_Y, _BALL_Y, _BALL_VX = 49, (50, 21), 54, 58
#: what the byte of the ball's column shows where it is half-way between the paddles
_MIDDLE = int((PLAYER_COLUMN + ENEMY_COLUMN) / 2) + 49


def _comes(memory: Memory) -> bool:
    """Whether the ball flies to the enemy."""
    return int(memory[_BALL_VX]) < 128  # a positive speed is to the left


def _lazy(memory: Memory) -> bool:
    """It rests while the ball flies away from it."""
    return not _comes(memory)


def _late(memory: Memory) -> bool:
    """It rests until the ball that comes is past the middle."""
    return not _comes(memory) or int(memory[_BALL_X]) > _MIDDLE


#: whether the enemy rests, by the memory, while a ball is in play
RESTS: dict[str, Callable[[Memory], bool]] = {"lazy": _lazy, "late": _late}


class _RestingEnemy:
    """The console, with an enemy that rests; all else is the console's own."""

    def __init__(self, console: ALEInterface, rests: Callable[[Memory], bool]) -> None:
        self._console, self._rests = console, rests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._console, name)

    def act(self, action: Any) -> int:
        """One frame; returns the points made in it."""
        before = self._console.getRAM()
        reward = int(self._console.act(action))
        memory = self._console.getRAM()
        in_play = before[_BALL_Y] != 0 and memory[_BALL_Y] != 0
        if in_play and self._rests(memory):
            for byte in _ENEMY_Y:
                self._console.setRAM(byte, int(before[byte]))
        return reward


def make_modified(config: EnvConfig, render_mode: str | None = None) -> PongFeatures:
    """The game with the enemy that the settings name."""
    game = PongFeatures(config.frameskip, config.repeat_action_probability, config.noop_max, render_mode)
    game._ale = cast(ALEInterface, _RestingEnemy(game._ale, RESTS[config.enemy]))
    return game
