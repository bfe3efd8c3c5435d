from collections.abc import Callable

import numpy as np
import pytest

from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.evaluation.off_policy import random_windows
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.windows import EpisodeWindows
from rssm.games.pong.env import make_env
from rssm.games.pong.features import NUM_ACTIONS


def windows_of(dataset: Dataset, count: int, extra_rows: int = 0, seed: int = 0) -> list[EpisodeWindows]:
    assert dataset.env is not None
    lengths = np.array([rows.stop - rows.start for rows in dataset.episodes]) + extra_rows
    return list(random_windows(make_env(dataset.env), dataset, lengths, count, np.random.default_rng(seed)))


def test_the_truth_is_that_of_a_game_played_there_from_its_start(
    recorded: Dataset, emulator_oracle: Callable[[Dataset], Predictor]
) -> None:
    batches = windows_of(recorded, 20)
    assert sum(len(batch.starts) for batch in batches) == 20
    oracle = emulator_oracle(recorded)
    for batch in batches:
        episode = recorded.episode(batch.episode)
        assert np.array_equal(batch.observations, stack_episode(episode.features))
        assert np.array_equal(batch.actions, episode.action)
        replayed = oracle.predict(batch.observations, batch.actions, batch.starts, batch.futures)
        assert np.array_equal(batch.truth, replayed)


def test_actions_are_uniform_and_fixed_by_the_seed(recorded: Dataset) -> None:
    futures = [np.concatenate([batch.futures for batch in windows_of(recorded, 48, seed=seed)]) for seed in (0, 0, 1)]
    assert np.array_equal(futures[0], futures[1])
    assert not np.array_equal(futures[0], futures[2])
    counts = np.bincount(futures[0].ravel(), minlength=NUM_ACTIONS)
    assert len(counts) == NUM_ACTIONS
    assert counts == pytest.approx(np.full(NUM_ACTIONS, 48), abs=4 * np.sqrt(48))


def test_windows_in_which_the_game_ends_are_left_out(whole_game: Dataset) -> None:
    """Starts in the last six rows are no windows of the recording; from them nothing but the game's end can come."""
    length = len(whole_game)
    inside = windows_of(whole_game, 10_000)[0].starts
    beyond = windows_of(whole_game, 10_000, extra_rows=6)[0].starts
    assert inside.max() <= length - 7
    assert np.array_equal(beyond, inside)
