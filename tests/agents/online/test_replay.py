import re

import numpy as np
import pytest

from agents.online.replay import Block, Replay
from rssm.errors import DataError
from rssm.games.pong.features import NUM_FEATURES
from rssm.games.pong.game import PONG


def block(first, steps=3, games=2, starts=()):
    """Steps whose first feature counts them, 100 more in the second game; ``starts`` are (step, game)."""
    count = first + np.arange(steps, dtype=np.float32)[:, None] + 100.0 * np.arange(games, dtype=np.float32)
    features = np.repeat(count[..., None], NUM_FEATURES, -1)
    flags = np.zeros((steps, games), np.bool_)
    is_first = flags.copy()
    for step, game in starts:
        is_first[step, game] = True
    return Block(features, (count % 6).astype(np.uint8), -count, flags, flags, is_first)


@pytest.fixture
def replay(tmp_path):
    replay = Replay(tmp_path / "replay", PONG, games=2)
    replay.append(block(0, starts=[(0, 0), (0, 1)]))
    replay.append(block(3, steps=2, starts=[(1, 1)]))
    return replay


def test_every_step_is_there_once_one_game_after_the_other(replay):
    data = replay.data()
    assert replay.steps == len(data) == 10
    assert data.features[:, 0].tolist() == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert data.reward.tolist() == (-data.features[:, 0]).tolist()
    assert data.episodes == (slice(0, 5), slice(5, 9), slice(9, 10))


def test_one_place_s_steps(replay):
    data = replay.place(1)
    assert data.features[:, 0].tolist() == [100, 101, 102, 103, 104]
    assert data.episodes == (slice(0, 4), slice(4, 5))


def test_it_is_read_back_as_it_was(replay):
    again = Replay(replay.folder, PONG, 2, blocks=2)
    for name in ("features", "action", "reward", "terminated", "truncated", "is_first"):
        one, other = getattr(again.data(), name), getattr(replay.data(), name)
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_blocks_after_the_checkpoint_do_not_count_and_are_written_anew(replay):
    again = Replay(replay.folder, PONG, 2, blocks=1)
    assert again.steps == 6
    again.append(block(50, steps=1))
    assert Replay(replay.folder, PONG, 2, blocks=2).data().features[:, 0].tolist() == [0, 1, 2, 50, 100, 101, 102, 150]


def test_what_was_given_out_does_not_change_with_later_steps(replay):
    data = replay.data()
    replay.append(block(7))
    assert len(data) == 10


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "expected a block of real steps"),
        (lambda path: path.write_bytes(b""), "expected a block of real steps"),
        (lambda path: np.savez(path, features=np.zeros(3)), "expected a block of real steps"),
    ],
)
def test_a_damaged_block_is_refused_in_one_line(replay, spoil, reason):
    path = replay.folder / "000001.npz"
    spoil(path)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + reason) as caught:
        Replay(replay.folder, PONG, 2, blocks=2)
    assert "\n" not in str(caught.value)


def changed(**arrays):
    def spoil(path):
        with np.load(path) as file:
            np.savez(path, **{**file, **{name: change(file[name]) for name, change in arrays.items()}})

    return spoil


def put(array, value):
    array[1, 0] = value
    return array


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (changed(features=lambda a: put(a, np.nan)), "features: row 1: expected finite numbers"),
        (changed(reward=lambda a: put(a, np.inf)), "reward: row 1: expected finite numbers"),
        (changed(is_first=lambda a: a[:-1]), r"is_first: expected bool of shape \(2, 2\), got bool of shape \(1, 2\)"),
        (changed(features=lambda a: a[..., :-1]), r"features: expected float32 of shape \(2, 2, 14\)"),
        (changed(reward=lambda a: a.astype(np.float64)), "reward: expected float32 .* got float64"),
        (changed(action=lambda a: put(a, 6)), "action: expected 0 to 5, got 6"),
        (lambda path: np.savez(path, features=np.zeros(3)), "action: missing"),
    ],
)
def test_a_block_that_is_whole_but_wrong_is_refused_by_the_array_s_name(replay, spoil, reason):
    path = replay.folder / "000001.npz"
    spoil(path)
    with pytest.raises(DataError, match=re.escape(str(path)) + ": " + reason) as caught:
        Replay(replay.folder, PONG, 2, blocks=2)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_seen(replay):
    path = replay.folder / "000001.npz"
    whole = path.read_bytes()
    begin = whole.index(b"\x93NUMPY")
    for place in (begin + 130, begin + 9, whole.rindex(b"\x93NUMPY") + 129):
        damaged = bytearray(whole)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=re.escape(str(path))):
            Replay(replay.folder, PONG, 2, blocks=2)


def test_steps_of_another_number_of_games_are_refused(replay):
    with pytest.raises(DataError, match=r"000000.npz: expected steps of 3 games side by side, got shape \(3, 2\)"):
        Replay(replay.folder, PONG, 3, blocks=1)
