"""The players that data are collected with, as functions from frames to actions."""

from __future__ import annotations

from collections import deque

import numpy as np

from rssm.arrays import FloatArray
from rssm.games.pong.features import ACTION_NAMES, BALL_SPAWNED, BALL_X_DIRECTION, BALL_Y, NUM_ACTIONS, PLAYER_Y
from rssm.games.pong.player import Player
from rssm.protocols import Policy

_NOOP, _UP, _DOWN = (ACTION_NAMES.index(name) for name in ("NOOP", "RIGHT", "LEFT"))
_PADDLE_CENTRE, _BALL_CENTRE = 8.0, 2.0  # below the top edge, in pixels
_DEAD_ZONE = 4.0  # pixels; closer than this the paddle overshoots
_SHORTEST_SWEEP, _LONGEST_SWEEP = 4, 24  # steps; the whole way takes about a dozen


def make_policy(player: Player) -> Policy:
    """A player at the beginning of a game."""
    if player.name == "random":
        act: Policy = random_action
    elif player.name == "sweeping":
        act = _noisy(_sweeping(), player.epsilon or 0.0)
    else:
        act = _noisy(_tracking(player.dead_zone, player.aim), player.epsilon or 0.0)
    if player.hold > 1:
        act = _holding(act, player.hold)
    if player.rest:
        act = _resting(act)
    return _late(act, player.lag) if player.lag else act


def random_action(frame: FloatArray, rng: np.random.Generator) -> int:
    """One of the six actions, uniformly."""
    return int(rng.integers(NUM_ACTIONS))


def follow_ball(frame: FloatArray, offset: float = 0.0, dead_zone: float = _DEAD_ZONE) -> int:
    """The action that brings the point ``offset`` pixels below the paddle's centre to the ball's centre."""
    distance = float(frame[BALL_Y]) + _BALL_CENTRE - (float(frame[PLAYER_Y]) + _PADDLE_CENTRE + offset)
    if abs(distance) <= dead_zone:
        return _NOOP
    return _DOWN if distance > 0 else _UP


def _tracking(dead_zone: float, aim: float) -> Policy:
    offset, direction = 0.0, 0.0

    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        nonlocal offset, direction
        before, direction = direction, float(frame[BALL_X_DIRECTION])
        if aim and direction > 0 >= before:  # the ball begins to come
            offset = float(rng.uniform(-aim, aim))
        return follow_ball(frame, offset, dead_zone)

    return act


def _sweeping() -> Policy:
    action, left = _UP, 0

    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        nonlocal action, left
        if left == 0:
            action = _DOWN if action == _UP else _UP
            left = int(rng.integers(_SHORTEST_SWEEP, _LONGEST_SWEEP + 1))
        left -= 1
        return action

    return act


def _noisy(policy: Policy, epsilon: float) -> Policy:
    """Random in a share of the steps. The player itself goes on looking in these."""

    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        random = rng.random() < epsilon
        wanted = policy(frame, rng)
        return random_action(frame, rng) if random else wanted

    return act


def _holding(policy: Policy, mean: int) -> Policy:
    """Each action is kept for 1 to 2 mean - 1 steps, uniformly drawn."""
    action, left = _NOOP, 0

    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        nonlocal action, left
        if left == 0:
            action, left = policy(frame, rng), int(rng.integers(1, 2 * mean))
        left -= 1
        return action

    return act


def _resting(policy: Policy) -> Policy:
    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        wanted = policy(frame, rng)
        return wanted if frame[BALL_SPAWNED] > 0.5 else _NOOP

    return act


def _late(policy: Policy, steps: int) -> Policy:
    """Sees each frame that many steps late; the first one until then."""
    seen: deque[FloatArray] = deque(maxlen=steps + 1)

    def act(frame: FloatArray, rng: np.random.Generator) -> int:
        seen.append(frame)
        return policy(seen[0], rng)

    return act
