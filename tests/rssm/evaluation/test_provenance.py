import json
import shutil
import subprocess
from pathlib import Path

import pytest

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.disjoint import shared_games
from rssm.data.play import play_episode
from rssm.errors import UserError
from rssm.evaluation import provenance
from rssm.evaluation.provenance import (
    checksum,
    code_version,
    refuse_copies,
    refuse_training_data,
    refuse_unlike,
)
from rssm.games.pong.player import Player

GIT = shutil.which("git")


def games(path: Path, *seeds: int, steps: int = 60) -> Dataset:
    """Beginnings of games with these seeds, recorded anew."""
    episodes = [play_episode(EnvConfig(), Player("tracking"), seed, steps) for seed in seeds]
    write_dataset(path, episodes, env=EnvConfig(), policy={"name": "tracking", "epsilon": 0.5}, seed=0)
    return Dataset.open(path)


def test_the_checksum_is_of_what_was_recorded_not_of_the_folder(tmp_path, recorded):
    moved = tmp_path / "elsewhere"
    shutil.copytree(recorded.path, moved)
    meta = json.loads((moved / "meta.json").read_text())
    (moved / "meta.json").write_text(json.dumps(meta | {"policy": {"name": "somebody"}}))
    assert checksum(Dataset.open(moved)) == checksum(recorded)
    assert checksum(games(tmp_path / "other", 1)) != checksum(recorded)


def test_games_are_the_same_up_to_where_the_shorter_recording_ends(tmp_path, recorded):
    assert shared_games(games(tmp_path / "longer", 2, 9, 3, steps=130), recorded) == 2
    assert shared_games(games(tmp_path / "shorter", 9, 1, steps=20), recorded) == 1
    assert shared_games(games(tmp_path / "none", 8, 9), recorded) == 0
    # six rows hold no window: they say nothing
    assert shared_games(games(tmp_path / "short", 1, 2, steps=6), recorded) == 0


@pytest.mark.parametrize("seeds", [(1, 2, 3), (3, 1)], ids=["a copy", "a part"])
def test_training_data_are_refused_whatever_they_are_called(tmp_path, recorded, seeds):
    same = games(tmp_path / "heldout", *seeds, steps=100)
    with pytest.raises(UserError, match=r"heldout are its training data") as caught:
        refuse_training_data(same, recorded)
    assert "\n" not in str(caught.value)


def test_data_of_which_some_games_are_new_are_counted(tmp_path, recorded):
    assert refuse_training_data(games(tmp_path / "mixed", 1, 8, 9), recorded) == 1
    assert refuse_training_data(games(tmp_path / "new", 8, 9), recorded) == 0


def test_unlike_records_are_refused_by_name():
    records = [{"data": {"sha256": "a"}, "steps": 6}, {"data": {"sha256": "b"}, "steps": 6}]
    refuse_unlike(["one", "two"], records, {"steps": "steps"})
    with pytest.raises(UserError, match=r"^two: expected the games of one, a; got b$"):
        refuse_unlike(["one", "two"], records, {"data.sha256": "games"})
    for record in ({"data": {}}, {"data": None}, {}):
        with pytest.raises(UserError, match=r"^two: expected a result that says its games \(data.sha256\)"):
            refuse_unlike(["one", "two"], [records[0], record], {"data.sha256": "games"})


def test_a_copy_is_no_second_training():
    refuse_copies(["one", "two"], ["a", "b"], "its model")
    with pytest.raises(UserError, match=r"^three: expected another training than one; its model is the same$"):
        refuse_copies(["one", "two", "three"], ["a", "b", "a"], "its model")


@pytest.mark.skipif(GIT is None, reason="git is not installed")
def test_the_code_is_named_by_its_commit_and_by_its_release_without_one(tmp_path, monkeypatch):
    def version_at(root):
        monkeypatch.setattr(provenance, "_ROOT", root)
        code_version.cache_clear()
        return code_version()

    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run([GIT, "-C", tmp_path, *identity, *words], check=True, capture_output=True, text=True)

    try:
        assert version_at(tmp_path).startswith("release ")
        (tmp_path / "file").write_text("one")
        git("init")
        git("add", "file")
        git("commit", "-m", "one", "--date", "2026-01-02T03:04:05Z")
        commit = git("log", "-1", "--format=%h", "--abbrev=7").stdout.strip()
        assert version_at(tmp_path).startswith(f"{commit} (20")
        (tmp_path / "file").write_text("two")
        assert version_at(tmp_path).startswith(f"{commit}+ (20")
    finally:
        code_version.cache_clear()
