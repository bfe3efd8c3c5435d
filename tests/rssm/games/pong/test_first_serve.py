import dataclasses

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.data.frames import to_stack
from rssm.errors import DataError
from rssm.evaluation.openloop import episode_windows
from rssm.evaluation.windows import EpisodeWindows
from rssm.games.pong.env import make_env
from rssm.games.pong.events import EVENTS
from rssm.games.pong.features import BALL_SPAWNED, STACK_SIZE
from rssm.games.pong.first_serve import start_floor


@pytest.fixture
def windows(recorded: Dataset) -> EpisodeWindows:
    """All windows of the first game's first 100 rows."""
    return next(iter(episode_windows(recorded, np.array([100, 0, 0]))))


def test_nothing_is_uncertain_once_the_first_serve_was_seen(windows: EpisodeWindows) -> None:
    floor = start_floor(make_env(EnvConfig()), 30, windows)
    assert floor.shape == windows.truth.shape[:2]
    spawned = windows.observations[..., -1][:, BALL_SPAWNED]
    served = windows.starts > np.flatnonzero(spawned)[0]
    assert not floor[served].any()
    assert floor[~served].max() > 1.0


def test_a_recording_of_another_game_is_refused(windows: EpisodeWindows) -> None:
    other = dataclasses.replace(windows, observations=windows.observations + 1.0)
    with pytest.raises(DataError, match="episode 0: expected one of 0 to 30 no-ops to repeat its first 1 frames"):
        start_floor(make_env(EnvConfig()), 30, other)


def test_the_floor_is_the_variance_over_the_games_that_fit(windows: EpisodeWindows, recorded: Dataset) -> None:
    """By hand: at the very first step every number of no-ops that shows the same frame is possible."""
    game = make_env(EnvConfig())
    futures = []
    for noops in range(31):
        first = game.reset(options={"noops": noops})[0]
        if np.array_equal(to_stack(first, STACK_SIZE), windows.observations[0]):
            futures.append([game.step(action)[0] for action in windows.futures[0]])
    assert len(futures) > 1
    expected = np.array(futures, np.float64).var(axis=0).mean(axis=-1)
    assert start_floor(game, 30, windows)[0] == pytest.approx(expected)
    assert windows.events[0] == EVENTS.index("start")
