"""Random numbers that follow from the seed and a counter.

Every update, every stretch of play and every evaluation draws from a generator of its own. So a run that was killed
needs no generator's state to go on exactly, and it does not matter which part of it ran first.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What is drawn."""

    AGENT_WEIGHTS = 0
    WORLD_WEIGHTS = 1
    GAMES = 2
    RANDOM_PLAY = 3
    PLAY = 4
    WORLD_CHUNKS = 5
    WORLD_UPDATE = 6
    AGENT_CHUNKS = 7
    AGENT_UPDATE = 8
    EVALUATION = 9
    FINAL_EVALUATION = 10


def derived_seed(seed: int, stream: Stream, number: int = 0) -> int:
    """The seed of one piece of work; below 2**53, so that any file keeps it exactly."""
    state = np.random.SeedSequence([seed, int(stream), number]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(11))
