import numpy as np
import pytest
import torch

from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from agents.play.imagined_vs_real import ALARM, Comparison, alarm, imagined_against_real, play_same
from agents.play.moments import Moment, Moments
from agents.play.scores import play_games
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong.env import make_env
from rssm.games.pong.game import PONG
from rssm.model.state import State
from rssm.seeds import episode_seed

#: a paddle that stands still loses a game in less than a thousand steps
NOOP, DISCOUNT, GAMES = 0, 0.95, 2


class Stander(Agent):
    """Stands still and expects ``expected`` points everywhere."""

    expected = 0.0

    def act(self, features, greedy):
        return torch.full(features.shape[:-1], NOOP)

    def value(self, features):
        return torch.full(features.shape[:-1], self.expected)


@pytest.fixture(scope="module")
def world(make_model):
    return make_model()


@pytest.fixture(scope="module")
def stander(world):
    agent = Stander(ActorCriticConfig(hidden=8, layers=1, discount=DISCOUNT), inputs_size(world.config, PONG), PONG)
    with torch.no_grad():
        agent.actor.network.layers[-1].bias[agent.actor.allowed.index(NOOP)] = 100.0  # so it does in imagination
    return agent


def play(world, stander, seed=0, count=60, env=None, games=GAMES):
    """Games of the sampled policy, and what was drawn from them."""
    env = EnvConfig() if env is None else env
    moments = Moments(count, DISCOUNT, env.max_episode_steps, seed)
    play_games(world, stander.policy(world, greedy=False), games=games, env=env, seed=seed, moments=moments)
    return moments


@pytest.fixture(scope="module")
def moments(world, stander):
    return play(world, stander)


@pytest.fixture(scope="module")
def drawn(moments):
    return moments.drawn()


@pytest.mark.parametrize("ahead", [2, 6, 7])
def test_the_same_actions_up_to_the_end_of_the_game(games, ahead):
    stacks, rewards = games[0]
    start = len(rewards) - ahead
    game = make_env(EnvConfig())
    game.reset(seed=episode_seed(0, 0))
    for _ in range(start):
        game.step(NOOP)
    nothing = torch.zeros(0)
    moment = Moment(0, start, State(nothing, nothing, nothing), game.clone_state())
    truth = play_same(EnvConfig(), [moment, moment], np.full((2, 6), NOOP))
    # a game's last stack is nowhere observed
    assert truth.exists.tolist() == [[k < ahead - 1 for k in range(6)]] * 2
    for k in range(min(6, ahead - 1)):
        assert np.array_equal(truth.stacks[0, k], stacks[start + k + 1])
    assert truth.reward.tolist() == [rewards[start : start + 6].sum()] * 2


def test_sticky_actions_are_drawn_as_in_the_game_that_went_on():
    env = EnvConfig(repeat_action_probability=0.5)
    game = make_env(env)
    game.reset(seed=1)
    for _ in range(50):
        game.step(3)
    nothing = torch.zeros(0)
    moment = Moment(0, 50, State(nothing, nothing, nothing), game.clone_state())
    actions = np.array([2, 3, 2, 3, 2, 3])
    real = to_stack(np.stack([game.step(action)[0] for action in actions]), 4)
    assert np.array_equal(play_same(env, [moment], actions[None]).stacks[0], real)


def test_the_error_of_each_feature_leaves_out_games_that_are_over():
    real, imagined = np.zeros((3, 7, 2), np.float32), np.zeros((3, 7, 2), np.float32)
    imagined[:, 6] = [[1, 2], [3, 4], [100, 100]]
    error = np.zeros((3, 6))
    error[2, 5] = np.nan
    compared = Comparison({}, real, imagined, error, [])
    assert compared.by_feature(5).tolist() == [(1 + 9) / 2, (4 + 16) / 2]
    assert compared.by_feature(4).tolist() == [0, 0]


@pytest.fixture
def compare(world, stander, moments):
    def compare(expected=0.0):
        stander.expected = expected
        return imagined_against_real(world, stander, moments, EnvConfig(), seed=0).metrics

    return compare


def test_error_and_reward_are_those_of_the_same_actions(compare, world, drawn, games):
    result = compare()
    chosen, returns = drawn
    start = State.join([moment.state for moment in chosen], 0)
    with torch.no_grad():
        predicted = world.imagine(start, torch.full((len(chosen), 6), NOOP), sample=False).states.stack.numpy()
    errors = [[] for _ in range(6)]
    for row, moment in enumerate(chosen):
        stacks, rewards = games[moment.game]
        for k in range(min(6, len(rewards) - 1 - moment.step)):
            errors[k].append(np.mean((predicted[row, k] - stacks[moment.step + k + 1]) ** 2))
    for k in range(6):
        assert result[f"imagination/error_k{k}"] == pytest.approx(np.mean(errors[k]), rel=1e-3)
    sums = [games[moment.game][1][moment.step : moment.step + 6].sum() for moment in chosen]
    assert result["real/reward"] == pytest.approx(np.mean(sums))
    assert result["real/value"] == pytest.approx(returns.mean())


def test_imagined_reward_is_what_the_head_says_until_the_end_that_it_says(compare, world, monkeypatch):
    def rewarded(going_on):
        monkeypatch.setattr(world, "reward", lambda features: torch.full(features.shape[:-1], 0.5))
        monkeypatch.setattr(world, "continuation", lambda features: torch.full(features.shape[:-1], going_on))
        return compare()["imagination/reward"]

    assert rewarded(1.0) == pytest.approx(3.0)
    assert rewarded(0.5) == pytest.approx(0.5 * (1 + 0.5 + 0.25 + 0.125 + 0.0625 + 0.03125))


def test_an_honest_critic_raises_no_alarm_and_a_hopeful_one_does(compare, world, stander, drawn):
    honest = play(world, stander, seed=9).drawn()[1].mean()  # of other games
    result = compare(float(honest))
    assert result["imagination/alarm"] == 0.0
    assert abs(result["imagination/optimism"]) < ALARM / 2
    assert alarm(result) is None
    assert alarm({}) is None

    result = compare(float(honest) + 1.5)
    assert result["imagination/alarm"] == 1.0
    low, high = np.quantile(drawn[1], [0.05, 0.95])
    assert result["imagination/value"] == pytest.approx(honest + 1.5)
    scale = max(high - low, stander.config.return_floor)
    assert result["imagination/optimism"] == pytest.approx((honest + 1.5 - drawn[1].mean()) / scale)
    assert alarm(result).startswith(f"the critic expects {honest + 1.5:+.2f} points where the real games return ")

    assert compare(float(honest) - 1.5)["imagination/alarm"] == 0.0  # modesty is no danger


def test_where_all_returns_are_alike_the_floor_is_the_unit(compare, stander, moments, drawn, monkeypatch):
    chosen, returns = drawn
    monkeypatch.setattr(moments, "drawn", lambda: (chosen, np.full_like(returns, -1.0)))
    floor = stander.config.return_floor
    assert compare(-1.0 + 0.2 * floor)["imagination/optimism"] == pytest.approx(0.2, abs=1e-5)


def test_the_seed_fixes_it_and_it_changes_no_random_numbers(world, stander):
    env = EnvConfig(max_episode_steps=60, repeat_action_probability=0.25)

    def compare(seed, before):
        torch.manual_seed(before)
        state = torch.get_rng_state()
        moments = play(world, stander, seed, count=8, env=env, games=1)
        result = imagined_against_real(world, stander, moments, env, seed).metrics
        assert torch.equal(torch.get_rng_state(), state)
        return result

    one = compare(seed=0, before=3)
    assert compare(seed=0, before=4) == one
    other = compare(seed=1, before=3)
    assert other["real/value"] != one["real/value"]
