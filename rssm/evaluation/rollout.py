"""From predicted frames to the stacks that contain them."""

from __future__ import annotations

import numpy as np

from rssm.arrays import FloatArray
from rssm.data.frames import push_frame


def roll_stacks(stacks: FloatArray, frames: FloatArray) -> FloatArray:
    """Push K predicted frames into each stack, one after the other.

    Args:
        stacks: (W, F, S), the last real stack of each window.
        frames: (W, K, F), the predicted frames that follow it.

    Returns:
        (W, K, F, S), the stack after each of the K steps: older frames are shifts, real ones as long as they last.
    """
    rolled = []
    for step in range(frames.shape[1]):
        stacks = push_frame(stacks, frames[:, step])
        rolled.append(stacks)
    return np.stack(rolled, axis=1)
