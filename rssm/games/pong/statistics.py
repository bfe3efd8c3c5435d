"""What the model has to know of its features' ranges, fitted on the training data alone and stored with the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.data.blocks import blocks
from rssm.games.pong import features as F
from rssm.games.pong.paddle import PaddleLaw
from rssm.storage.shape import NUMBER, POSITIVE, ListOf, Record, check_shape

#: positions, which move by whole pixels or jump; every other feature but the scores takes a few fixed values
COORDINATES = (F.PLAYER_X, F.PLAYER_Y, F.ENEMY_X, F.ENEMY_Y, F.BALL_X, F.BALL_Y)
SCORES = (F.ENEMY_SCORE, F.PLAYER_SCORE)
#: features that take a few fixed values, and these
FLAGS = {
    F.BALL_X_DIRECTION: (-1.0, 0.0, 1.0),
    F.BALL_Y_DIRECTION: (-1.0, 0.0, 1.0),
    F.BALL_SPAWNED: (0.0, 1.0),
    F.BALL_IN_BOUNDS: (0.0, 1.0),
    F.SCORE_PLAYER: (0.0, 1.0),
    F.SCORE_ENEMY: (0.0, 1.0),
}
#: a change of a coordinate by more pixels than this in one agent step is a jump (a goal, a serve), not a motion
LARGEST_MOVE = 24
#: most landing points of jumps that get a value of their own
MOST_LANDINGS = 64
_NUMBERS = ListOf(NUMBER, F.NUM_FEATURES)
_POINTS = ListOf(ListOf(NUMBER), F.NUM_FEATURES)
_SHAPE = Record(
    {
        "mean": _NUMBERS,
        "std": ListOf(POSITIVE, F.NUM_FEATURES),
        "moves": _POINTS,
        "landings": _POINTS,
        "low": _NUMBERS,
        "high": _NUMBERS,
        "paddle": Record({"share": NUMBER, "pull": ListOf(NUMBER, F.NUM_ACTIONS)}),
    }
)


@dataclass(frozen=True)
class FeatureStatistics:
    """Scale and reachable values of the 14 features.

    Args:
        mean: mean of each feature, raw units.
        std: standard deviation of each feature, raw units; 1 where it is constant.
        moves: for each feature the changes per agent step that it makes, whole pixels, ascending; empty for features
            that take fixed values.
        landings: for each feature the values that it jumps to, ascending.
        low: the least value of each feature, raw units.
        high: the greatest value of each feature, raw units.
        paddle: how our paddle moves inside an agent step.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    moves: tuple[tuple[float, ...], ...]
    landings: tuple[tuple[float, ...], ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    paddle: PaddleLaw

    @staticmethod
    def fit(frames: FloatArray, action: npt.NDArray[np.uint8], is_first: npt.NDArray[np.bool_]) -> FeatureStatistics:
        """Fit to frames (N, 14) in raw units and the actions (N,) taken after them.

        is_first (N,) marks the first row of each episode. The arrays may be mapped files that do not fit into memory:
        they are read a block at a time.
        """
        frames, is_first = np.asarray(frames), np.asarray(is_first)  # plain views: a memmap is slow to slice
        mean = _sums(frames, lambda rows: rows) / len(frames)
        std = np.sqrt(_sums(frames, lambda rows: np.square(rows - mean)) / len(frames))
        low, high = frames[0].copy(), frames[0].copy()
        widest = [np.zeros(0, frames.dtype)] * F.NUM_FEATURES  # the smallest and the largest change so far
        landed = [np.zeros(0, frames.dtype)] * F.NUM_FEATURES
        for block in blocks(len(frames)):
            rows = frames[block]
            low, high = np.minimum(low, rows.min(0)), np.maximum(high, rows.max(0))
            inside = ~is_first[block.start + 1 : block.stop + 1]
            before, after = rows[: len(inside)][inside], frames[block.start + 1 : block.stop + 1][inside]
            for i in range(F.NUM_FEATURES):
                if i in COORDINATES:
                    change = after[:, i] - before[:, i]
                    jumps = np.abs(change) > LARGEST_MOVE
                    widest[i] = _ends(np.append(widest[i], change[~jumps]))
                    landed[i] = np.unique(np.append(landed[i], after[jumps, i]))
                elif i not in SCORES:
                    landed[i] = np.unique(np.append(landed[i], rows[:, i]))
        return FeatureStatistics(
            mean=tuple(float(m) for m in mean),
            std=tuple(float(s) if s > 1e-6 else 1.0 for s in std),
            moves=tuple(_span(widest[i]) if i in COORDINATES else () for i in range(F.NUM_FEATURES)),
            landings=tuple(_points(distinct) for distinct in landed),
            low=tuple(float(v) for v in low),
            high=tuple(float(v) for v in high),
            paddle=PaddleLaw.fit(frames, action, is_first),
        )

    def widened(self) -> FeatureStatistics:
        """The same for a model that begins to learn before all of the game was seen.

        Coordinates that move may move by every whole pixel up to ``LARGEST_MOVE``, jumps may land on every whole pixel
        between those seen, and the flags take every value that they have by definition.
        """
        every_move = tuple(float(v) for v in range(-LARGEST_MOVE, LARGEST_MOVE + 1))
        moves = tuple(every_move if len(m) > 1 else m for m in self.moves)
        landings = tuple(
            FLAGS[i] if i in FLAGS else _span_of(points) if i in COORDINATES else points
            for i, points in enumerate(self.landings)
        )
        return replace(self, moves=moves, landings=landings)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FeatureStatistics:
        """What :meth:`to_dict` gave.

        Raises:
            UserError: it is something else; the line begins with ``statistics``.
        """
        check_shape(values, _SHAPE, "statistics", "those of Pong's features")
        return FeatureStatistics(
            mean=tuple(values["mean"]),
            std=tuple(values["std"]),
            moves=tuple(tuple(v) for v in values["moves"]),
            landings=tuple(tuple(v) for v in values["landings"]),
            low=tuple(values["low"]),
            high=tuple(values["high"]),
            paddle=PaddleLaw(values["paddle"]["share"], tuple(values["paddle"]["pull"])),
        )


def _sums(
    frames: FloatArray, part: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Sum (14,) over the rows of what ``part`` makes of them; taken row by row, so that blocks change no digit."""
    sums = np.zeros(frames.shape[1])
    for block in blocks(len(frames)):
        rows = part(frames[block].astype(np.float64))
        rows[0] += sums
        sums = np.add.reduce(rows, 0)
    return sums


def _ends(changes: FloatArray) -> FloatArray:
    """The smallest and the largest, if there are any."""
    return np.array([changes.min(), changes.max()]) if changes.size else changes


def _span(changes: FloatArray) -> tuple[float, ...]:
    """Every whole pixel between the smallest and the largest change."""
    if changes.size == 0:
        return (0.0,)
    low, high = np.floor(changes.min()), np.ceil(changes.max())
    return tuple(float(v) for v in np.arange(min(low, 0.0), max(high, 0.0) + 1.0))


def _points(distinct: FloatArray) -> tuple[float, ...]:
    """Distinct values, ascending, or as many evenly spaced ones where there are too many."""
    if len(distinct) > MOST_LANDINGS:
        distinct = np.linspace(distinct[0], distinct[-1], MOST_LANDINGS)
    return tuple(float(v) for v in distinct)


def _span_of(points: tuple[float, ...]) -> tuple[float, ...]:
    """Every whole pixel between the smallest and the largest of some points, if they lie close together."""
    if not points or points[-1] - points[0] >= MOST_LANDINGS:
        return points
    return tuple(float(v) for v in np.arange(np.floor(points[0]), np.ceil(points[-1]) + 1.0))
