"""Short real games, perfect predictors and a check of causality."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rssm.collect import play_episode
from rssm.config import EnvConfig
from rssm.dataset import Dataset, write_dataset
from rssm.env import make_env
from rssm.evaluation.predictor import IntArray, Predictor
from rssm.features import FloatArray


class RecordingOracle:
    """Answers with what the episode recorded, so it is perfect for recorded actions (and cheats)."""

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        return observations[starts[:, None] + np.arange(1, futures.shape[1] + 1)]


class EmulatorOracle:
    """Plays every window from the episode's reset in a game of its own, without any cloned state."""

    def __init__(self, dataset: Dataset) -> None:
        assert dataset.env is not None
        self.episodes = [dataset.episode(index) for index in range(len(dataset.episodes))]
        self.game = make_env(dataset.env)

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        (episode,) = [one for one in self.episodes if np.array_equal(one.action, actions)]
        answer = np.zeros((*futures.shape, observations.shape[1]), np.float32)
        for window, start in enumerate(starts):
            self.game.reset(seed=episode.seed)
            for action in actions[:start]:
                self.game.step(action)
            for step, action in enumerate(futures[window]):
                answer[window, step] = self.game.step(action)[0]
        return answer


def _record(path: Path, env: EnvConfig, seeds: tuple[int, ...], steps: int) -> Dataset:
    episodes = [play_episode(env, "tracking", 0.5, seed, steps) for seed in seeds]
    write_dataset(path, episodes, env=env, policy={"name": "tracking"}, seed=0)
    return Dataset.open(path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three beginnings of games without sticky actions, 100 rows each."""
    return _record(tmp_path_factory.mktemp("data") / "plain", EnvConfig(), (1, 2, 3), 100)


@pytest.fixture(scope="session")
def recorded_sticky(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two beginnings of games with sticky actions, 100 rows each."""
    return _record(tmp_path_factory.mktemp("data") / "sticky", EnvConfig(repeat_action_probability=0.25), (1, 2), 100)


@pytest.fixture(scope="session")
def whole_game(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One game to its end."""
    return _record(tmp_path_factory.mktemp("data") / "whole", EnvConfig(), (7,), 10_000)


@pytest.fixture
def recording_oracle() -> Predictor:
    return RecordingOracle()


@pytest.fixture
def emulator_oracle() -> Callable[[Dataset], Predictor]:
    return EmulatorOracle


@pytest.fixture
def assert_causal() -> Callable[[Predictor, FloatArray, IntArray], None]:
    """A check that a window's prediction does not change with what comes after its start."""

    def check(predictor: Predictor, observations: FloatArray, actions: IntArray) -> None:
        starts = np.array([len(actions) // 2])
        futures = np.array([[0, 2, 3, 2, 1, 5]])
        rng = np.random.default_rng(0)
        later, taken = observations.copy(), actions.copy()
        later[starts[0] + 1 :] = rng.uniform(0, 200, later[starts[0] + 1 :].shape)
        taken[starts[0] :] = (taken[starts[0] :] + 1) % 6
        before = predictor.predict(observations, actions, starts, futures)
        after = predictor.predict(later, taken, starts, futures)
        assert np.array_equal(before, after), "the prediction depends on what happens after its start"

    return check
