import torch

from agents.learning.inputs import agent_inputs
from rssm.games.pong.statistics import SCORES
from rssm.model.state import State


def states(model, frames):
    torch.manual_seed(3)
    count, config = len(frames), model.config
    stoch = torch.nn.functional.one_hot(torch.randint(config.classes, (count, config.stoch)), config.classes).float()
    return State(torch.randn(count, config.deter), stoch, frames)


def frames(pong_data, count):
    rows = torch.from_numpy(pong_data.features[200 : 200 + count].copy())
    return rows.unsqueeze(-1).repeat(1, 1, 4)


def test_the_greedy_policy_takes_the_likeliest_action(make_model, make_agent, pong_data):
    model, agent = make_model(), make_agent()
    state = states(model, frames(pong_data, 50))
    likeliest = agent.player(agent_inputs(model, state)).argmax(-1)
    assert torch.equal(agent.policy(model, greedy=True)(state), likeliest)
    assert len(set(likeliest.tolist())) > 1


def test_the_sampled_policy_draws(make_model, make_agent, pong_data):
    model, agent = make_model(), make_agent()
    state = states(model, frames(pong_data, 1))[[0] * 4_000]
    shares = torch.bincount(agent.policy(model, greedy=False)(state), minlength=6) / 4_000
    assert torch.allclose(shares, agent.player(agent_inputs(model, state[:1]))[0].exp(), atol=0.03)


def test_nothing_depends_on_the_absolute_score(make_model, make_agent, pong_data):
    model, agent = make_model(), make_agent()
    state = states(model, frames(pong_data, 20))
    grid = state.stack.clone()
    grid[:, list(SCORES)] = 17.0
    elsewhere = State(state.deter, state.stoch, grid)
    assert not torch.equal(elsewhere.stack, state.stack)
    one, other = agent_inputs(model, state), agent_inputs(model, elsewhere)
    assert torch.equal(agent.player(one), agent.player(other))
    assert torch.equal(agent.value(one), agent.value(other))
    grid[:, 9] += 3.0  # the ball's height
    moved = agent_inputs(model, State(state.deter, state.stoch, grid))
    assert not torch.equal(agent.value(moved), agent.value(one))
