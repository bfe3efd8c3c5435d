"""Everything keeps moving as it just did."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rssm.arrays import FloatArray
from rssm.evaluation.rollout import roll_stacks


class ConstantVelocity:
    """Adds the newest change (newest frame minus the one before) once more per step. Nothing stops at a wall.

    Args:
        moving: the features that move on; all others stay.
    """

    def __init__(self, moving: Iterable[int]) -> None:
        self.moving = sorted(moving)

    def predict(
        self, observations: FloatArray, actions: np.ndarray, starts: np.ndarray, futures: np.ndarray
    ) -> FloatArray:
        """Stacks (W, K, F, S) after 1 to K steps; see :class:`rssm.evaluation.predictor.Predictor`."""
        stacks = observations[starts]
        newest, previous = stacks[..., -1], observations[np.maximum(starts - 1, 0), :, -1]
        velocity = np.zeros_like(newest)  # per agent step
        velocity[:, self.moving] = (newest - previous)[:, self.moving]
        steps = np.arange(1, futures.shape[1] + 1, dtype=np.float32)
        frames = newest[:, None] + steps[None, :, None] * velocity[:, None]
        return roll_stacks(stacks, frames)
