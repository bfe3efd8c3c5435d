"""The error that nobody can go below at a game's start, where nothing shows how long the game has been running.

A game starts after 0 to ``noop_max`` console frames of doing nothing, and its first serve comes so many frames later.
All these numbers are equally likely. Those that would have shown other frames by now are out; the futures of the others
are what the recorded actions can still lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.data.frames import to_observation, to_stack
from rssm.errors import DataError
from rssm.games.pong.features import STACK_SIZE

if TYPE_CHECKING:
    from rssm.evaluation.windows import EpisodeWindows


def start_floor(game: gymnasium.Env[FloatArray, Any], noop_max: int, windows: EpisodeWindows) -> ErrorArray:
    """Variance (W, K) of what can still happen after each window's start, px², mean over all 56 values.

    Args:
        game: with the settings of the data, without sticky actions: a game's past could not be played again with them.
        noop_max: of the data.
        windows: W windows of one episode from its beginning on, with their recorded actions.

    Raises:
        DataError: no number of no-ops shows the recorded frames.
    """
    steps = int(windows.starts.max()) + windows.futures.shape[1]
    games = np.stack([_play(game, noops, windows.actions[:steps]) for noops in range(noop_max + 1)])
    differs = (games != windows.observations[: steps + 1]).any((-2, -1))
    variances = []
    for start, truth in zip(windows.starts, windows.truth, strict=True):
        possible = games[~differs[:, : start + 1].any(1), start + 1 : start + 1 + len(truth)]
        if not len(possible):
            raise DataError(
                f"episode {windows.episode}: expected one of 0 to {noop_max} no-ops to repeat its first "
                f"{start + 1} frames, none does; settings or emulator are not those of the recording"
            )
        variances.append(to_observation(possible).var(axis=0, dtype=np.float64).mean(axis=-1))
    return np.stack(variances)


def _play(game: gymnasium.Env[FloatArray, Any], noops: int, actions: IntArray) -> FloatArray:
    """The stacks (T + 1, 14, 4) of a game that starts after some no-ops."""
    stacks = [game.reset(options={"noops": noops})[0]]
    stacks += [game.step(action)[0] for action in actions]
    return to_stack(np.stack(stacks), STACK_SIZE)
