import numpy as np
import pytest

from rssm.evaluation.windows import recorded_windows, sample_starts, window_starts
from rssm.games.pong.features import BALL_X, NUM_FEATURES
from rssm.games.pong.game import PONG


@pytest.mark.parametrize(("length", "starts"), [(0, []), (6, []), (7, [0]), (12, [0]), (13, [0, 6]), (20, [0, 6, 12])])
def test_windows_follow_each_other_and_the_row_after_six_steps_exists(length: int, starts: list[int]) -> None:
    assert window_starts(length).tolist() == starts


def test_a_recorded_window_holds_the_actions_from_its_start_and_the_stacks_after_them() -> None:
    frames = np.zeros((14, NUM_FEATURES), np.float32)
    frames[:, BALL_X] = np.arange(14)
    actions = np.arange(14) % 6
    windows = recorded_windows(PONG, 3, frames, actions, np.array([0, 7]))
    assert windows.futures.tolist() == [[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]]
    assert windows.truth[..., -1][..., BALL_X].tolist() == [[1, 2, 3, 4, 5, 6], [8, 9, 10, 11, 12, 13]]
    oldest = windows.truth[..., BALL_X, 0]
    assert oldest.tolist() == [[0, 0, 0, 1, 2, 3], [5, 6, 7, 8, 9, 10]]


def test_sampled_starts_are_different_windows_of_the_grid() -> None:
    lengths = np.array([20, 5, 100])
    found = sample_starts(lengths, 10, np.random.default_rng(0))
    assert sum(len(starts) for starts in found.values()) == 10
    for episode, starts in found.items():
        assert np.all(np.diff(starts) > 0)
        assert np.isin(starts, window_starts(int(lengths[episode]))).all()


def test_every_window_is_taken_where_there_are_fewer_than_asked_for() -> None:
    found = sample_starts(np.array([20, 5, 13]), 1_000, np.random.default_rng(0))
    assert {episode: starts.tolist() for episode, starts in found.items()} == {0: [0, 6, 12], 2: [0, 6]}
