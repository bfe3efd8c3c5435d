import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.episode import Episode
from rssm.data.kept import KeptEpisodes, game_file, keep_episode, kept_folder
from rssm.data.play import play_episode
from rssm.games.pong.player import Player
from rssm.storage.owner import token

PLAN = {"seed": 1, "players": "tracking", "env": {"noop_max": 30}}


@pytest.fixture(scope="module")
def episode() -> Episode:
    return play_episode(EnvConfig(), Player("tracking"), 3, 20)


def leave(path: Path, episode: Episode) -> Path:
    """What a killed collection leaves, with one game of player 1."""
    with contextlib.suppress(InterruptedError), KeptEpisodes(path, PLAN) as kept:
        keep_episode(game_file(kept.folder, 1, 0), episode)
        raise InterruptedError
    return game_file(kept_folder(path), 1, 0)


def test_a_game_comes_back_as_it_was(tmp_path: Path, episode: Episode) -> None:
    leave(tmp_path / "data", episode)
    with KeptEpisodes(tmp_path / "data", PLAN) as kept:
        found = kept.load(1, 0)
        assert kept.load(0, 0) is kept.load(1, 1) is None
    assert found is not None
    for name in ("features", "action", "reward"):
        np.testing.assert_array_equal(getattr(found, name), getattr(episode, name))
        assert getattr(found, name).dtype == getattr(episode, name).dtype
    assert (found.terminated, found.truncated, found.seed, found.player) == (False, True, 3, "tracking epsilon=0.5")
    assert list(tmp_path.iterdir()) == []


def test_games_of_another_plan_are_removed(tmp_path: Path, episode: Episode) -> None:
    leave(tmp_path / "data", episode)
    with KeptEpisodes(tmp_path / "data", PLAN | {"seed": 2}) as kept:
        assert kept.load(1, 0) is None
        assert not kept.any()


def test_a_plan_that_cannot_be_read_is_another_one(tmp_path: Path, episode: Episode) -> None:
    leave(tmp_path / "data", episode)
    (kept_folder(tmp_path / "data") / "plan.json").write_text(json.dumps(PLAN)[:-4])
    with KeptEpisodes(tmp_path / "data", PLAN) as kept:
        assert kept.load(1, 0) is None


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_game_is_no_game(tmp_path: Path, episode: Episode, damage: str) -> None:
    file = leave(tmp_path / "data", episode)
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[300] ^= 4  # in the features
    file.write_bytes({"truncated": content[:-30], "flipped": content, "empty": b""}[damage])
    with KeptEpisodes(tmp_path / "data", PLAN) as kept:
        assert kept.load(1, 0) is None


def test_data_sets_that_a_killed_process_had_half_written_are_cleared(tmp_path: Path) -> None:
    machine = token().partition("-")[0]
    (tmp_path / f".data.{machine}-1-5.tmp").mkdir()  # the first process of all did not begin then
    (tmp_path / f".data.{token()}.tmp").mkdir()
    (tmp_path / f".other.{machine}-1-5.tmp").mkdir()
    with KeptEpisodes(tmp_path / "data", PLAN):
        pass
    kept = {f".data.{token()}.tmp", f".other.{machine}-1-5.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_nothing_is_left_where_nothing_was_played(tmp_path: Path) -> None:
    with pytest.raises(InterruptedError), KeptEpisodes(tmp_path / "data", PLAN):
        raise InterruptedError
    assert list(tmp_path.iterdir()) == []
