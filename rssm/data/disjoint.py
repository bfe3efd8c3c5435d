"""No game may be learned from and measured on."""

from __future__ import annotations

from rssm.data.dataset import Dataset
from rssm.errors import DataError


def check_disjoint(one: Dataset, other: Dataset) -> None:
    """Refuse two data sets that share a game: by the games' seeds, and where these are not known by content.

    Raises:
        DataError: names both folders and the first game that is in both.
    """
    seeds = {seed: index for index, seed in enumerate(one.meta["episode_seeds"]) if seed is not None}
    for index, seed in enumerate(other.meta["episode_seeds"]):
        if seed in seeds:
            raise DataError(
                f"{other.path}: expected none of the games of {one.path}, but episode {index} has the seed of its "
                f"episode {seeds[seed]}"
            )
    if one.meta["sha256"]["features.npy"] == other.meta["sha256"]["features.npy"]:
        raise DataError(f"{other.path}: expected none of the games of {one.path}, but it holds the same recording")
