import pytest
import torch

from agents.learning.start_states import start_states
from agents.play.planning import PRIOR, move_values, moves_of, planned
from rssm.config import EnvConfig
from rssm.data.chunks import ChunkSampler
from rssm.games.pong.env import make_env
from rssm.games.pong.features import ACTION_NAMES, PLAYER_Y
from rssm.games.pong.game import PONG


@pytest.fixture
def world(make_model):
    return make_model()


@pytest.fixture
def states(world, pong_data):
    chunk = ChunkSampler(pong_data, batch_size=2, length=8, seed=0).batch(0)
    return start_states(world, chunk, burn_in=4)


@pytest.fixture
def paying(world, monkeypatch):
    """The world pays for an action of the first imagined step alone: points by action, the same in every state."""
    paid = torch.tensor([0.4, 9.0, -0.2, 0.5, 9.0, 9.0])
    firsts = []
    step = type(world).imagine_latent

    def remember(self, state, action, **settings):
        firsts.append(action)
        return step(self, state, action, **settings)

    def reward(self, features):
        result = torch.zeros(features.shape[:-1])
        result[: len(firsts[0])] = paid[firsts[0]]  # one step of all trajectories after the other
        firsts.clear()
        return result

    monkeypatch.setattr(type(world), "imagine_latent", remember)
    monkeypatch.setattr(type(world), "reward", reward)
    monkeypatch.setattr(type(world), "continuation", lambda self, features: torch.zeros(features.shape[:-1]))
    return paid


def test_a_move_is_worth_what_it_brings(world, make_agent, states, paying):
    agent = make_agent()
    value = move_values(world, agent, states, rollouts=3, horizon=2)
    assert value.shape == (len(states.deter), 3)
    assert torch.allclose(value, torch.tensor([0.4, -0.2, 0.5]).expand_as(value), atol=1e-6)


def test_the_move_that_brings_most_is_made_whatever_the_policy(world, make_agent, states, paying):
    agent = make_agent()
    with torch.no_grad():
        list(agent.player.parameters())[-1][2] = 5.0  # the policy's own choice is the worst
    assert agent.policy(world, greedy=True)(states).tolist() == [2] * len(states.deter)
    assert paying[moves_of(PONG)].max() == paying[3]
    assert planned(world, agent, rollouts=2)(states).tolist() == [3] * len(states.deter)


@pytest.mark.parametrize("favourite", [0, 1])
def test_between_moves_that_bring_the_same_the_policy_decides(world, make_agent, states, paying, favourite):
    agent = make_agent()
    with torch.no_grad():
        list(agent.player.parameters())[-1][favourite] = 20.0
    paying[0] = paying[3] - PRIOR  # less by one hundredth of a point; the policy is surer by several nats
    assert planned(world, agent, rollouts=2)(states).tolist() == [0] * len(states.deter)


def test_an_action_and_its_twin_move_the_paddle_alike():
    for twin, move in PONG.twins.items():
        heights = []
        for action in (move, twin):
            game = make_env(EnvConfig())
            game.reset(seed=1)
            heights.append([game.step(action)[0][3::4][PLAYER_Y] for _ in range(40)])
        assert heights[0] == heights[1]
    assert [ACTION_NAMES[move] for move in moves_of(PONG)] == ["NOOP", "RIGHT", "LEFT"]


def test_what_comes_after_is_imagined_under_the_policy(world, make_agent, states, monkeypatch):
    agent = make_agent()
    with torch.no_grad():
        list(agent.actor.parameters())[-1][4] = 50.0
    taken = []
    step = type(world).imagine_latent

    def remember(self, state, action, **settings):
        taken.append(action)
        return step(self, state, action, **settings)

    monkeypatch.setattr(type(world), "imagine_latent", remember)
    move_values(world, agent, states, rollouts=5, horizon=4)
    first, *rest = taken
    assert [int((first == move).sum()) for move in moves_of(PONG)] == [5 * len(states.deter)] * 3
    assert len(rest) == 3
    assert torch.cat(rest).eq(4).float().mean() > 0.97  # but for the uniform policy's share


def test_the_critic_judges_the_rollout_s_end(world, make_agent, states, monkeypatch):
    """Nothing is paid on the way: the value of where the rollout ends is all, whatever the price of surprise."""
    agent = make_agent(surprise_penalty=0.5, lam=0.5, discount=0.9)
    monkeypatch.setattr(type(world), "reward", lambda self, features: torch.zeros(features.shape[:-1]))
    monkeypatch.setattr(type(world), "continuation", lambda self, features: torch.ones(features.shape[:-1]))
    monkeypatch.setattr(type(agent), "slow_value", lambda self, features: torch.full(features.shape[:-1], 0.5))
    value = move_values(world, agent, states, rollouts=1, horizon=6)
    assert torch.allclose(value, torch.full_like(value, 0.5 * 0.9**6))
