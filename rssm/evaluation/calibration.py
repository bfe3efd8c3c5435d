"""Does a model know how wrong it is? The spread of its sampled futures against what truly came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.errors import DivergedError
from rssm.evaluation.intervals import ratio
from rssm.evaluation.windows import episode_lengths, sample_starts, windows_at

#: bins of the rank histogram
BINS = 10
#: central intervals, in percent
INTERVALS = (50, 90)


@dataclass(frozen=True)
class Futures:
    """Sampled futures of W windows.

    Attributes:
        frames: (S, W, K, F), drawn; raw units.
        surprise: (W, K), -ln of the probability that the S futures together give the frame that truly came, in nats;
            None where the model gives no probabilities.
    """

    frames: FloatArray
    surprise: ErrorArray | None


class Sampler(Protocol):
    """Answers with single futures where a :class:`rssm.evaluation.predictor.Predictor` answers with one prediction."""

    def sample_futures(
        self,
        observations: FloatArray,
        actions: IntArray,
        starts: IntArray,
        futures: IntArray,
        truth: FloatArray,
        samples: int,
    ) -> Futures:
        """``samples`` futures of each window; ``truth`` (W, K, F, S) is only for the surprise at it."""
        ...


@dataclass(frozen=True)
class Doubt:
    """Spread and error of N windows at each of the K steps.

    Attributes:
        spread: (N, K) variance of the futures, mean over all values of the frame, px²; what a calibrated model's
            squared error is on average: the unbiased variance times 1 + 1/S, as the mean of S futures is itself drawn.
        error: (N, K) squared error of the futures' mean, px².
        rank: (N, K, P) place of the truth among the futures, 0 to 1; ties are broken at random.
        outside: (N, K, P) whether the truth is beyond all futures.
        surprise: (N, K) nats, or None.
        event: (N,) what happens in the window.
    """

    spread: ErrorArray
    error: ErrorArray
    rank: ErrorArray
    outside: npt.NDArray[np.bool_]
    surprise: ErrorArray | None
    event: IntArray


def calibration(
    sampler: Sampler, dataset: Dataset, windows: int, samples: int, seed: int, lengths: IntArray | None = None
) -> dict[str, Any]:
    """Hold the spread of sampled futures against their error, over up to ``windows`` windows drawn from the data, or
    from the first ``lengths`` (E,) rows of its episodes.

    A calibrated model's ``ratio`` of spread to squared error is 1 (below: too sure of itself), the ranks of the truth
    among its futures are spread evenly over the ten bins of ``ranks`` (at the last step), and a central interval of
    its futures holds its share of the truths (``coverage``, by the interval in percent).

    Returns:
        ``windows``, ``samples``, the lists by step of ``spread``, ``error``, ``ratio``, ``outside`` (share of
        positions beyond all futures) and ``surprise`` (nats; None where there are no probabilities), ``coverage``,
        ``ranks`` by position, and ``events`` with the same lists. ``{"skipped": reason}`` where there is no window.

    Raises:
        DivergedError: a future is not finite.
    """
    rng, game = np.random.default_rng(seed), dataset.game
    lengths = episode_lengths(dataset) if lengths is None else lengths
    parts = []
    for index, starts in sample_starts(lengths, windows, rng).items():
        batch = windows_at(dataset, index, starts)
        futures = sampler.sample_futures(batch.observations, batch.actions, starts, batch.futures, batch.truth, samples)
        parts.append(doubt(futures, batch.truth[..., -1], batch.events, list(game.positions.values()), rng))
    if not parts:
        return {"skipped": f"no episode has a window of {HORIZON} steps"}
    found = _join(parts)
    inside = {str(width): np.abs(found.rank - 0.5) <= width / 200 for width in INTERVALS}
    last = found.rank[:, -1]
    return {
        "samples": samples,
        **_describe(found, np.ones(len(found.event), bool)),
        "coverage": {width: share.mean(axis=(0, 2)).tolist() for width, share in inside.items()},
        "ranks": {
            name: (np.histogram(last[:, i], BINS, (0, 1))[0] / len(last)).tolist()
            for i, name in enumerate(game.positions)
        },
        "events": {
            name: _describe(found, which)
            for index, name in enumerate(game.events)
            if (which := found.event == index).any()
        },
    }


def doubt(
    futures: Futures, truth: FloatArray, event: IntArray, positions: Sequence[int], rng: np.random.Generator
) -> Doubt:
    """Spread, error and, of some features, ranks of futures (S, W, K, F) beside the true frames (W, K, F).

    ``rng`` breaks ties.
    """
    frames = futures.frames.astype(np.float64)
    if not np.isfinite(frames).all():
        raise DivergedError("futures: expected finite values, got nan or inf; the model has diverged")
    samples = len(frames)
    spread = (1 + 1 / samples) * frames.var(axis=0, ddof=1).mean(axis=-1)
    error = ((frames.mean(axis=0) - truth) ** 2).mean(axis=-1)
    places, true = frames[..., positions], truth[..., positions]
    below, equal = (places < true).sum(axis=0), (places == true).sum(axis=0)
    rank = (below + rng.random(below.shape) * (equal + 1)) / (samples + 1)
    outside = (equal == 0) & ((below == 0) | (below == samples))
    return Doubt(spread, error, rank, outside, futures.surprise, event)


def _join(parts: list[Doubt]) -> Doubt:
    surprises = [part.surprise for part in parts if part.surprise is not None]
    return Doubt(
        np.concatenate([part.spread for part in parts]),
        np.concatenate([part.error for part in parts]),
        np.concatenate([part.rank for part in parts]),
        np.concatenate([part.outside for part in parts]),
        np.concatenate(surprises) if surprises else None,
        np.concatenate([part.event for part in parts]),
    )


def _describe(found: Doubt, which: npt.NDArray[np.bool_]) -> dict[str, Any]:
    spread, error = found.spread[which].mean(axis=0), found.error[which].mean(axis=0)
    return {
        "windows": int(which.sum()),
        "spread": spread.tolist(),
        "error": error.tolist(),
        "ratio": ratio(spread.tolist(), error.tolist()),
        "outside": found.outside[which].mean(axis=(0, 2)).tolist(),
        "surprise": None if found.surprise is None else found.surprise[which].mean(axis=0).tolist(),
    }
