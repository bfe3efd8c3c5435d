"""The error that nobody can go below: with sticky actions the same actions have many futures.

From the cloned state at a window's start the recorded actions are played again and again with new sticky draws. The
variance of these futures around their mean is the least mean squared error that any prediction can reach, even one
that knew the whole state of the game.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.data.beginning import recorded_options
from rssm.data.dataset import Dataset
from rssm.data.frames import to_observation
from rssm.errors import DataError
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.replay import play_on, replay
from rssm.evaluation.windows import recorded_windows, sample_starts
from rssm.progress import Progress
from rssm.protocols import Cloneable

_SEEDS = 2**31


@dataclass(frozen=True)
class FloorErrors:
    """Squared errors (px², mean over all values of the stack) of N windows at each of the K steps.

    Attributes:
        floor: (N, K) unbiased variance of the window's futures around their mean.
        model: (N, K) error of the prediction against all of these futures.
        event: (N,) what happens in the recorded window.
    """

    floor: ErrorArray
    model: ErrorArray
    event: IntArray


def measure_floor(
    predictor: Predictor,
    game: Cloneable,
    dataset: Dataset,
    lengths: IntArray,
    windows: int,
    futures: int,
    rng: np.random.Generator,
) -> FloorErrors:
    """Resample ``futures`` futures of up to ``windows`` windows of the episodes' first ``lengths`` (E,) rows.

    Windows of which a future ends the game are left out. ``game`` has the settings of the data.

    Raises:
        DataError: the data set cannot be played again (see :func:`rssm.evaluation.replay.replay`).
    """
    parts, frames = [], dataset.game.layout.stack
    chosen = sample_starts(lengths, windows, rng)
    with Progress("floor", sum(map(len, chosen.values())), "windows") as progress:
        for index, starts in chosen.items():
            episode = dataset.episode(index)
            options = recorded_options(dataset.game, episode)
            actions = episode.action.astype(np.int64)
            recorded = recorded_windows(dataset.game, index, episode.features, actions, starts)
            seeds = rng.integers(_SEEDS, size=len(starts))
            kept, floor, model = [], [], []
            predicted = predictor.predict(recorded.observations, actions, starts, recorded.futures)
            for position, state in replay(game, index, episode, starts, options):
                sampled = sample_futures(game, state, recorded.futures[position], frames, futures, int(seeds[position]))
                if sampled is not None:
                    kept.append(position)
                    found, expected = to_observation(sampled), to_observation(predicted[position])
                    floor.append(found.var(axis=0, ddof=1, dtype=np.float64).mean(axis=-1))
                    model.append(((expected - found.astype(np.float64)) ** 2).mean(axis=(0, 2)))
                progress.advance(1)
            if kept:
                parts.append(FloorErrors(np.stack(floor), np.stack(model), recorded.events[kept]))
    if not parts:
        raise DataError("floor: expected at least one window in which the game goes on, found none")
    return FloorErrors(
        np.concatenate([part.floor for part in parts]),
        np.concatenate([part.model for part in parts]),
        np.concatenate([part.event for part in parts]),
    )


def sample_futures(
    game: Cloneable, state: Any, actions: IntArray, frames: int, futures: int, seed: int
) -> FloatArray | None:
    """Stacks of futures (N, K, F, S) of actions (K,) from a cloned state; None if the game ends in one of them."""
    game.reseed(seed)
    sampled = []
    for _ in range(futures):
        game.restore_state(state, include_rng=False)
        stacks = play_on(game, actions, frames)
        if stacks is None:
            return None
        sampled.append(stacks)
    return np.stack(sampled)
