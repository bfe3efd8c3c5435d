"""Recorded episodes, played again in the emulator to look at other futures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rssm.arrays import FloatArray, IntArray
from rssm.data.episode import Episode
from rssm.data.frames import to_stack
from rssm.errors import DataError
from rssm.game import Cloneable


def replay(
    game: Cloneable, index: int, episode: Episode, starts: IntArray, options: dict[str, Any] | None = None
) -> Iterator[tuple[int, Any]]:
    """Play an episode again and stop at each of ``starts`` (ascending).

    The caller may do with the environment what it likes in between: it is put back afterwards.

    Args:
        game: with the settings that the episode was played with.
        index: of the episode, for the message.
        episode: what was recorded, its seed included.
        starts: (W,) where to stop.
        options: of the reset that it began with (:func:`rssm.data.beginning.recorded_options`).

    Yields:
        (position in ``starts``, state of the game there).

    Raises:
        DataError: the emulator shows other frames than were recorded.
    """
    _, info = game.reset(seed=episode.seed, options=options)
    step = 0
    for position, start in enumerate(starts):
        while True:
            if not np.array_equal(info["frame"], episode.features[step]):
                raise DataError(
                    f"episode {index}: expected the emulator to repeat the recorded frames,"
                    f" but they differ from step {step} on; seed, settings or emulator are not those of the recording"
                )
            if step == start:
                break
            info = game.step(int(episode.action[step]))[-1]
            step += 1
        state = game.clone_state()
        yield position, state
        game.restore_state(state)


def play_on(game: Cloneable, actions: IntArray, frames: int) -> FloatArray | None:
    """Take actions (K,) from where the game is: the stacks (K, F, S) of S ``frames`` after each, or None if the game
    ends on the way.
    """
    observations = []
    for action in actions:
        observation, _, terminated, _, _ = game.step(action)
        if terminated:
            return None
        observations.append(observation)
    return to_stack(np.stack(observations), frames)
