import numpy as np
import pytest

from rssm.evaluation.intervals import bootstrap_interval, ratio, summarize


def test_statistics_of_known_errors() -> None:
    errors = np.stack([np.arange(11.0), np.zeros(11)], axis=1)
    found = summarize(errors, np.zeros(11, np.int64), resamples=10, seed=0)
    assert (found["mean"], found["median"], found["p90"]) == ([5.0, 0.0], [5.0, 0.0], [9.0, 0.0])
    assert found["ci95"] == [[5.0, 5.0], [0.0, 0.0]]  # one episode


def test_episodes_that_are_all_alike_leave_no_doubt() -> None:
    errors = np.tile(np.arange(10.0), 8)[:, None]
    interval = bootstrap_interval(errors, np.repeat(np.arange(8), 10), 200, seed=0)
    assert interval == pytest.approx(np.array([[4.5, 4.5]]))


def test_whole_episodes_are_resampled() -> None:
    """Two episodes, of errors 0 and 10: a quarter of the resamplings holds only the one, a quarter the other."""
    errors = np.repeat([0.0, 10.0], 500)[:, None]
    assert bootstrap_interval(errors, np.repeat([4, 9], 500), 1_000, seed=0).tolist() == [[0.0, 10.0]]


def test_longer_episodes_weigh_more() -> None:
    errors = np.array([0.0] + [10.0] * 9)[:, None]
    interval = bootstrap_interval(errors, np.array([0] + [1] * 9), 1_000, seed=0)
    assert interval.tolist() == [[0.0, 10.0]]
    drawn_once_each = errors.mean()
    assert drawn_once_each == 9.0
    many = np.tile(errors, (200, 1))
    episode = np.repeat(np.arange(400), np.tile([1, 9], 200))
    low, high = bootstrap_interval(many, episode, 1_000, seed=0)[0]
    assert 8.5 < low < drawn_once_each < high < 9.5


def test_the_interval_of_many_single_windows_is_the_normal_one() -> None:
    errors = np.random.default_rng(1).normal(50, 10, (400, 1))
    low, high = bootstrap_interval(errors, np.arange(400), 4_000, seed=0)[0]
    half = 1.96 * errors.std() / np.sqrt(400)
    assert low == pytest.approx(errors.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(errors.mean() + half, abs=0.1 * half)


def test_the_seed_fixes_the_interval() -> None:
    errors = np.random.default_rng(1).normal(size=(50, 6))
    first, again, other = (bootstrap_interval(errors, np.arange(50) // 5, 100, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_nothing_is_divided_by_zero() -> None:
    assert ratio([1.0, 0.0, 3.0], [2.0, 0.0, 0.0]) == [0.5, None, None]
