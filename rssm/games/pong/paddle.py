"""How our paddle moves inside an agent step, fitted to recorded games."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.data.blocks import blocks
from rssm.games.pong import features as F

#: pixels that the paddle can move in an agent step: nearer to an end of its way, the end would stop it
_LARGEST_STEP = 24.0
#: weight of the prior, an even motion, in steps and in squared pixels: enough for no data, little beside any
_PRIOR_STEPS, _PRIOR_SLOPE = 0.01, 1.0


@dataclass(frozen=True)
class PaddleLaw:
    """Where the paddle stands after the first of the two moves of a step: ``begin + share * (end - begin) + pull[a]``.

    The console moves the paddle in every second frame, m2 = r m1 + k[a] (half of the last move and a pull by the
    joystick), and an agent sees only the sum of two moves, S = m1 + m2. So m1 = (S - k[a]) / (1 + r), and between two
    steps under one action S' = r² S + 2 (1 + r) k[a], which can be fitted to what is seen.

    Args:
        share: 1 / (1 + r), from 0.5 (even motion) to 1.
        pull: -k[a] / (1 + r) of each of the six actions, pixels.
    """

    share: float
    pull: tuple[float, ...]

    @staticmethod
    def fit(frames: FloatArray, action: npt.NDArray[np.uint8], is_first: npt.NDArray[np.bool_]) -> PaddleLaw:
        """Least squares over pairs of steps under the same action, away from the ends of the way.

        Args:
            frames: (N, 14), raw pixels.
            action: (N,), taken after each.
            is_first: (N,), marks the first row of each episode.
        """
        every_place = np.asarray(frames)[:, F.PLAYER_Y]
        low, high = float(every_place.min()) + _LARGEST_STEP, float(every_place.max()) - _LARGEST_STEP
        products = np.diag([_PRIOR_SLOPE] + [_PRIOR_STEPS] * F.NUM_ACTIONS)
        moments = np.zeros(1 + F.NUM_ACTIONS)
        for block in blocks(max(len(every_place) - 2, 0)):
            seen = slice(block.start, block.stop + 2)  # two steps begin in each row of the block
            place, taken, begins = every_place[seen].astype(np.float64), action[seen], is_first[seen]
            step = np.diff(place)
            free = (place > low) & (place < high)
            held = taken[:-2] == taken[1:-1]
            whole = ~(begins[1:-1] | begins[2:])
            rows = np.flatnonzero(held & whole & free[:-2] & free[1:-1] & free[2:])
            # regress S' - S, so that without evidence the law is an even motion
            inputs = np.concatenate([step[rows, None], np.eye(F.NUM_ACTIONS)[taken[rows]]], axis=1)
            products = inputs.T @ inputs + products
            moments = inputs.T @ (step[rows + 1] - step[rows]) + moments
        slope, *offset = np.linalg.solve(products, moments)
        decay = np.sqrt(np.clip(1.0 + slope, 0.0, 1.0))
        pull = -np.array(offset) / (2.0 * (1.0 + decay) ** 2)
        return PaddleLaw(float(1.0 / (1.0 + decay)), tuple(float(p) for p in pull))
