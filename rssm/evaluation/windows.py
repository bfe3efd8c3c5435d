"""Cutting episodes into the windows that a predictor is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rssm.arrays import FloatArray, IntArray
from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.game import Game


@dataclass(frozen=True)
class EpisodeWindows:
    """W windows of one episode: its past, the actions from each start, and what they truly led to.

    Attributes:
        game: that they are of.
        episode: index of the episode.
        observations: (L, F, S) stacks of the whole episode.
        actions: (L,) recorded actions.
        starts: (W,) the last step that a predictor may see.
        futures: (W, 6) actions taken from there, the recorded ones or others.
        truth: (W, 6, F, S) stacks after 1 to 6 of these.
    """

    game: Game
    episode: int
    observations: FloatArray
    actions: IntArray
    starts: IntArray
    futures: IntArray
    truth: FloatArray

    @property
    def events(self) -> IntArray:
        """(W,) what happens in each window, an index into :attr:`rssm.game.Game.events`."""
        begin = self.observations[self.starts, :, -1][:, None]
        return self.game.label(np.concatenate([begin, self.truth[..., -1]], axis=1), self.starts)


def episode_lengths(dataset: Dataset, episodes: Sequence[slice] | None = None) -> IntArray:
    """The lengths (E,) of the episodes; where ``episodes`` are given, 0 for those that are not among them."""
    lengths: IntArray = np.array(
        [rows.stop - rows.start if episodes is None or rows in episodes else 0 for rows in dataset.episodes], np.int64
    )
    return lengths


def window_starts(length: int) -> IntArray:
    """The starts 0, 6, 12, … (W,) of an episode of ``length`` rows.

    Windows cross goals and serves; only the episode's end cuts one off: row ``start + 6`` must exist.
    """
    return np.arange(0, max(length - HORIZON, 0), HORIZON, dtype=np.int64)


def count_windows(lengths: IntArray) -> int:
    """How many windows episodes of these lengths (E,) have."""
    return sum(len(window_starts(int(length))) for length in lengths)


def recorded_windows(
    game: Game, episode: int, frames: FloatArray, actions: IntArray, starts: IntArray
) -> EpisodeWindows:
    """The windows that an episode of frames (L, F) and actions (L,) itself recorded at starts (W,)."""
    observations = stack_episode(frames, game.layout.stack)
    return EpisodeWindows(
        game,
        episode,
        observations,
        actions,
        starts,
        futures=actions[starts[:, None] + np.arange(HORIZON)],
        truth=observations[starts[:, None] + np.arange(1, HORIZON + 1)],
    )


def windows_at(dataset: Dataset, index: int, starts: IntArray) -> EpisodeWindows:
    """The windows that episode number ``index`` of a data set recorded at starts (W,)."""
    episode = dataset.episode(index)
    return recorded_windows(dataset.game, index, episode.features, episode.action.astype(np.int64), starts)


def sample_starts(lengths: IntArray, count: int, rng: np.random.Generator) -> dict[int, IntArray]:
    """Draw windows without replacement from those of episodes with ``lengths`` (E,) rows.

    Returns:
        ascending starts by episode; ``count`` in all, or every window where there are fewer.
    """
    every = [(episode, start) for episode, length in enumerate(lengths) for start in window_starts(int(length))]
    drawn = np.sort(rng.choice(len(every), size=min(count, len(every)), replace=False))
    starts: dict[int, list[int]] = {}
    for index in drawn:
        episode, start = every[index]
        starts.setdefault(episode, []).append(start)
    return {episode: np.array(chosen, np.int64) for episode, chosen in starts.items()}
