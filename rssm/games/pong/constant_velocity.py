"""Everything keeps moving as it just did."""

from __future__ import annotations

import numpy as np

from rssm.arrays import FloatArray
from rssm.evaluation.rollout import roll_stacks
from rssm.games.pong.features import BALL_X, BALL_Y, ENEMY_Y, NUM_FEATURES, PLAYER_Y, STACK_SIZE

#: the features that are positions of something that moves; scores and flags have no velocity
MOVING = (PLAYER_Y, ENEMY_Y, BALL_X, BALL_Y)


class ConstantVelocity:
    """Adds the newest change (newest frame minus the one before) once more per step.

    Only the positions of ball and paddles move; flags, directions and scores stay. Nothing stops at a wall.
    """

    def predict(
        self, observations: FloatArray, actions: np.ndarray, starts: np.ndarray, futures: np.ndarray
    ) -> FloatArray:
        """Stacks (W, K, 56) after 1 to K steps; see :class:`rssm.evaluation.predictor.Predictor`."""
        stacks = observations[starts]
        grid = stacks.reshape(len(stacks), NUM_FEATURES, STACK_SIZE)
        velocity = np.zeros((len(stacks), NUM_FEATURES), np.float32)  # pixels per agent step
        velocity[:, MOVING] = grid[:, MOVING, -1] - grid[:, MOVING, -2]
        steps = np.arange(1, futures.shape[1] + 1, dtype=np.float32)
        frames = grid[:, None, :, -1] + steps[None, :, None] * velocity[:, None]
        return roll_stacks(stacks, frames)
