"""The players that data are collected with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from rssm.arrays import FloatArray
from rssm.games.pong.features import ACTION_NAMES, BALL_Y, NUM_ACTIONS, PLAYER_Y

#: newest frame (14,) and the player's own generator -> action
Policy = Callable[[FloatArray, np.random.Generator], int]
PolicyName = Literal["random", "tracking"]

_NOOP, _UP, _DOWN = (ACTION_NAMES.index(name) for name in ("NOOP", "RIGHT", "LEFT"))
_PADDLE_CENTRE, _BALL_CENTRE = 8.0, 2.0  # below the top edge, in pixels
_DEAD_ZONE = 4.0  # pixels; closer than this the paddle overshoots


def make_policy(name: PolicyName, epsilon: float) -> Policy:
    """The player called ``name``; ``epsilon`` is the tracking player's chance of a uniformly random action per step."""
    return random_action if name == "random" else _tracking(epsilon)


def random_action(frame: FloatArray, rng: np.random.Generator) -> int:
    """One of the six actions, uniformly."""
    return int(rng.integers(NUM_ACTIONS))


def follow_ball(frame: FloatArray) -> int:
    """The action that brings the paddle's centre to the ball's."""
    distance = float(frame[BALL_Y]) + _BALL_CENTRE - (float(frame[PLAYER_Y]) + _PADDLE_CENTRE)
    if abs(distance) <= _DEAD_ZONE:
        return _NOOP
    return _DOWN if distance > 0 else _UP


def _tracking(epsilon: float) -> Policy:
    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        return random_action(frame, rng) if rng.random() < epsilon else follow_ball(frame)

    return act
