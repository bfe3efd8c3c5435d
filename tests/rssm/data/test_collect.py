"""Collecting: real games, the same for any number of workers, all or nothing."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from rssm.config import CollectConfig, EnvConfig
from rssm.data.collect import Recording, Streams, collect, ensure_dataset, play_episode
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.data.kept import KeptEpisodes, kept_folder
from rssm.data.mixture import Mixture
from rssm.errors import DataError, UserError
from rssm.games.pong.env import make_env
from rssm.games.pong.features import PLAYER_SCORE
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player
from rssm.seeds import episode_seed


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    for workers in (1, 2, 3):
        collect(CollectConfig(str(tmp_path / str(workers)), steps=2_500, sticky=0.25, seed=5, workers=workers))
    one = contents(tmp_path / "1")
    assert len(one) == 7
    assert contents(tmp_path / "2") == one
    assert contents(tmp_path / "3") == one


def test_episodes_replay_bit_for_bit_from_their_seeds(tmp_path: Path) -> None:
    collect(CollectConfig(str(tmp_path / "data"), steps=2_200, players="random", sticky=0.25, seed=1, workers=1))
    data = Dataset.open(tmp_path / "data")
    assert len(data) == 2_200
    assert len(data.episodes) > 2
    assert data.env is not None
    env = make_env(data.env)
    for index in range(len(data.episodes)):
        episode = data.episode(index)
        assert episode.seed == episode_seed(1, index)
        _, info = env.reset(seed=episode.seed)
        ends = []
        for frame, action, reward in zip(episode.features, episode.action, episode.reward, strict=True):
            np.testing.assert_array_equal(info["frame"], frame)
            _, earned, terminated, _, info = env.step(action)
            assert earned == reward
            ends.append(terminated)
        assert ends == [False] * (len(ends) - 1) + [episode.terminated]
        assert episode.truncated == (not episode.terminated)
    assert [data.episode(index).truncated for index in range(len(data.episodes))] == (
        [False] * (len(data.episodes) - 1) + [True]
    )


def test_meta_names_the_settings(tmp_path: Path) -> None:
    player = "tracking epsilon=0.25"
    collect(CollectConfig(str(tmp_path / "a"), steps=10, players=player, sticky=0.1, noops=9, seed=3, workers=1))
    collect(CollectConfig(str(tmp_path / "b"), steps=10, players="random", workers=1))
    data = Dataset.open(tmp_path / "a")
    assert data.env == EnvConfig(repeat_action_probability=0.1, noop_max=9)
    assert data.players == [player]
    assert data.meta["episode_players"] == [player]
    assert data.meta["policy"] == {"name": "tracking", "epsilon": 0.25}
    assert data.meta["seed"] == 3
    assert Dataset.open(tmp_path / "b").meta["policy"] == {"name": "random"}


def test_seeds_give_different_games() -> None:
    seeds = {episode_seed(seed, index) for seed in range(20) for index in range(50)}
    assert len(seeds) == 1_000
    assert max(seeds) < 2**53
    one, other = (play_episode(EnvConfig(), Player("tracking"), seed, 200) for seed in (episode_seed(0, 0), 1))
    assert (one.action != other.action).any()


def test_a_player_may_begin_its_games_at_moments_of_its_own() -> None:
    env = EnvConfig(noop_max=0)
    emulator, begins = make_env(env), list[list[int]]()
    for seed in range(5):
        first = play_episode(env, Player("random", noops=120), seed, 30)
        begins.append([])
        for noops in range(121):
            emulator.reset(options={"noops": noops})
            shown = [emulator.step(action)[4]["frame"] for action in first.action[:-1]]
            if np.array_equal(shown, first.features[1:]):
                begins[-1].append(noops)
    assert all(begins)  # each is a game that waited for 0 to 120 console frames
    assert min(map(max, begins)) < 60 < max(map(min, begins))
    as_ever, none = (play_episode(env, Player("random", noops=noops), 3, 30) for noops in (None, 0))
    np.testing.assert_array_equal(as_ever.features[0], none.features[0])


def test_the_step_limit_truncates() -> None:
    env = EnvConfig(max_episode_steps=50)
    episode = play_episode(env, Player("tracking"), 0, 1_000)
    assert len(episode) == 50
    assert (episode.terminated, episode.truncated) == (False, True)


def test_a_noisy_tracking_player_loses_and_a_quiet_one_scores_more() -> None:
    noisy, quiet = (play_episode(EnvConfig(), Player("tracking", epsilon), 0, 3_000) for epsilon in (0.5, 0.0))
    assert noisy.terminated
    assert noisy.reward.sum() < -10
    assert quiet.features[-1, PLAYER_SCORE] > noisy.features[-1, PLAYER_SCORE]


def test_a_taken_folder_is_refused_before_any_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rssm.data.collect.play_episode", lambda *_: pytest.fail("a game was played"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meta.json").write_text("{}")
    with pytest.raises(UserError, match="already holds a data set"):
        collect(CollectConfig(str(tmp_path / "data"), steps=100, workers=1))
    assert contents(tmp_path / "data") == {"meta.json": b"{}"}


def test_progress_is_told_without_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    collect(CollectConfig(str(tmp_path / "data"), steps=20, workers=1))
    err = capsys.readouterr().err
    assert err.startswith(f"collecting {tmp_path / 'data'}: 20 of 20 steps, ")
    assert err.count("\n") == 1


def ensure(
    path: Path, env: EnvConfig | None = None, players: str = "tracking", workers: int = 1, **changed: int
) -> Dataset:
    numbers = {"seed": 4, "steps": 30} | changed
    return ensure_dataset(
        path, Recording(env or EnvConfig(), Mixture.parse(players, PONG.read_player), **numbers), workers
    )


def test_ensure_collects_once(tmp_path: Path) -> None:
    assert len(ensure(tmp_path / "data")) == 30
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").iterdir()}
    assert len(ensure(tmp_path / "data", workers=2)) == 30
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").iterdir()} == before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": 31}, "data: steps: expected 31, but the data set there has 30"),
        ({"seed": 5}, "data: seed: expected 5, but the data set there has 4"),
        ({"players": "tracking epsilon=0.25"}, "data: policy: expected .*0.25.*, but the data set there has .*0.5"),
        ({"players": "random"}, "data: policy: expected .*random"),
        ({"players": "50% random, 50% tracking"}, "data: policy: expected .*mixture"),
        ({"steps": 0, "games": 2}, "data: games: expected 2, but the data set there has 1"),
        ({"env": EnvConfig(noop_max=0)}, "data: noop_max: expected 0, but the data set there has 30"),
        ({"env": EnvConfig(repeat_action_probability=0.25)}, "data: repeat_action_probability: expected 0.25"),
    ],
)
def test_ensure_refuses_data_with_other_settings(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    ensure(tmp_path / "data")
    before = contents(tmp_path / "data")
    with pytest.raises(UserError, match=message):
        ensure(tmp_path / "data", **changed)  # type: ignore[arg-type]
    assert contents(tmp_path / "data") == before


def test_ensure_refuses_damaged_data(tmp_path: Path) -> None:
    ensure(tmp_path / "data")
    (tmp_path / "data" / "reward.npy").unlink()
    with pytest.raises(DataError, match=r"reward\.npy: missing"):
        ensure(tmp_path / "data")


def children(pid: int) -> list[int]:
    """The worker processes of a process (and not the helper that multiprocessing starts beside them)."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


COLLECT_FOR_LONG = """
import sys
from rssm.data.collect import collect
from rssm.config import CollectConfig
from rssm.errors import UserError
try:
    collect(CollectConfig(sys.argv[1], steps=10**7, workers=2))
except UserError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def collecting(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that collects into tmp_path / "data", its two workers at play."""
    process = subprocess.Popen(
        [sys.executable, "-c", COLLECT_FOR_LONG, str(tmp_path / "data")], stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(children(process.pid)) == 2)
    # At play: both have loaded the emulator.
    wait_until(lambda: all("_ale_py" in Path(f"/proc/{pid}/maps").read_text() for pid in children(process.pid)))
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_killed_collection_leaves_no_data_and_no_workers(tmp_path: Path, collecting: subprocess.Popen[str]) -> None:
    workers = children(collecting.pid)
    collecting.kill()
    collecting.communicate()
    assert collecting.returncode == -signal.SIGKILL
    wait_until(lambda: all(ended(pid) for pid in workers))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".data.collecting", ".data.lock"]
    assert len(ensure(tmp_path / "data")) == 30  # another recording: what was kept is of no use, and gone
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_a_killed_worker_ends_the_collection_in_one_line(tmp_path: Path, collecting: subprocess.Popen[str]) -> None:
    workers = children(collecting.pid)
    wait_until(lambda: any(kept_folder(tmp_path / "data").glob("*.npz")))
    os.kill(workers[0], signal.SIGKILL)
    _, err = collecting.communicate(timeout=60)
    assert collecting.returncode == 1
    assert err.endswith(
        "collect: a worker process was killed (out of memory?); the same command goes on after the games that were "
        "finished\n"
    )
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == [".data.collecting"]
    wait_until(lambda: all(ended(pid) for pid in workers))


class Killed(Exception):
    """Stands for whatever ends a process."""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_collection_that_was_ended_goes_on_to_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    config = CollectConfig(
        str(tmp_path / "data"), steps=2_000, players="60% random, 40% random hold=4", seed=5, workers=1
    )
    collect(dataclasses.replace(config, out=str(tmp_path / "whole")))
    played = []

    def killed_in_the_third_game(env: EnvConfig, player: Player, seed: int, max_steps: int) -> Episode:
        if len(played) == 2:
            raise Killed
        played.append(seed)
        return play_episode(env, player, seed, max_steps)

    with monkeypatch.context() as patched:
        patched.setattr("rssm.data.collect.play_episode", killed_in_the_third_game)
        with pytest.raises(Killed):
            collect(config)
    assert len(list(kept_folder(tmp_path / "data").glob("*.npz"))) == 2
    capsys.readouterr()
    with monkeypatch.context() as patched:
        if workers == 1:  # none of the finished games is played again
            patched.setattr(
                "rssm.data.collect.play_episode",
                lambda env, player, seed, steps: seed in played or play_episode(env, player, seed, steps),
            )
        collect(dataclasses.replace(config, workers=workers))
    assert "going on after" in capsys.readouterr().err.splitlines()[0]
    assert contents(tmp_path / "data") == contents(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "whole"]


def test_the_steps_are_shared_out_exactly_and_the_last_games_are_of_everybody(tmp_path: Path) -> None:
    players = "50% tracking, 30% random, 20% sweeping epsilon=0.5"
    collect(CollectConfig(str(tmp_path / "one"), steps=2_500, players=players, seed=3, workers=1))
    data = Dataset.open(tmp_path / "one")
    lengths = dict.fromkeys(data.players, 0)
    for player, rows in zip(data.players, data.episodes, strict=True):
        lengths[player] += rows.stop - rows.start
    assert lengths == {"tracking epsilon=0.5": 1_250, "random": 750, "sweeping epsilon=0.5": 500}
    assert data.meta["policy"] == {"name": "mixture", "players": str(Mixture.parse(players, PONG.read_player))}
    # 4 % of the steps: 100
    last = [(player, rows) for player, rows in zip(data.players, data.episodes, strict=True) if rows.start >= 2_400]
    assert {player: rows.stop - rows.start for player, rows in last} == {
        "tracking epsilon=0.5": 50,
        "random": 30,
        "sweeping epsilon=0.5": 20,
    }
    assert len(set(data.meta["episode_seeds"])) == len(data.episodes)
    collect(CollectConfig(str(tmp_path / "two"), steps=2_500, players=players, seed=3, workers=2))
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_whole_games_of_every_player(tmp_path: Path) -> None:
    env = EnvConfig(max_episode_steps=90)
    data = ensure(tmp_path / "data", env, "random, sweeping, tracking rest", steps=0, games=2)
    assert data.players == ["random", "sweeping", "tracking epsilon=0.5 rest"] * 2
    assert data.meta["episode_lengths"] == [90] * 6
    assert len(set(data.meta["episode_seeds"])) == 6
    collect(CollectConfig(str(tmp_path / "whole"), games=1, players="random", noops=120, workers=1))
    assert Dataset.open(tmp_path / "whole").terminated.sum() == 1


def test_a_share_of_less_than_a_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="steps: expected some for every player, 10 leave one of 2 none"):
        collect(CollectConfig(str(tmp_path / "data"), steps=10, players="1% random, 99% tracking", workers=1))
    assert list(tmp_path.iterdir()) == []


def test_two_collections_of_one_data_set_are_one_too_many(tmp_path: Path) -> None:
    recording = Recording(EnvConfig(), Mixture.parse("tracking", PONG.read_player), 4, steps=30)
    with (
        KeptEpisodes(tmp_path / "data", recording.plan()),
        pytest.raises(UserError, match=r"data: process \d+ .* writes there; .* or stop it with `kill \d+`"),
    ):
        ensure(tmp_path / "data")
    assert len(ensure(tmp_path / "data")) == 30


def test_what_a_collection_left_that_was_killed_at_its_very_end_is_cleared(tmp_path: Path) -> None:
    ensure(tmp_path / "data")
    folder = kept_folder(tmp_path / "data")
    folder.mkdir()
    (folder / "0-0.npz").write_bytes(b"")
    ensure(tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_stream_of_games_needs_no_disk() -> None:
    recording = Recording(EnvConfig(), Mixture.parse("60% random, 40% tracking", PONG.read_player), 4, steps=300)
    streams = Streams(recording, None)
    for _ in streams.play_rest(1):
        pass
    assert sum(map(len, streams.episodes)) == 300


def test_a_worker_that_stands_still_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rssm.data.collect._PATIENCE", 0.01)
    future: Future[Episode] = Future()
    timer = threading.Timer(0.1, future.set_result, [play_episode(EnvConfig(), Player("random"), 0, 5)])
    timer.start()
    assert len(Streams._wait(future)) == 5
    assert "collecting: no game has ended for" in capsys.readouterr().err
