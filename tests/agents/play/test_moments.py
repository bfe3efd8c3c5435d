import numpy as np
import pytest
import torch

from agents.play.moments import Moments, discounted
from agents.play.scores import play_games
from rssm.config import EnvConfig

#: a paddle that stands still loses a game in less than a thousand steps
NOOP, DISCOUNT, GAMES = 0, 0.95, 2


def stand_still(state):
    return torch.full(state.shape, NOOP)


@pytest.fixture(scope="module")
def model(make_model):
    return make_model()


@pytest.fixture(scope="module")
def drawn(model):
    moments = Moments(60, DISCOUNT, EnvConfig().max_episode_steps, seed=0)
    play_games(model, stand_still, games=GAMES, env=EnvConfig(), seed=0, moments=moments)
    return moments.drawn()


def test_the_discounted_sum_of_what_follows():
    # 1 + 0.5 * (-0.5), 0 + 0.5 * (-1), -1
    assert discounted([1.0, 0.0, -1.0], 0.5).tolist() == [0.75, -0.5, -1.0]
    assert discounted([], 0.5).tolist() == []


def test_a_moment_is_the_real_game_and_the_return_is_what_it_came_to(drawn, games):
    moments, returns = drawn
    assert len(moments) == len(returns) == 60
    assert len({(moment.game, moment.step) for moment in moments}) == 60
    for moment, real in zip(moments, returns, strict=True):
        stacks, rewards = games[moment.game]
        assert np.array_equal(moment.state.stack.numpy(), stacks[moment.step])
        assert np.array_equal(moment.emulator.stack, stacks[moment.step])
        after = rewards[moment.step :]
        assert real == pytest.approx((DISCOUNT ** np.arange(len(after)) * after).sum())


def test_moments_come_from_all_of_the_games_alike(drawn, games):
    moments, _ = drawn
    share = np.array([moment.step / len(games[moment.game][1]) for moment in moments])
    # 60 uniform draws: mean 0.5 with a deviation of 0.037, and no quarter of the game is left out
    assert abs(share.mean() - 0.5) < 0.15
    assert set((share * 4).astype(int)) == {0, 1, 2, 3}
    assert {moment.game for moment in moments} == {0, 1}


def test_behind_the_step_limit_games_are_played_on_but_not_drawn_from(model, games):
    env = EnvConfig(max_episode_steps=150)
    moments = Moments(1_000, DISCOUNT, 150, seed=0)
    played = play_games(model, stand_still, games=1, env=env, seed=0, moments=moments)
    assert played.lengths.tolist() == [150]  # counted as they stood
    assert not played.finished.any()
    moments, returns = moments.drawn()
    assert sorted(moment.step for moment in moments) == list(range(150))
    _, rewards = games[0]
    for moment, real in zip(moments, returns, strict=True):
        after = rewards[moment.step :]
        whole = (DISCOUNT ** np.arange(len(after)) * after).sum()
        assert abs(real - whole) < 0.05  # what is cut off counts less than a hundredth
    last = int(np.argmax([moment.step for moment in moments]))
    assert returns[last] != 0.0  # the next point is lost behind the limit
