"""Importing recordings: both layouts, and a clear line for whatever does not fit."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rssm.config import EnvConfig, ImportConfig
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode, to_observation
from rssm.data.play import play_episode
from rssm.errors import DataError, UserError
from rssm.games.pong.features import FEATURE_NAMES
from rssm.games.pong.import_npz import import_npz
from rssm.games.pong.player import Player

LENGTHS = (300, 200)
Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def recording() -> Arrays:
    """Two real games, as somebody else would have recorded them."""
    games = [play_episode(EnvConfig(), Player("tracking"), seed, length) for seed, length in enumerate(LENGTHS)]
    return {
        "obs": to_observation(np.concatenate([stack_episode(game.features) for game in games])),
        "actions": np.concatenate([game.action for game in games]).astype(np.int32),
        "rewards": np.concatenate([game.reward for game in games]),
        "episode_boundaries": np.array([0, 300]),
    }


def imported(tmp_path: Path, arrays: Arrays, layout: str = "pong") -> Dataset:
    np.savez(tmp_path / "recording.npz", **arrays)
    import_npz(ImportConfig(str(tmp_path / "recording.npz"), str(tmp_path / "data"), layout))  # type: ignore[arg-type]
    return Dataset.open(tmp_path / "data")


def test_pong_recordings_come_back_as_they_were(tmp_path: Path, recording: Arrays) -> None:
    data = imported(tmp_path, recording)
    assert data.episodes == (slice(0, 300), slice(300, 500))
    stacks = [stack_episode(data.features[rows]) for rows in data.episodes]
    np.testing.assert_array_equal(to_observation(np.concatenate(stacks)), recording["obs"])
    np.testing.assert_array_equal(data.action, recording["actions"])
    np.testing.assert_array_equal(data.reward, recording["rewards"])
    assert np.abs(data.reward).sum() > 2
    assert np.flatnonzero(data.truncated).tolist() == [299, 499]
    assert not data.terminated.any()
    assert data.env is None
    assert data.meta["policy"] == {"name": "imported", "source": "recording.npz", "layout": "pong"}
    assert data.meta["episode_seeds"] == [None, None]


def test_what_is_left_out_is_read_off_the_observations(tmp_path: Path, recording: Arrays) -> None:
    data = imported(tmp_path, {"obs": recording["obs"], "actions": recording["actions"].astype(np.float64)})
    assert data.episodes == (slice(0, 300), slice(300, 500))
    expected = recording["rewards"].copy()
    expected[[299, 499]] = 0.0  # what the last action earned is not in the recording
    np.testing.assert_array_equal(data.reward, expected)
    np.testing.assert_array_equal(data.action, recording["actions"])


def jaxatari(rows: list[Arrays]) -> np.ndarray:
    """Observations (N, 56) of one episode in JAXAtari's layout; each row changes some values of the row before."""
    names = [f"{who}_{what}" for who in ("player", "enemy", "ball") for what in ("x", "y", "width", "height")]
    names += ["score_player", "score_enemy"]
    start = [140, 90, 4, 16, 16, 80, 4, 16, 78, 115, 2, 4, 0, 0]
    values, frames = dict(zip(names, start, strict=True)), []
    for row in rows:
        values |= row
        frames.append([values[name] for name in names])
    return to_observation(stack_episode(np.array(frames, np.float32)))


def test_jaxatari_recordings_are_converted(tmp_path: Path) -> None:
    obs = jaxatari([
        {},
        {"player_y": 94},
        {"ball_x": 80, "ball_y": 114, "enemy_y": 81},
        {"ball_x": 82, "ball_y": 114},
        {"ball_x": 144, "ball_y": 116},
        {"ball_x": 78, "ball_y": 115, "score_enemy": 1},
        {},
        {},
        {},
        {"ball_x": 10, "ball_y": 120, "player_x": 141},
        {"ball_x": 78, "ball_y": 115, "score_player": 1},
    ])  # fmt: skip
    actions = np.array([0, 1, 2, 3, 4, 5, 10, 11, 12, 17, 4])
    data = imported(tmp_path, {"obs": obs, "actions": actions}, "jaxatari")
    # player x y, enemy x y, directions, spawned, in bounds, ball x y, enemy's and player's score, who scored now
    expected = [
        [140, 90, 16, 80, 0, 0, 0, 0, 78, 115, 0, 0, 0, 0],
        [140, 94, 16, 80, 0, 0, 0, 0, 78, 115, 0, 0, 0, 0],
        [140, 94, 16, 81, 1, -1, 1, 1, 80, 114, 0, 0, 0, 0],
        [140, 94, 16, 81, 1, 0, 1, 1, 82, 114, 0, 0, 0, 0],
        [140, 94, 16, 81, 1, 1, 1, 0, 144, 116, 0, 0, 0, 0],
        [140, 94, 16, 81, -1, -1, 1, 1, 78, 115, 1, 0, 0, 1],
        [140, 94, 16, 81, 0, 0, 1, 1, 78, 115, 1, 0, 0, 0],
        [140, 94, 16, 81, 0, 0, 1, 1, 78, 115, 1, 0, 0, 0],
        [140, 94, 16, 81, 0, 0, 0, 0, 78, 115, 1, 0, 0, 0],
        [141, 94, 16, 81, -1, 1, 1, 0, 10, 120, 1, 0, 0, 0],
        [141, 94, 16, 81, 1, -1, 1, 1, 78, 115, 1, 1, 1, 0],
    ]
    np.testing.assert_array_equal(data.features, np.array(expected, np.float32))
    assert data.action.tolist() == [0, 1, 0, 3, 2, 0, 0, 0, 0, 0, 2]
    assert data.reward.tolist() == [0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0]
    assert len(data.episodes) == 1
    assert data.env is None


def test_a_new_game_inside_an_episode_is_no_reward(tmp_path: Path) -> None:
    obs = jaxatari([{"score_player": 3, "score_enemy": 20}, {"score_enemy": 21}, {"score_player": 0, "score_enemy": 0}])
    data = imported(tmp_path, {"obs": obs, "actions": np.zeros(3, np.int64)}, "jaxatari")
    assert data.reward.tolist() == [-1, 0, 0]
    assert data.features[:, FEATURE_NAMES.index("score_enemy")].tolist() == [0, 1, 0]


def put(name: str, index: Any, value: Any) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = np.array(arrays[name], np.float64)
        arrays[name][index] = value

    return change


def replace(name: str, value: Any) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: value(arrays[name]) if callable(value) else value})


class Pickled:
    """Unpickling this would be seen."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a file was unpickled",)


OBJECTS = np.array([Pickled()] * 500, object)
REFUSALS: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "no obs": (lambda arrays: arrays.pop("obs"), "obs: missing"),
    "no actions": (lambda arrays: arrays.pop("actions"), "actions: missing"),
    "wrong width": (replace("obs", lambda obs: obs[:, :14]), r"obs: expected shape \(N, 56\).*got \(500, 14\)"),
    "flat": (replace("obs", lambda obs: obs[0]), r"obs: expected shape \(N, 56\).*got \(56,\)"),
    "no rows": (replace("obs", lambda obs: obs[:0]), r"obs: expected shape \(N, 56\) with N >= 1"),
    "text": (replace("obs", lambda obs: obs.astype(str)), "obs: expected numbers, got <U"),
    "nan": (put("obs", (7, 3), np.nan), "obs: row 7: not finite"),
    "too large": (put("obs", (7, 3), 1e300), "obs: row 7: not finite"),
    "objects": (replace("actions", OBJECTS), "actions: expected an .npz archive of plain numeric arrays"),
    "object rewards": (replace("rewards", OBJECTS), "rewards: expected an .npz archive of plain numeric arrays"),
    "fractions": (put("actions", 3, 1.5), "actions: expected whole numbers"),
    "nan action": (put("actions", 3, np.nan), "actions: expected whole numbers"),
    "yes and no": (replace("actions", lambda actions: actions > 2), "actions: expected numbers, got bool"),
    "action of 6": (put("actions", 3, 6), "actions: row 3: expected 0 to 5, got 6"),
    "negative action": (put("actions", 3, -1), "actions: row 3: expected 0 to 5, got -1"),
    "fewer actions": (replace("actions", lambda actions: actions[1:]), r"actions: expected shape \(500,\).*\(499,\)"),
    "one-hot actions": (replace("actions", np.zeros((500, 6))), r"actions: expected shape \(500,\).*\(500, 6\)"),
    "fewer rewards": (replace("rewards", lambda rewards: rewards[1:]), r"rewards: expected shape \(500,\).*\(499,\)"),
    "infinite reward": (put("rewards", 4, np.inf), "rewards: row 4: not finite"),
    "late first": (replace("episode_boundaries", [10, 300]), "episode_boundaries: .*whose first is 0"),
    "no boundaries": (replace("episode_boundaries", np.zeros(0)), "episode_boundaries: .*whose first is 0"),
    "one number": (replace("episode_boundaries", 0), "episode_boundaries: .*whose first is 0"),
    "unsorted": (replace("episode_boundaries", [0, 400, 300]), "episode_boundaries: .*ascending"),
    "twice": (replace("episode_boundaries", [0, 300, 300]), "episode_boundaries: .*ascending"),
    "past the end": (replace("episode_boundaries", [0, 300, 500]), "episode_boundaries: .*below 500, got 500"),
    "half a row": (replace("episode_boundaries", [0, 300.5]), "episode_boundaries: expected whole numbers"),
    "missing boundary": (replace("episode_boundaries", [0]), "obs: row 300: its older frames are not row 299's"),
    "frame by frame": (
        replace("obs", lambda obs: obs.reshape(-1, 14, 4).transpose(0, 2, 1).reshape(-1, 56)),
        "obs: row 1: .*expected frames interleaved",
    ),
    "newest first": (
        replace("obs", lambda obs: obs.reshape(-1, 14, 4)[..., ::-1].reshape(-1, 56)),
        "obs: row 1: .*oldest first",
    ),
    "other layout": (
        replace("obs", np.repeat([[140, 90, 4, 16, 16, 80, 4, 16, 78, 115, 2, 4, 0, 0]], 500, 0).repeat(4, 1)),
        r"obs: row 0: value 6 of the frame is 4, expected 0 or 1 in the layout pong",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_a_misfit_is_refused_in_one_line_that_names_the_array(tmp_path: Path, recording: Arrays, case: str) -> None:
    change, message = REFUSALS[case]
    arrays = dict(recording)
    change(arrays)
    with pytest.raises(DataError, match=message) as refusal:
        imported(tmp_path, arrays)
    assert str(refusal.value).startswith(str(tmp_path / "recording.npz"))
    assert "\n" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["recording.npz"]


def test_jaxatari_takes_the_full_action_set_only(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="actions: row 0: expected 0 to 17, got 18"):
        imported(tmp_path, {"obs": jaxatari([{}]), "actions": np.array([18])}, "jaxatari")


def test_our_own_layout_is_not_taken_for_jaxatari(tmp_path: Path, recording: Arrays) -> None:
    with pytest.raises(DataError, match=r"obs: row 0: value 3 of the frame is -15, expected more than 0"):
        imported(tmp_path, recording, "jaxatari")


def damaged_archive(path: Path) -> None:
    np.savez_compressed(path, obs=np.random.default_rng(0).normal(size=(50, 56)), actions=np.zeros(50))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(bytes(data))


def single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, recording: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rssm.games.pong.import_npz._LARGEST", 1_000)
    with pytest.raises(DataError, match=r"recording.npz: expected an .npz archive .*it unpacks to [0-9,]+ bytes"):
        imported(tmp_path, recording)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
        (lambda path: path.write_text("step,action"), "expected an .npz archive"),
        (lambda path: path.write_bytes(b""), "expected an .npz archive"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "expected an .npz archive"),
        (lambda path: path.write_bytes(pickle.dumps(Pickled())), "expected an .npz archive"),
        (single_array, "expected an .npz archive"),
        (damaged_archive, "expected an .npz archive"),
    ],
)
def test_a_file_that_is_no_archive(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    path = tmp_path / "recording.npz"
    write(path)
    with pytest.raises(DataError, match=message) as refusal:
        import_npz(ImportConfig(str(path), str(tmp_path / "data")))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "data").exists()


def test_a_taken_folder_is_refused(tmp_path: Path, recording: Arrays) -> None:
    imported(tmp_path, recording)
    before = {path: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    with pytest.raises(UserError, match="already holds a data set"):
        imported(tmp_path, recording)
    assert {path: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before
