"""Seeds that follow from a job's seed and a counter.

Every episode, every update, every stretch of play and every evaluation draws from a generator of its own. So a run that
was killed needs no generator's state to go on exactly, and it does not matter which part of it ran first, or where.
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
    """The seed of one piece of work: number ``number`` of a stream."""
    return _mixed(seed, stream, number)


def episode_seed(seed: int, index: int, player: int = 0) -> int:
    """The seed of a player's episode ``index`` of the data set with this seed."""
    # a single player's seeds are as they were before there were more
    return _mixed(seed, index, player) if player else _mixed(seed, index)


def _mixed(*key: int) -> int:
    """Below 2**53, so that any file keeps it exactly."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(11))
