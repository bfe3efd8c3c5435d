"""What the model has to know of its features' ranges, fitted on the training data alone and stored with the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm import features as F
from rssm.features import FloatArray

#: positions, which move by whole pixels or jump; every other feature but the scores takes a few fixed values
COORDINATES = (F.PLAYER_X, F.PLAYER_Y, F.ENEMY_X, F.ENEMY_Y, F.BALL_X, F.BALL_Y)
SCORES = (F.ENEMY_SCORE, F.PLAYER_SCORE)
#: a change of a coordinate by more pixels than this in one agent step is a jump (a goal, a serve), not a motion
LARGEST_MOVE = 24
#: most landing points of jumps that get a value of their own
MOST_LANDINGS = 64


@dataclass(frozen=True)
class FeatureStatistics:
    """Scale and reachable values of the 14 features.

    Args:
        mean: mean of each feature, raw units.
        std: standard deviation of each feature, raw units; 1 where it is constant.
        moves: for each feature the changes per agent step that it makes, whole pixels, ascending; empty for features
            that take fixed values.
        landings: for each feature the values that it jumps to, ascending.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    moves: tuple[tuple[float, ...], ...]
    landings: tuple[tuple[float, ...], ...]

    @staticmethod
    def fit(frames: FloatArray, is_first: npt.NDArray[np.bool_]) -> FeatureStatistics:
        """Fit to frames (N, 14) in raw units; is_first (N,) marks the first row of each episode."""
        std = frames.std(0, dtype=np.float64)
        before, after = frames[:-1][~is_first[1:]], frames[1:][~is_first[1:]]
        moves: list[tuple[float, ...]] = []
        landings: list[tuple[float, ...]] = []
        for i in range(F.NUM_FEATURES):
            if i in COORDINATES:
                change = after[:, i] - before[:, i]
                jumps = np.abs(change) > LARGEST_MOVE
                moves.append(_span(change[~jumps]))
                landings.append(_points(after[jumps, i]))
            else:
                moves.append(())
                landings.append(() if i in SCORES else _points(frames[:, i]))
        return FeatureStatistics(
            mean=tuple(float(m) for m in frames.mean(0, dtype=np.float64)),
            std=tuple(float(s) if s > 1e-6 else 1.0 for s in std),
            moves=tuple(moves),
            landings=tuple(landings),
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FeatureStatistics:
        return FeatureStatistics(
            mean=tuple(values["mean"]),
            std=tuple(values["std"]),
            moves=tuple(tuple(v) for v in values["moves"]),
            landings=tuple(tuple(v) for v in values["landings"]),
        )


def _span(changes: FloatArray) -> tuple[float, ...]:
    """Every whole pixel between the smallest and the largest change."""
    if changes.size == 0:
        return (0.0,)
    low, high = np.floor(changes.min()), np.ceil(changes.max())
    return tuple(float(v) for v in np.arange(min(low, 0.0), max(high, 0.0) + 1.0))


def _points(values: FloatArray) -> tuple[float, ...]:
    """The distinct values, or as many evenly spaced ones where there are too many."""
    distinct = np.unique(values)
    if len(distinct) > MOST_LANDINGS:
        distinct = np.linspace(distinct[0], distinct[-1], MOST_LANDINGS)
    return tuple(float(v) for v in distinct)
