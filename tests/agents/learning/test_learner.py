import copy
import dataclasses
import itertools

import pytest
import torch

from agents.config import AgentTrainConfig
from agents.learning.config import ImaginationConfig
from agents.learning.imagination import imagine
from agents.learning.learner import Learner
from rssm.data.chunks import ChunkSampler
from rssm.errors import DivergedError

IMAGINATION = ImaginationConfig(chunks=3, chunk_length=10, burn_in=3, horizon=2, starts=15, continued=0.5)
RATES = {"actor_learning_rate": 1e-2, "critic_learning_rate": 1e-2}
TRAIN = AgentTrainConfig(**RATES, actor_warmup=4, critic_warmup=2, decay=0.5)


@pytest.fixture
def world(make_model):
    return make_model()


@pytest.fixture
def sampler(pong_data):
    return ChunkSampler(pong_data, IMAGINATION.chunks, IMAGINATION.chunk_length, seed=0)


def learn(learner, world, sampler, updates):
    """The means of what these updates log."""
    for update in updates:
        torch.manual_seed(update)
        learner.update(world, sampler.batch(update), update)
    return learner.take_metrics()


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_an_update_changes_the_agent_and_not_the_world(world, sampler, make_agent):
    learner = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    before, fixed = weights(learner.agent), weights(world)
    learn(learner, world, sampler, range(1))
    after = weights(learner.agent)
    for part in ("actor.", "critic.", "slow_critic.", "player.", "normalizer."):
        assert any(not torch.equal(after[name], before[name]) for name in after if name.startswith(part)), part
    assert same(weights(world), fixed)


def test_it_goes_on_exactly_where_it_was(world, sampler, make_agent):
    """The slow critic, the range of returns, the optimiser's averages and the trajectories to go on with are kept."""
    whole = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    learn(whole, world, sampler, range(3))
    kept = copy.deepcopy(whole.state_dict())
    learn(whole, world, sampler, range(3, 6))
    resumed = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    resumed.load_state_dict(kept)
    learn(resumed, world, sampler, range(3, 6))
    assert same(weights(resumed.agent), weights(whole.agent))
    for forgotten in ("slow_critic.", "player.", "normalizer."):
        other = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
        fresh = weights(other.agent)
        partly = {name: fresh[name] if name.startswith(forgotten) else v for name, v in kept["agent"].items()}
        other.load_state_dict(copy.deepcopy(kept) | {"agent": partly})
        learn(other, world, sampler, range(3, 6))
        assert not same(weights(other.agent), weights(whole.agent)), forgotten
    other = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    other.load_state_dict(copy.deepcopy(kept) | {"ends": None})
    learn(other, world, sampler, range(3, 6))
    assert not same(weights(other.agent), weights(whole.agent))


def test_trajectories_go_on_where_those_of_the_update_before_ended(world, sampler, make_agent, monkeypatch):
    seen = []

    def remember(model, agent, start, horizon, first, **settings):
        seen.append((start, imagine(model, agent, start, horizon, first, **settings)))
        return seen[-1][1]

    monkeypatch.setattr("agents.learning.learner.imagine", remember)
    learn(Learner(make_agent(), IMAGINATION, TRAIN, updates=10), world, sampler, range(4))
    for (_, before), (start, _) in itertools.pairwise(seen):
        ends = {tuple(frame) for frame in before.end.stack.flatten(1).tolist()}
        went_on = [tuple(frame) in ends for frame in start.stack.flatten(1).tolist()]
        assert any(went_on)
        assert not all(went_on)


@pytest.mark.parametrize(("tried", "starts", "count"), [(True, 7, 42), (False, 7, 7), (False, 0, 18)])
def test_it_imagines_from_as_many_states_as_it_is_told_with_every_move(
    world, sampler, make_agent, monkeypatch, tried, starts, count
):
    seen = []

    def remember(*arguments, **settings):
        seen.append(imagine(*arguments, **settings))
        return seen[-1]

    monkeypatch.setattr("agents.learning.learner.imagine", remember)
    settings = dataclasses.replace(IMAGINATION, starts=starts, tried=tried, continued=0.0)
    agent = make_agent(search=1.5 if tried else 0.0)
    metrics = learn(Learner(agent, settings, TRAIN, updates=10), world, sampler, range(1))
    assert len(seen[0].actions) >= count  # more where a chunk begins with its game
    assert len(seen[0].actions) == count or not starts
    assert ("train/search" in metrics) == tried
    if tried:
        assert seen[0].actions[:, 0].tolist() == list(range(6)) * 7


def test_each_move_is_tried_as_often_as_it_is_told(world, sampler, make_agent, monkeypatch):
    seen = []

    def remember(*arguments, **settings):
        seen.append(imagine(*arguments, **settings))
        return seen[-1]

    monkeypatch.setattr("agents.learning.learner.imagine", remember)
    settings = dataclasses.replace(IMAGINATION, starts=7, rollouts=3, continued=0.0)
    agent = make_agent(fire=False, search=1.5, doubt=0.5)
    metrics = learn(Learner(agent, settings, TRAIN, updates=10), world, sampler, range(1))
    assert seen[0].actions[:, 0].tolist() == [0, 0, 0, 2, 2, 2, 3, 3, 3] * 7
    assert all(value == value for value in metrics.values())  # numbers


@pytest.mark.parametrize(
    ("network", "shares"),
    [
        ("actor", (0.25, 0.5, 0.75, 1, 1, 1, 0.8, 0.6, 0.4, 0.2)),
        ("critic", (0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2)),
    ],
)
def test_the_learning_rates_rise_stay_and_fall_to_nothing(world, sampler, make_agent, network, shares):
    learner = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    rates = [learn(learner, world, sampler, [update])[f"train/{network}_learning_rate"] for update in range(10)]
    assert rates == pytest.approx([1e-2 * share for share in shares])


def test_numbers_that_are_not_finite_stop_it_in_one_line(world, sampler, make_agent):
    learner = Learner(make_agent(), IMAGINATION, TRAIN, updates=10)
    learner.update(world, sampler.batch(3), 3)
    before = weights(learner.agent.actor)
    with torch.no_grad():
        world.reward_head.layers[-1].bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match=r"^loss: nan at the agent's update 4: ") as caught:
        learn(learner, world, sampler, [4])
    assert "\n" not in str(caught.value)
    assert same(weights(learner.agent.actor), before)


def test_what_is_logged_is_the_mean_of_the_updates_since_the_last_time(world, sampler, make_agent):
    one, other = (Learner(make_agent(), IMAGINATION, TRAIN, updates=10) for _ in range(2))
    each = [learn(one, world, sampler, [update]) for update in range(3)]
    means = learn(other, world, sampler, range(3))
    assert means == pytest.approx({name: sum(m[name] for m in each) / 3 for name in means})
    assert len(means) > 10
    assert other.take_metrics() == {}


def test_it_learns_what_the_world_pays_for(world, sampler, make_agent, monkeypatch):
    """A world that pays for action 4, whatever the state: the policy comes to it, the value to what it is worth."""
    agent = make_agent(discount=0.5, entropy=0.0, final_entropy=0.0, slow_scale=0.0)
    paid = {}
    step = type(world).imagine_latent

    def remember(self, state, action, **settings):
        paid.setdefault("actions", []).append(action)
        return step(self, state, action, **settings)

    def reward(self, features):
        actions = torch.cat(paid.pop("actions"))  # one step of all trajectories after the other
        return (actions == 4).float()

    monkeypatch.setattr(type(world), "imagine_latent", remember)
    monkeypatch.setattr(type(world), "reward", reward)
    monkeypatch.setattr(type(world), "continuation", lambda self, features: torch.ones(features.shape[:-1]))
    train = AgentTrainConfig(**RATES, actor_warmup=0, critic_warmup=0, decay=0.0)
    learner = Learner(agent, IMAGINATION, train, updates=200)
    learn(learner, world, sampler, range(199))
    metrics = learn(learner, world, sampler, [199])
    assert metrics["train/imagined_reward"] > 1.9  # of two steps
    assert metrics["train/value"] == pytest.approx(2.0, abs=0.2)  # 1 + 0.5 + 0.25 + ...


def test_the_entropy_bonus_falls_by_equal_factors_until_the_learning_rates_do(make_agent):
    agent = make_agent(entropy=1.0, final_entropy=0.01)
    learner = Learner(agent, IMAGINATION, AgentTrainConfig(decay=0.5), updates=8)
    scales = [learner._bonus_scale(update) for update in range(8)]
    assert scales == pytest.approx([1.0, 10**-0.5, 0.1, 10**-1.5, 0.01, 0.01, 0.01, 0.01])


def test_a_scale_that_is_nothing_stays_nothing(make_agent):
    learner = Learner(make_agent(search=0.0), IMAGINATION, AgentTrainConfig(decay=0.5), updates=8)
    assert [learner._search_scale(update) for update in range(6)] == [0.0] * 6
