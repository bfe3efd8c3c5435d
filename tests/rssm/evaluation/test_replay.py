from dataclasses import replace

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.beginning import recorded_options
from rssm.data.collect import play_episode
from rssm.data.dataset import Dataset
from rssm.errors import DataError
from rssm.evaluation.replay import play_on, replay
from rssm.games.pong.env import make_env
from rssm.games.pong.features import ENEMY_Y
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player


@pytest.mark.parametrize("name", ["recorded", "recorded_sticky"])
def test_an_episode_goes_on_as_recorded_whatever_is_played_in_between(
    name: str, request: pytest.FixtureRequest
) -> None:
    dataset: Dataset = request.getfixturevalue(name)
    assert dataset.env is not None
    game, episode = make_env(dataset.env), dataset.episode(1)
    starts = np.array([0, 5, 6, 40, 99])
    seen = []
    for position, state in replay(game, 1, episode, starts):
        assert np.array_equal(state.stack[..., -1], episode.features[starts[position]])
        seen.append(position)
        game.reseed(position)
        play_on(game, np.array([2, 2, 3, 3, 3, 3, 2, 5]), 4)
    assert seen == [0, 1, 2, 3, 4]


def test_frames_that_the_emulator_does_not_show_are_refused(recorded: Dataset) -> None:
    episode = recorded.episode(0)
    features = episode.features.copy()
    features[30, ENEMY_Y] += 1
    damaged = replace(episode, features=features)
    game = make_env(EnvConfig())
    assert len(list(replay(game, 4, damaged, np.array([0, 29])))) == 2
    with pytest.raises(DataError, match=r"episode 4: .* differ from step 30 on"):
        list(replay(game, 4, damaged, np.array([0, 31])))


def test_a_game_that_ends_on_the_way_has_no_future(whole_game: Dataset) -> None:
    episode = whole_game.episode(0)
    assert episode.terminated
    game, last = make_env(EnvConfig()), len(episode) - 1
    for _, state in replay(game, 0, episode, np.array([last - 1])):
        stacks = play_on(game, episode.action[last - 1 : last].astype(np.int64), 4)
        assert stacks is not None
        assert np.array_equal(stacks[0][..., -1], episode.features[last])
        game.restore_state(state)
        assert play_on(game, episode.action[last - 1 :].astype(np.int64), 4) is None


def test_a_game_that_began_at_a_moment_of_its_own_is_played_again() -> None:
    env = EnvConfig()
    game = make_env(env)
    for seed in range(3):
        episode = play_episode(env, Player("random", noops=120), seed, 40)
        options = recorded_options(PONG, episode)
        assert options is not None
        assert 0 <= options["noops"] <= 120
        assert len(list(replay(game, 0, episode, np.array([0, 39]), options))) == 2
    assert recorded_options(PONG, play_episode(env, Player("random"), 0, 5)) is None
    assert recorded_options(PONG, replace(episode, player="somebody unknown")) is None
