"""How long a dream stays right: long rollouts under the recorded actions, followed until they go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rssm.arrays import ErrorArray, IntArray
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.window_errors import squared_errors

#: agent steps of a rollout
ROLLOUT = 100
#: after so many steps the share of rollouts that are still right is reported
MARKS = (6, 12, 25, 37, 50, 100)
#: pixels; beyond the first a rollout differs, beyond the second, twice running, it has lost the game
NEAR, FAR = 2.0, 12.0


def survival(predictor: Predictor, dataset: Dataset, every: int) -> dict[str, Any]:
    """Roll out 100 steps from every ``every``-th step after a game's first 40, and see how long each stays right.

    A rollout of n right steps first goes wrong at k = n: at the first step at which the height of a paddle or a
    coordinate of the ball is off by more than 2 px (``within_2px``), or at the first of two running steps at which one
    is off by more than 12 px (``within_12px``). One that never does counts as 100.

    Args:
        predictor: what is followed; its mode, not a mean over futures.
        dataset: games that it was not trained on.
        every: agent steps between starts.

    Returns:
        ``rollouts``, ``games``, and for either limit the ``median`` number of right steps, ``share`` (by the number of
        steps, the share of rollouts that are right for so long) and ``curve``, the same after 1 to 100 steps;
        ``{"skipped": reason}`` where no game is long enough.

    Raises:
        UserError: the predictor's answer has a wrong shape or is not finite.
    """
    game = dataset.game
    if not game.in_pixels:
        return {"skipped": f"{game.env_id}: its positions are no pixels"}
    positions = list(game.positions.values())
    near, far, games = [], [], 0
    for index in range(len(dataset.episodes)):
        episode = dataset.episode(index)
        starts: IntArray = np.arange(game.start_steps, len(episode) - ROLLOUT, every, dtype=np.int64)
        if not len(starts):
            continue
        games += 1
        observations, actions = stack_episode(episode.features, game.layout.stack), episode.action.astype(np.int64)
        futures = actions[starts[:, None] + np.arange(ROLLOUT)]
        truth = observations[starts[:, None] + np.arange(1, ROLLOUT + 1)]
        _, newest = squared_errors(predictor.predict(observations, actions, starts, futures), truth)
        off = np.sqrt(newest[..., positions].max(axis=-1))
        near.append(right_steps(off, NEAR, running=1))
        far.append(right_steps(off, FAR, running=2))
    if not games:
        return {"skipped": f"no game has {game.start_steps} steps and a rollout of {ROLLOUT} more"}
    return {
        "rollouts": sum(map(len, near)),
        "games": games,
        "steps": ROLLOUT,
        "every": every,
        "within_2px": _describe(near),
        "within_12px": _describe(far),
    }


def right_steps(off: ErrorArray, limit: float, running: int) -> IntArray:
    """Steps (W,) before the first of ``running`` steps in a row that are off (W, K) by more than ``limit``; else K."""
    wrong = off > limit
    whole = wrong.shape[1] - running + 1
    row = np.all([wrong[:, shift : whole + shift] for shift in range(running)], axis=0)
    steps: IntArray = np.where(row.any(axis=1), row.argmax(axis=1), wrong.shape[1])
    return steps


def _describe(parts: Sequence[IntArray]) -> dict[str, Any]:
    steps = np.concatenate(parts)
    curve = [(steps >= count).mean() for count in range(1, ROLLOUT + 1)]
    return {
        "median": float(np.median(steps)),
        "share": {str(mark): float(curve[mark - 1]) for mark in MARKS},
        "curve": [float(share) for share in curve],
    }
