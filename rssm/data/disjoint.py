"""No game may be learned from and measured on."""

from __future__ import annotations

import numpy as np

from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.errors import DataError


def check_disjoint(one: Dataset, other: Dataset) -> None:
    """Refuse two data sets that share a game by its seed, and two of which one holds all games of the other, whatever
    they are called, wherever they lie and whatever is said of their seeds.

    Raises:
        DataError: names both folders and, by its seed, the first game that is in both.
    """
    seeds = {seed: index for index, seed in enumerate(one.meta["episode_seeds"]) if seed is not None}
    for index, seed in enumerate(other.meta["episode_seeds"]):
        if seed in seeds:
            raise DataError(
                f"{other.path}: expected none of the games of {one.path}, but episode {index} has the seed of its "
                f"episode {seeds[seed]}"
            )
    same = one.meta["sha256"]["features.npy"] == other.meta["sha256"]["features.npy"]
    if same or shared_games(other, one) == scored_games(other) > 0:
        raise DataError(f"{other.path}: expected none of the games of {one.path}, but it holds the same recording")


def scored_games(dataset: Dataset) -> int:
    """How many games are long enough for a window."""
    return sum(rows.stop - rows.start > HORIZON for rows in dataset.episodes)


def shared_games(dataset: Dataset, training: Dataset) -> int:
    """How many games of ``dataset`` are in ``training`` too, up to where the shorter recording of the two ends.

    Games that are too short for a window do not count, neither as shared nor as different.
    """
    known: dict[bytes, list[Episode]] = {}
    for episode in map(training.episode, range(len(training.episodes))):
        known.setdefault(_begin(episode), []).append(episode)
    games = (dataset.episode(index) for index in range(len(dataset.episodes)))
    return sum(
        any(_same(game, other) for other in known.get(_begin(game), ())) for game in games if len(game) > HORIZON
    )


def _begin(game: Episode) -> bytes:
    """A game's first rows, by which candidates are found."""
    return game.features[: HORIZON + 1].tobytes() + game.action[: HORIZON + 1].tobytes()


def _same(game: Episode, other: Episode) -> bool:
    rows = min(len(game), len(other))
    return np.array_equal(game.features[:rows], other.features[:rows]) and np.array_equal(
        game.action[:rows], other.action[:rows]
    )
