"""The format on disk: what is written is read back, and what is wrong is refused by name."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.episode import Episode
from rssm.errors import DataError, UserError

LENGTHS = (5, 1, 7)
POLICY = {"name": "tracking", "epsilon": 0.5}
FILES = ("features", "action", "reward", "terminated", "truncated", "is_first")


def episodes() -> list[Episode]:
    rng = np.random.default_rng(0)
    return [
        Episode(
            rng.normal(size=(length, 14)).astype(np.float32),
            rng.integers(6, size=length).astype(np.uint8),
            rng.integers(-1, 2, size=length).astype(np.float32),
            terminated=index == 0,
            truncated=index != 0,
            seed=100 + index,
        )
        for index, length in enumerate(LENGTHS)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_dataset(tmp_path / "new" / "data", episodes(), env=EnvConfig(noop_max=3), policy=POLICY, seed=9)
    return tmp_path / "new" / "data"


def test_round_trip(folder: Path) -> None:
    data = Dataset.open(folder)
    assert len(data) == sum(LENGTHS)
    assert data.episodes == (slice(0, 5), slice(5, 6), slice(6, 13))
    for index, expected in enumerate(episodes()):
        found = data.episode(index)
        for name in ("features", "action", "reward"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)
        assert (found.terminated, found.truncated) == (expected.terminated, expected.truncated)
        assert found.seed == expected.seed
    assert np.flatnonzero(data.is_first).tolist() == [0, 5, 6]
    assert np.flatnonzero(data.terminated).tolist() == [4]
    assert np.flatnonzero(data.truncated).tolist() == [5, 12]


def test_meta_says_where_the_data_come_from(folder: Path) -> None:
    data = Dataset.open(folder)
    assert data.env == EnvConfig(noop_max=3)
    meta = json.loads((folder / "meta.json").read_text())
    assert meta == data.meta
    assert (meta["schema_version"], meta["env_id"]) == (1, "rssm/PongFeatures-v0")
    assert (meta["policy"], meta["seed"], meta["steps"]) == (POLICY, 9, 13)
    assert (meta["episode_lengths"], meta["episode_seeds"]) == ([5, 1, 7], [100, 101, 102])
    for name in FILES:
        assert meta["sha256"][f"{name}.npy"] == hashlib.sha256((folder / f"{name}.npy").read_bytes()).hexdigest()


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(handle: int) -> None:
        order.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        sync(handle)

    def renamed(source: Path, target: Path) -> None:
        order.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    write_dataset(tmp_path / "data", episodes(), env=None, policy={}, seed=None)
    *files, building, renaming, parent = order
    assert set(files) == {"meta.json", *(f"{name}.npy" for name in FILES)}
    assert building.startswith(".data.")
    assert (renaming, parent) == ("rename", tmp_path.name)


def test_data_from_elsewhere_have_no_game(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", episodes(), env=None, policy={"name": "imported"}, seed=None)
    data = Dataset.open(tmp_path / "data")
    assert data.env is None
    assert data.meta["env_id"] is None


def test_arrays_are_mapped_read_only(folder: Path) -> None:
    data = Dataset.open(folder)
    for name in FILES:
        array = getattr(data, name)
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable


def test_only_the_folder_is_left(folder: Path) -> None:
    assert [path.name for path in folder.parent.iterdir()] == ["data"]
    assert set(contents(folder)) == {*(f"{name}.npy" for name in FILES), "meta.json"}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_data_set_is_never_overwritten(folder: Path) -> None:
    before = contents(folder)
    with pytest.raises(UserError, match=r"data: already holds a data set"):
        write_dataset(folder, episodes()[:1], env=None, policy={}, seed=None)
    assert contents(folder) == before


@pytest.mark.parametrize("kind", ["a file", "a folder in use"])
def test_nor_is_anything_else(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data"
    kept = path if kind == "a file" else path / "features.npy"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    with pytest.raises(UserError, match=r"data: already exists"):
        write_dataset(path, episodes(), env=None, policy={}, seed=None)
    assert kept.read_text() == "mine"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_dataset(tmp_path / "data", episodes(), env=None, policy={}, seed=None)
    assert len(Dataset.open(tmp_path / "data")) == 13


@pytest.mark.parametrize("failing", [1, 4, 6])
def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    save, calls = np.save, []

    def full_disk(*args: Any, **kwargs: Any) -> None:
        calls.append(args)
        if len(calls) == failing:
            raise OSError("No space left on device")
        save(*args, **kwargs)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_dataset(tmp_path / "data", episodes(), env=None, policy={}, seed=None)
    assert list(tmp_path.iterdir()) == []


KILLED_IN_THE_MIDDLE = """
import os, signal, sys
import numpy as np
from rssm.data.dataset import write_dataset
from rssm.data.episode import Episode
save, calls = np.save, []
def killed(*args, **kwargs):
    calls.append(args)
    save(*args, **kwargs)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
np.save = killed
rows = np.zeros((3, 14), np.float32)
episode = Episode(rows, rows[:, 0].astype(np.uint8), rows[:, 0], False, True, 1)
write_dataset(sys.argv[1], [episode], env=None, policy={}, seed=None)
"""


def test_a_write_that_is_killed_leaves_no_data_set_and_stands_in_nobody_s_way(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, str(tmp_path / "data")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "data").exists()
    write_dataset(tmp_path / "data", episodes(), env=None, policy={}, seed=None)
    assert len(Dataset.open(tmp_path / "data")) == 13


def rewrite(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change an array and its checksum, as a program with a bug would have written it."""
    path = folder / f"{name}.npy"
    array = change(np.load(path))
    np.save(path, array, allow_pickle=True)
    edit_meta(folder, lambda meta: meta["sha256"].update({path.name: hashlib.sha256(path.read_bytes()).hexdigest()}))


def edit_meta(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    change(meta)
    (folder / "meta.json").write_text(json.dumps(meta))


def put(value: float, *index: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


def shorten(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:-3])


def flip_a_bit(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(bytes(data))


class Pickled:
    """Unpickling this would be seen."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a file was unpickled",)


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no meta": (lambda path: (path / "meta.json").unlink(), r"meta\.json: missing"),
    "bad json": (
        lambda path: (path / "meta.json").write_text('{"steps":'),
        r"meta\.json: expected the description of a data set, it cannot be read",
    ),
    "binary json": (
        lambda path: (path / "meta.json").write_bytes(b"\xff\xfe\x00"),
        r"meta\.json: expected the description of a data set, it cannot be read",
    ),
    "json list": (
        lambda path: (path / "meta.json").write_text("[1]"),
        r"meta\.json: expected the description of a data set, a JSON object, got 1 values",
    ),
    "newer version": (
        lambda path: edit_meta(path, lambda meta: meta.update(schema_version=2)),
        r"meta\.json: schema_version: expected 1, got 2",
    ),
    "no version": (
        lambda path: edit_meta(path, lambda meta: meta.pop("schema_version")),
        r"meta\.json: schema_version: expected 1, got nothing",
    ),
    "no lengths": (lambda path: edit_meta(path, lambda meta: meta.pop("episode_lengths")), r"episode_lengths: missing"),
    "text for steps": (
        lambda path: edit_meta(path, lambda meta: meta.update(steps="13")),
        r"meta\.json: steps: ",
    ),
    "unknown game setting": (
        lambda path: edit_meta(path, lambda meta: meta["env"].update(speed=2)),
        r"meta\.json: env: .*speed",
    ),
    "bad game setting": (
        lambda path: edit_meta(path, lambda meta: meta["env"].update(frameskip=0)),
        r"meta\.json: env: frameskip: expected at least 1",
    ),
    "wrong lengths": (
        lambda path: edit_meta(path, lambda meta: meta.update(episode_lengths=[6, 7])),
        r"meta\.json: episode_lengths",
    ),
    "a seed too few": (lambda path: edit_meta(path, lambda meta: meta["episode_seeds"].pop()), r"episode_seeds"),
    "action of 6": (lambda path: rewrite(path, "action", put(6, 4)), r"action\.npy: row 4: .*0 to 5, got 6"),
    "nan": (lambda path: rewrite(path, "features", put(np.nan, 7, 3)), r"features\.npy: row 7: not finite"),
    "infinite": (lambda path: rewrite(path, "reward", put(np.inf, 2)), r"reward\.npy: row 2: not finite"),
    "unequal": (lambda path: rewrite(path, "reward", lambda array: array[:-1]), r"reward\.npy: expected 13 rows.* 12"),
    "wrong dtype": (
        lambda path: rewrite(path, "features", lambda array: array.astype(np.float64)),
        r"features\.npy: expected float32 values, got float64",
    ),
    "wrong width": (
        lambda path: rewrite(path, "features", lambda array: array[:, :13]),
        r"features\.npy: expected shape \(N, 14\), got \(13, 13\)",
    ),
    "a column": (
        lambda path: rewrite(path, "action", lambda array: array[:, None]),
        r"action\.npy: expected shape \(N\), got \(13, 1\)",
    ),
    "a scalar": (
        lambda path: rewrite(path, "action", lambda array: array[0]),
        r"action\.npy: expected shape \(N\), got \(\)",
    ),
    "late start": (lambda path: rewrite(path, "is_first", put(False, 0)), r"is_first\.npy: row 0: "),
    "start missing": (lambda path: rewrite(path, "is_first", put(False, 5)), r"is_first\.npy: row 5: "),
    "start too many": (lambda path: rewrite(path, "is_first", put(True, 9)), r"is_first\.npy: row 9: "),
    "open end": (lambda path: rewrite(path, "truncated", put(False, 12)), r"is_first\.npy: row 13: "),
    "objects": (
        lambda path: rewrite(path, "reward", lambda array: np.array([Pickled()] * len(array), object)),
        r"reward\.npy: short or not a plain \.npy array",
    ),
    "a pickle": (
        lambda path: (path / "action.npy").write_bytes(pickle.dumps(Pickled())),
        r"action\.npy: short or not a plain \.npy array",
    ),
    "an empty file": (lambda path: (path / "action.npy").write_bytes(b""), r"action\.npy: short"),
}
for _name in FILES:
    _file = f"{_name}.npy"
    REFUSALS[f"no {_name}"] = (lambda path, file=_file: (path / file).unlink(), rf"{_name}\.npy: missing")
    REFUSALS[f"short {_name}"] = (lambda path, file=_file: shorten(path, file), rf"{_name}\.npy: short")
    REFUSALS[f"damaged {_name}"] = (lambda path, file=_file: flip_a_bit(path, file), rf"{_name}\.npy: checksum")


@pytest.mark.parametrize("case", REFUSALS)
def test_a_bad_data_set_is_refused_in_one_line_that_names_the_file(folder: Path, case: str) -> None:
    damage, message = REFUSALS[case]
    damage(folder)
    before = contents(folder)
    with pytest.raises(DataError, match=message) as refusal:
        Dataset.open(folder)
    assert str(refusal.value).startswith(str(folder))
    assert "\n" not in str(refusal.value)
    assert contents(folder) == before


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        Dataset.open(tmp_path / "nowhere")


def test_first_cuts_an_episode() -> None:
    whole = episodes()[0]
    assert whole.first(5) is whole
    cut = whole.first(3)
    assert len(cut) == 3
    assert (cut.terminated, cut.truncated) == (False, True)
    np.testing.assert_array_equal(cut.features, whole.features[:3])
