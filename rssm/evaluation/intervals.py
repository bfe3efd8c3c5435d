"""Means, quantiles and bootstrap intervals of window errors."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rssm.arrays import ErrorArray, IntArray
from rssm.evaluation.window_errors import WindowErrors


def bootstrap_interval(errors: ErrorArray, episode: IntArray, resamples: int, seed: int) -> ErrorArray:
    """95 % percentile interval of the mean over windows, with whole episodes as the unit that is resampled.

    Windows of one episode share its course and are not independent; episodes are. With a single episode nothing is
    known about the spread and the interval has no width.

    Args:
        errors: (N, K).
        episode: (N,) index of each window's episode.
        resamples: number of resamplings, with replacement.
        seed: of the resampling.

    Returns:
        (K, 2) lower and upper ends.
    """
    _, index = np.unique(episode, return_inverse=True)
    episodes = int(index.max()) + 1
    windows = np.bincount(index, minlength=episodes)  # (E,)
    totals = np.zeros((episodes, errors.shape[1]))
    np.add.at(totals, index, errors)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(episodes, np.full(episodes, 1 / episodes), size=resamples)  # (B, E) how often each came
    means = (drawn @ totals) / (drawn @ windows)[:, None]
    return np.quantile(means, [0.025, 0.975], axis=0).T


def summarize(errors: ErrorArray, episode: IntArray, resamples: int, seed: int) -> dict[str, list[Any]]:
    """Mean, median, 90th percentile and 95 % interval of the mean at each step, of errors (N, K)."""
    return {
        "mean": errors.mean(axis=0).tolist(),
        "median": np.median(errors, axis=0).tolist(),
        "p90": np.quantile(errors, 0.9, axis=0).tolist(),
        "ci95": bootstrap_interval(errors, episode, resamples, seed).tolist(),
    }


def by_event(errors: WindowErrors, events: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Mean and median at each step of the windows in which each event happens, how many these are, and its title.

    Events (:attr:`rssm.game.Game.events`) that happen in no window are left out.
    """
    return {
        name: {
            "title": title,
            "windows": int(which.sum()),
            "mean": errors.stack[which].mean(axis=0).tolist(),
            "median": np.median(errors.stack[which], axis=0).tolist(),
        }
        for index, (name, title) in enumerate(events.items())
        if (which := errors.event == index).any()
    }


def ratio(numerator: list[float], denominator: list[float]) -> list[float | None]:
    """Quotient at each step; None where the denominator is 0."""
    return [above / below if below > 0 else None for above, below in zip(numerator, denominator, strict=True)]


def mean_by_step(lists: Sequence[Sequence[float]]) -> list[float]:
    """The mean over several lists that hold one value per step."""
    return [statistics.fmean(values) for values in zip(*lists, strict=True)]
