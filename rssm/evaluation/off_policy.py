"""Windows under random actions, with exact truth from cloned emulator states.

A model that has only seen a player follow the ball can learn "the paddle follows the ball" and ignore the action; on
that player's own games nobody would notice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rssm.arrays import IntArray
from rssm.config import HORIZON
from rssm.data.beginning import recorded_options
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.evaluation.replay import play_on, replay
from rssm.evaluation.windows import EpisodeWindows, sample_starts
from rssm.progress import Progress
from rssm.protocols import Cloneable


def random_windows(
    game: Cloneable, dataset: Dataset, lengths: IntArray, count: int, rng: np.random.Generator
) -> Iterator[EpisodeWindows]:
    """Play uniformly random actions from up to ``count`` window starts in the episodes' first ``lengths`` (E,) rows.

    The past of a window is the recorded one. Windows in which the game ends are left out. ``game`` has the settings of
    the data.

    Raises:
        DataError: the data set cannot be played again (see :func:`rssm.evaluation.replay.replay`).
    """
    frames = dataset.game.layout.stack
    chosen = sample_starts(lengths, count, rng)
    with Progress("off policy", sum(map(len, chosen.values())), "windows") as progress:
        for index, starts in chosen.items():
            episode = dataset.episode(index)
            options = recorded_options(dataset.game, episode)
            actions = episode.action.astype(np.int64)
            futures = rng.integers(dataset.game.layout.num_actions, size=(len(starts), HORIZON))
            truth = {}
            for position, _ in replay(game, index, episode, starts, options):
                stacks = play_on(game, futures[position], frames)
                if stacks is not None:
                    truth[position] = stacks
                progress.advance(1)
            if truth:
                kept = list(truth)
                observations = stack_episode(episode.features, frames)
                yield EpisodeWindows(
                    dataset.game,
                    index,
                    observations,
                    actions,
                    starts[kept],
                    futures[kept],
                    np.stack(list(truth.values())),
                )
