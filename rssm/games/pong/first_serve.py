"""The error that nobody can go below at a game's start, where nothing shows how long the game has been running.

A game starts after 0 to ``noop_max`` console frames of doing nothing, and its first serve comes so many frames later.
All these numbers are equally likely. Those that would have shown other frames by now are out; the futures of the others
are what the recorded actions can still lead to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from rssm.arrays import ErrorArray, FloatArray
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
    games = np.stack([_play(game, noops, windows) for noops in range(noop_max + 1)])
    differs = (games != windows.observations[: games.shape[1]]).any((-2, -1))
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


def _play(game: gymnasium.Env[FloatArray, Any], noops: int, windows: EpisodeWindows) -> FloatArray:
    """The stacks (T + 1, F, S) of a game that starts after some no-ops, up to the end of the last window.

    Once it has shown another frame it is out for the windows that begin later, and no longer played: NaN.
    """
    horizon = windows.futures.shape[1]
    end = int(windows.starts.max()) + horizon
    stacks = np.full((end + 1, *windows.observations.shape[1:]), np.nan, np.float32)
    stack, agrees, step = game.reset(options={"noops": noops})[0], True, 0
    while True:
        stacks[step] = to_stack(stack, STACK_SIZE)
        if agrees and (stacks[step] != windows.observations[step]).any():
            agrees = False
            end = int(windows.starts[windows.starts < step].max(initial=-horizon)) + horizon
        if step >= end:
            return stacks
        stack, *_ = game.step(windows.actions[step])
        step += 1
