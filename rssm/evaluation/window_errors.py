"""The error of every window, kept small enough to look at where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rssm.arrays import ErrorArray, FloatArray
from rssm.data.frames import to_observation
from rssm.errors import DivergedError, UserError


@dataclass(frozen=True)
class WindowErrors:
    """Squared errors (px²) of N windows at each of the K predicted steps.

    Attributes:
        stack: (N, K) mean over all values of the stack.
        newest: (N, K, F) of each feature in the newest frame.
        episode: (N,) index of the episode that a window is from.
        start: (N,) step of the episode that it starts at.
        event: (N,) what happens in it (an index into :attr:`rssm.game.Game.events`).
    """

    stack: ErrorArray
    newest: ErrorArray
    episode: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.stack)

    @property
    def frame(self) -> ErrorArray:
        """(N, K) mean over the values of the newest frame."""
        frame: ErrorArray = self.newest.mean(axis=-1)
        return frame

    def take(self, which: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> WindowErrors:
        """Only the windows that a mask (N,) or an index selects."""
        return WindowErrors(
            self.stack[which], self.newest[which], self.episode[which], self.start[which], self.event[which]
        )

    @staticmethod
    def join(parts: Sequence[WindowErrors]) -> WindowErrors:
        """The windows of several episodes, in order."""
        return WindowErrors(
            np.concatenate([part.stack for part in parts]),
            np.concatenate([part.newest for part in parts]),
            np.concatenate([part.episode for part in parts]),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.event for part in parts]),
        )


def squared_errors(predicted: FloatArray, truth: FloatArray) -> tuple[ErrorArray, ErrorArray]:
    """Score predicted against true stacks, both (W, K, F, S), in raw pixel units.

    Returns:
        (W, K) mean over all values, and (W, K, F) of the newest frame's features; both squared.

    Raises:
        UserError: the predictor answered another shape.
        DivergedError: the predictor's values are not finite.
    """
    if predicted.shape != truth.shape:
        raise UserError(f"prediction: expected shape {truth.shape}, got {predicted.shape}")
    if not np.isfinite(predicted).all():
        raise DivergedError("prediction: expected finite values, got nan or inf; the model has diverged")
    squares: ErrorArray = (predicted.astype(np.float64) - truth) ** 2
    return to_observation(squares).mean(axis=-1), squares[..., -1]
