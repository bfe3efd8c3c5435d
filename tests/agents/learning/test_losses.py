import copy

import pytest
import torch

from agents.learning.actor import entropy, uniformity
from agents.learning.imagination import Trajectories, imagine
from agents.learning.losses import actor_loss, agent_loss, critic_loss, targets
from agents.learning.move_search import compared, every_move, search_loss
from agents.learning.returns import Targets
from agents.learning.start_states import start_states
from rssm.data.chunks import ChunkSampler
from rssm.model.state import State


@pytest.fixture
def dreamt(make_model, make_agent, pong_data):
    """A world model, an agent and what they imagined."""
    model, agent = make_model(), make_agent()
    chunk = ChunkSampler(pong_data, batch_size=6, length=12, seed=0).batch(0)
    return model, agent, imagine(model, agent, start_states(model, chunk, burn_in=4), 3, gradients=True)


def touched(*modules):
    return [name for module in modules for name, p in module.named_parameters() if p.grad is not None]


def trajectories(agent, count=1, horizon=3):
    torch.manual_seed(2)
    ones = torch.ones(count, horizon)
    inputs, actions = torch.randn(count * (horizon + 1), agent.features), torch.randint(6, (count, horizon))
    end = State(*(inputs[-count:],) * 3)
    log_probs = agent.actor(inputs[: count * horizon])
    return Trajectories(inputs, log_probs, actions, ones.clone(), ones.clone(), surprise=0.0 * ones, end=end)


class TestWhatIsTrainedByWhat:
    def test_the_actor_s_loss_trains_the_actor_alone(self, dreamt):
        model, agent, dreams = dreamt
        with torch.no_grad():
            target = targets(agent, dreams, dreams.by_step(agent.value(dreams.inputs)))
        actor_loss(agent, dreams.by_step(dreams.log_probs), dreams.actions, target, 1e-3)[0].backward()
        assert len(touched(agent.actor)) == len(list(agent.actor.parameters()))
        assert touched(agent.critic, agent.slow_critic, agent.player, model) == []

    def test_the_critic_s_loss_trains_the_critic_alone(self, dreamt):
        model, agent, dreams = dreamt
        logits = agent.critic(dreams.inputs)
        target = torch.rand(logits.shape[:-1])
        critic_loss(agent, logits, target, target, torch.tensor(1.0)).backward()
        assert len(touched(agent.critic)) == len(list(agent.critic.parameters()))
        assert touched(agent.actor, agent.slow_critic, agent.player, model) == []

    def test_the_whole_reaches_actor_and_critic_and_never_the_world_model(self, dreamt):
        model, agent, dreams = dreamt
        assert all(parameter.requires_grad for parameter in model.parameters())
        loss, metrics = agent_loss(agent, dreams, 1e-3)
        loss.backward()
        assert touched(agent.actor)
        assert touched(agent.critic)
        assert touched(agent.slow_critic, agent.player, model) == []
        assert not any(value.requires_grad for value in metrics.values())


def test_weights_fall_with_the_discount_and_the_chance_that_the_game_goes_on(make_agent):
    agent = make_agent(discount=0.5)
    dreams = trajectories(agent)
    dreams.continuation[0] = torch.tensor([1.0, 0.25, 0.5])
    target = targets(agent, dreams, torch.zeros(1, 4))
    assert target.weight.tolist() == [[1.0, 0.5, 0.0625]]  # 0.5 * 1;  0.5 * 0.5 * 0.25


def test_surprise_above_the_mean_costs_and_below_it_pays(make_agent):
    agent = make_agent(discount=0.5, lam=1.0, surprise_penalty=0.25)
    dreams = trajectories(agent)
    dreams.surprise[0] = torch.tensor([0.0, 6.0, 0.0])
    target = targets(agent, dreams, torch.zeros(1, 4))
    # rewards 1 + 0.25 * 2, 1 - 0.25 * 4, 1 + 0.25 * 2
    assert target.returns[0].tolist() == pytest.approx([1.5 + 0.5 * 0.0 + 0.25 * 1.5, 0.0 + 0.5 * 1.5, 1.5])
    without = targets(make_agent(discount=0.5, lam=1.0, surprise_penalty=0.0), dreams, torch.zeros(1, 4))
    assert without.returns[0].tolist() == pytest.approx([1.75, 1.5, 1.0])


def test_surprise_that_is_free_costs_nothing(make_agent):
    """With 4 nats free only the step of 6 has a price, that of its 2 nats above."""
    agent = make_agent(discount=0.5, lam=1.0, surprise_penalty=0.25, surprise_free=4.0)
    dreams = trajectories(agent)
    dreams.surprise[0] = torch.tensor([3.0, 6.0, 4.0])
    target = targets(agent, dreams, torch.zeros(1, 4))
    rewards = [1 + 0.25 * 2 / 3, 1 - 0.25 * 4 / 3, 1 + 0.25 * 2 / 3]  # the mean of 0, 2 and 0 is 2 / 3
    third = rewards[2]
    second = rewards[1] + 0.5 * third
    assert target.returns[0].tolist() == pytest.approx([rewards[0] + 0.5 * second, second, third])


class TestTheActor:
    def gradient(self, agent, dreams, returns, value, weight, entropy_scale=0.0):
        target = Targets(torch.tensor([returns]), torch.tensor([value]), torch.tensor([weight]))
        actor_loss(agent, dreams.by_step(dreams.log_probs), dreams.actions, target, entropy_scale)[0].backward()
        return agent.actor.network.layers[-1].bias.grad

    def test_it_learns_what_went_better_than_expected(self, make_agent):
        agent = make_agent(return_floor=1.0)
        dreams = trajectories(agent)
        taken = int(dreams.actions[0, 0])
        gradient = self.gradient(agent, dreams, [1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [1.0, 1.0, 1.0])
        assert gradient[taken] < 0  # a step down this gradient makes the action likelier
        assert all(gradient[a] > 0 for a in range(6) if a != taken)

    def test_what_went_as_expected_teaches_nothing(self, make_agent):
        agent = make_agent()
        gradient = self.gradient(agent, trajectories(agent), [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
        assert torch.equal(gradient, torch.zeros(6))

    def test_advantages_are_divided_by_the_range(self, make_agent):
        gradients = []
        for floor in (1.0, 4.0):
            agent = make_agent(return_floor=floor)
            gradients.append(self.gradient(agent, trajectories(agent), [1.0, 0, 0], [0.0, 0, 0], [1.0, 1.0, 1.0]))
        assert torch.allclose(gradients[0], 4.0 * gradients[1])

    def test_what_lies_behind_an_end_teaches_nothing(self, make_agent):
        agent = make_agent()
        gradient = self.gradient(
            agent, trajectories(agent), [5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], entropy_scale=1.0
        )
        assert torch.equal(gradient, torch.zeros(6))

    @pytest.mark.parametrize("bonus", ["uniform", "entropy"])
    def test_the_bonus_makes_the_policy_more_even(self, make_agent, bonus):
        agent = make_agent(bonus=bonus)
        dreams = trajectories(agent)
        nothing = Targets(*(torch.zeros(1, 3),) * 2, torch.ones(1, 3))
        log_probs = dreams.by_step(dreams.log_probs)
        loss, before = actor_loss(agent, log_probs, dreams.actions, nothing, 1.0)
        value = entropy(log_probs) if bonus == "entropy" else uniformity(log_probs, agent.actor.allowed)
        assert loss.item() == pytest.approx(-value.mean().item())
        for _ in range(20):
            agent.zero_grad()
            log_probs = dreams.by_step(agent.actor(dreams.before))
            loss, after = actor_loss(agent, log_probs, dreams.actions, nothing, 1.0)
            loss.backward()
            with torch.no_grad():
                for parameter in agent.actor.parameters():
                    parameter.sub_(0.1 * parameter.grad)
        assert after["entropy"] > before["entropy"]


class TestTheCritic:
    def test_it_comes_to_the_mean_of_its_targets(self, make_agent):
        agent = make_agent(slow_scale=0.0)
        features, target = torch.randn(1, agent.features).expand(10, -1), torch.tensor([1.0] * 3 + [0.0] * 7)
        optimizer = torch.optim.Adam(agent.critic.parameters(), lr=0.03)
        for _ in range(300):
            optimizer.zero_grad()
            critic_loss(agent, agent.critic(features), target, target, torch.ones(10)).backward()
            optimizer.step()
        assert agent.value(features[0]).item() == pytest.approx(0.3, abs=0.03)

    def test_its_moving_average_holds_it_back(self, make_agent):
        """With a scale of 1 it settles in the middle between its target and the average."""
        agent = make_agent(slow_scale=1.0)
        features = torch.randn(1, agent.features)
        slow = agent.slow_value(features)
        optimizer = torch.optim.Adam(agent.critic.parameters(), lr=0.03)
        for _ in range(300):
            optimizer.zero_grad()
            critic_loss(agent, agent.critic(features), slow + 1.0, slow, torch.ones(1)).backward()
            optimizer.step()
        assert agent.value(features).item() == pytest.approx(slow.item() + 0.5, abs=0.05)


@pytest.mark.parametrize("tried", [True, False])
def test_states_that_trajectories_share_count_in_each_as_if_they_were_its_own(make_model, make_agent, batches, tried):
    """The loss and its gradients are those of trajectories that are written out, each with every state of its own."""
    model, agent = make_model(), make_agent(fire=False, search=1.5 if tried else 0.0, return_floor=0.1)
    start = start_states(model, batches[0], burn_in=4)
    moves = every_move(start.shape[0], agent.actor.allowed) if tried else None
    dreams = imagine(model, agent, start, 3, moves, gradients=True)
    normalizer = copy.deepcopy(agent.normalizer)
    loss, metrics = agent_loss(agent, dreams, 0.1, 1.5, tried=tried)
    found = torch.autograd.grad(loss, [*agent.actor.parameters(), *agent.critic.parameters()])

    agent.normalizer = normalizer
    inputs = dreams.by_step(dreams.inputs).contiguous()  # (N, H + 1, F)
    assert inputs.shape[:2] == (start.shape[0] * (3 if tried else 1), 4)
    before, slow = inputs[:, :-1].contiguous(), agent.slow_value(inputs)
    target = targets(agent, dreams, slow)
    agent.normalizer.update(target.returns)
    if tried:
        target = compared(agent, agent.actor(before[:, 0]), dreams.actions[:, 0], target)
    expected = actor_loss(agent, agent.actor(before), dreams.actions, target, 0.1)[0]
    if tried:
        expected = expected + 1.5 * search_loss(agent, agent.actor(inputs[::3, 0].contiguous()), target) / 3
    expected = expected + critic_loss(agent, agent.critic(before), target.returns, slow[:, :-1], target.weight)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    wanted = torch.autograd.grad(expected, [*agent.actor.parameters(), *agent.critic.parameters()])
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert ("train/search" in metrics) == tried


def test_doubt_changes_what_the_actor_learns_and_not_the_critic(make_model, make_agent, batches):
    model, found = make_model(), []
    for doubt in (0.0, 2.0):
        agent = make_agent(fire=False, doubt=doubt)  # which also fixes the random numbers to come
        start = start_states(model, batches[0], burn_in=4)
        dreams = imagine(model, agent, start, 2, every_move(start.shape[0], agent.actor.allowed, 3), gradients=True)
        loss, metrics = agent_loss(agent, dreams, 0.1, 1.5, tried=True)
        loss.backward()
        gradients = [
            torch.cat([p.grad.flatten() for p in network.parameters()]) for network in (agent.actor, agent.critic)
        ]
        found.append((metrics["train/critic"], metrics["train/return"], *gradients))
    (loss, returns, actor, critic), (other_loss, other_returns, other_actor, other_critic) = found
    assert (loss, returns) == (other_loss, other_returns)
    assert torch.equal(critic, other_critic)
    assert not torch.equal(actor, other_actor)


def test_returns_are_made_of_the_average_s_values(make_agent):
    """What the critic itself says of the states that are reached does not count, what its average says does."""
    agent = make_agent()
    dreams = trajectories(agent, count=8)
    _, one = agent_loss(agent, dreams, 0.0)
    with torch.no_grad():
        for parameter in agent.critic.parameters():
            parameter.add_(0.5)
    _, other = agent_loss(agent, dreams, 0.0)
    assert torch.equal(one["train/return"], other["train/return"])
    with torch.no_grad():
        for parameter in agent.slow_critic.parameters():
            parameter.add_(0.5)
    _, third = agent_loss(agent, dreams, 0.0)
    assert not torch.equal(one["train/return"], third["train/return"])


def test_a_single_imagined_step_is_enough(make_agent):
    agent = make_agent()
    loss, _ = agent_loss(agent, trajectories(agent, count=2, horizon=1), 1e-3)
    assert loss.isfinite()
    assert targets(agent, trajectories(agent, horizon=1), torch.zeros(1, 2)).weight.tolist() == [[1.0]]
