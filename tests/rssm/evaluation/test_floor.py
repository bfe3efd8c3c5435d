import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.data.dataset import Dataset
from rssm.evaluation.floor import FloorErrors, measure_floor, sample_futures
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.replay import replay
from rssm.evaluation.windows import window_starts
from rssm.games.pong.env import make_env
from rssm.games.pong.features import PLAYER_Y

FUTURES = 16


def floor_of(dataset: Dataset, predictor: Predictor, windows: int, futures: int = FUTURES) -> FloorErrors:
    assert dataset.env is not None
    lengths = np.array([rows.stop - rows.start for rows in dataset.episodes])
    return measure_floor(predictor, make_env(dataset.env), dataset, lengths, windows, futures, np.random.default_rng(0))


def sampled(dataset: Dataset, seed: int, start: int = 60, futures: int = FUTURES) -> FloatArray:
    """Futures of the first episode's actions 2 2 2 3 3 3 from one of its steps."""
    assert dataset.env is not None
    game = make_env(dataset.env)
    _, state = next(replay(game, 0, dataset.episode(0), np.array([start])))
    found = sample_futures(game, state, np.array([2, 2, 2, 3, 3, 3]), 4, futures, seed)
    assert found is not None
    return found


class MeanOfManyFutures:
    """Predicts the mean of futures that it samples itself: nothing does better."""

    def __init__(self, dataset: Dataset, futures: int) -> None:
        self.dataset, self.futures = dataset, futures

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        assert self.dataset.env is not None
        game = make_env(self.dataset.env)
        (index,) = [i for i in range(2) if np.array_equal(self.dataset.episode(i).action, actions)]
        means = []
        for position, state in replay(game, index, self.dataset.episode(index), starts):
            found = sample_futures(game, state, futures[position], 4, self.futures, seed=12_345 + position)
            assert found is not None
            means.append(found.mean(axis=0))
        return np.stack(means)


def test_without_sticky_actions_there_is_one_future(recorded: Dataset, recording_oracle: Predictor) -> None:
    found = floor_of(recorded, recording_oracle, windows=10, futures=3)
    assert found.floor.shape == found.model.shape == (10, 6)
    assert not found.floor.any()
    assert not found.model.any()


def test_sticky_futures_differ_by_what_the_paddle_did(recorded_sticky: Dataset) -> None:
    futures = sampled(recorded_sticky, seed=0)
    assert futures.shape == (FUTURES, 6, 14, 4)
    paddle = futures[..., -1][:, -1, PLAYER_Y]
    assert len(np.unique(paddle)) > 2
    assert np.array_equal(futures, sampled(recorded_sticky, seed=0))
    assert not np.array_equal(futures, sampled(recorded_sticky, seed=1))


def test_the_floor_is_the_unbiased_variance_and_every_future_counts_in_the_error(recorded_sticky: Dataset) -> None:
    found = floor_of(recorded_sticky, Persistence(), windows=1_000)
    assert len(found.floor) == 2 * len(window_starts(100))
    rng = np.random.default_rng(0)
    rng.choice(len(found.floor), size=len(found.floor), replace=False)  # what drawing the windows takes
    seeds = rng.integers(2**31, size=len(window_starts(100)))
    episode = recorded_sticky.episode(0)
    assert recorded_sticky.env is not None
    game = make_env(recorded_sticky.env)
    _, state = next(replay(game, 0, episode, np.array([60])))
    futures = sample_futures(game, state, episode.action[60:66].astype(np.int64), 4, FUTURES, int(seeds[10]))
    assert futures is not None
    mean = futures.astype(np.float64).mean(axis=0)
    variance = ((futures - mean) ** 2).sum(axis=0) / (FUTURES - 1)
    assert variance.any()
    assert found.floor[10] == pytest.approx(variance.mean(axis=(1, 2)))
    stack = state.stack
    for step in range(6):
        predicted = stack[:, np.minimum(np.arange(4) + step + 1, 3)]
        assert found.model[10, step] == pytest.approx(((futures[:, step] - predicted) ** 2).mean())


def test_the_best_prediction_there_is_lands_on_the_floor(recorded_sticky: Dataset) -> None:
    """The mean of F' other futures has the floor's error times 1 + 1/F' in expectation; persistence has far more."""
    best = floor_of(recorded_sticky, MeanOfManyFutures(recorded_sticky, 24), windows=30, futures=24)
    floor, model = best.floor.mean(axis=0), best.model.mean(axis=0)
    assert floor[-1] > 0.1
    assert model[-1] / floor[-1] == pytest.approx(1 + 1 / 24, abs=0.15)
    assert floor_of(recorded_sticky, Persistence(), windows=30).model.mean(axis=0)[-1] > 5 * floor[-1]
