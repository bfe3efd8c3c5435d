"""Nothing moves: the newest frame, again and again."""

from __future__ import annotations

import numpy as np

from rssm.arrays import FloatArray
from rssm.evaluation.rollout import roll_stacks


class Persistence:
    """Repeats the newest frame and shifts the older ones (all features stay as they are)."""

    def predict(
        self, observations: FloatArray, actions: np.ndarray, starts: np.ndarray, futures: np.ndarray
    ) -> FloatArray:
        """Stacks (W, K, F, S) after 1 to K steps; see :class:`rssm.evaluation.predictor.Predictor`."""
        stacks = observations[starts]
        return roll_stacks(stacks, np.repeat(stacks[:, None, :, -1], futures.shape[1], axis=1))
