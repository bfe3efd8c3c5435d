from dataclasses import replace
from pathlib import Path

import pytest

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.disjoint import check_disjoint
from rssm.data.play import play_episode
from rssm.errors import DataError
from rssm.games.pong.player import Player


def record(path: Path, seeds: list[int], player: str = "random", *, known: bool = True) -> Dataset:
    games = [play_episode(EnvConfig(), Player(player), seed, 12) for seed in seeds]
    if not known:
        games = [type(game)(game.features, game.action, game.reward, False, True, None) for game in games]
    write_dataset(path, games, env=EnvConfig() if known else None, policy={"name": player}, seed=None)
    return Dataset.open(path)


def test_games_of_other_seeds_pass(tmp_path: Path) -> None:
    check_disjoint(record(tmp_path / "one", [1, 2]), record(tmp_path / "other", [3, 4]))


def test_a_shared_seed_is_refused_whoever_plays(tmp_path: Path) -> None:
    one, other = record(tmp_path / "one", [1, 2]), record(tmp_path / "other", [3, 2], "tracking")
    message = "other: expected none of the games of .*one, but episode 1 has the seed of its episode 1"
    with pytest.raises(DataError, match=message):
        check_disjoint(one, other)


def test_the_same_recording_under_another_name_is_refused(tmp_path: Path) -> None:
    one = record(tmp_path / "one", [1, 2], known=False)
    (tmp_path / "link").symlink_to(tmp_path / "one")
    with pytest.raises(DataError, match=r"link: expected none of the games of .*one, but it holds the same recording"):
        check_disjoint(one, Dataset.open(tmp_path / "link"))
    check_disjoint(one, record(tmp_path / "other", [1, 3], known=False))  # imported: nothing else is known


def test_games_under_other_seeds_are_still_the_same_games(tmp_path: Path) -> None:
    """What is said of a recording can be changed; what is in it says what it is."""
    games = [play_episode(EnvConfig(), Player("random"), seed, 12) for seed in (1, 2, 3)]
    write_dataset(tmp_path / "one", games, env=EnvConfig(), policy={"name": "random"}, seed=None)
    renamed = [replace(game, seed=90 + index) for index, game in enumerate(games[1:])]
    write_dataset(tmp_path / "two", renamed, env=EnvConfig(), policy={"name": "random"}, seed=None)
    one, two = Dataset.open(tmp_path / "one"), Dataset.open(tmp_path / "two")
    with pytest.raises(DataError, match=r"two: expected none of the games of .*one, but it holds the same recording"):
        check_disjoint(one, two)
