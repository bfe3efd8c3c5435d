import pytest
import torch

from agents.learning.losses import actor_loss
from agents.learning.move_search import compared, every_move, search_loss
from agents.learning.returns import Targets
from rssm.games.pong.features import ACTION_NAMES

N, H = 5, 3


@pytest.fixture
def tried(make_agent):
    """An agent of three moves, and five starts, each tried with every move: (agent, features, moves, targets)."""
    agent = make_agent(fire=False, return_floor=1.0)
    torch.manual_seed(3)
    starts = torch.randn(N, agent.features).repeat_interleave(3, 0)
    features = torch.cat([starts.unsqueeze(1), torch.randn(3 * N, H - 1, agent.features)], 1)
    moves = torch.tensor(agent.actor.allowed).repeat(N)
    later = torch.randint(3, (3 * N, H - 1))
    actions = torch.cat([moves.unsqueeze(1), torch.tensor(agent.actor.allowed)[later]], 1)
    return agent, features, actions, Targets(torch.randn(3 * N, H), torch.randn(3 * N, H), torch.rand(3 * N, H))


def chances(agent, features):
    """(N, 3), of the allowed moves at the starts."""
    return agent.actor(features[::3, 0])[:, agent.actor.allowed].exp()


def certain(agent, move):
    """Makes the policy all but sure of one of its moves, whatever the state."""
    with torch.no_grad():
        agent.actor.network.layers[-1].weight.zero_()
        agent.actor.network.layers[-1].bias.copy_(torch.tensor([12.0 if i == move else 0.0 for i in range(3)]))


def test_every_start_is_tried_with_every_allowed_move(make_agent):
    for fire, names in ((False, ["NOOP", "RIGHT", "LEFT"]), (True, list(ACTION_NAMES))):
        moves = every_move(5, make_agent(fire=fire).actor.allowed)
        assert [[ACTION_NAMES[move] for move in row] for row in moves] == [names] * 5
    assert every_move(4, [2, 5], rollouts=3).tolist() == [[2, 2, 2, 5, 5, 5]] * 4


def test_first_moves_count_by_their_chance_and_are_held_against_what_the_policy_expects(tried):
    agent, features, actions, target = tried
    result = compared(agent, agent.actor(features[:, 0]), actions[:, 0], target)
    chance, returns = chances(agent, features), target.returns[:, 0].view(N, 3)
    assert torch.allclose(result.weight[:, 0], 3.0 * chance.flatten())
    assert result.weight[:, 0].mean().item() == pytest.approx(1.0, abs=1e-5)
    expected = (chance * returns).sum(1)
    assert torch.allclose(result.value[:, 0].view(N, 3), expected.unsqueeze(1).expand(N, 3), atol=1e-6)
    assert torch.equal(result.returns, target.returns)
    assert torch.equal(result.weight[:, 1:], target.weight[:, 1:])
    assert torch.equal(result.value[:, 1:], target.value[:, 1:])
    assert not result.weight.requires_grad
    assert not result.value.requires_grad


def test_the_policy_s_gradient_is_then_the_exact_one(tried):
    """That of the points that the policy expects, the sum of chance times return over the moves."""
    agent, features, actions, target = tried
    first = Targets(*(part[:, :1] for part in (target.returns, target.value, target.weight)))
    first = compared(agent, agent.actor(features[:, 0]), actions[:, 0], first)
    actor_loss(agent, agent.actor(features[:, :1]), actions[:, :1], first, 0.0)[0].backward()
    found = [parameter.grad.clone() for parameter in agent.actor.parameters()]
    agent.zero_grad()
    points = (chances(agent, features) * target.returns[:, 0].view(N, 3)).sum(1).mean()
    (-points / agent.normalizer.scale).backward()
    exact = [parameter.grad for parameter in agent.actor.parameters()]
    assert max(gradient.abs().max() for gradient in exact) > 1e-3
    for one, other in zip(found, exact, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


class TestRollouts:
    """Two rollouts of each of three moves."""

    @pytest.fixture
    def twice(self, tried):
        agent, features, actions, target = tried
        again = [part.repeat_interleave(2, 0) for part in (target.returns, target.value, target.weight)]
        shift = torch.tensor([0.5, -0.5]).repeat(3 * N)
        again[0][:, 0] += shift * torch.tensor([0.0, 1.0, 4.0]).repeat_interleave(2).repeat(N)
        return agent, features.repeat_interleave(2, 0), actions.repeat_interleave(2, 0), Targets(*again), target

    def test_a_move_counts_by_its_chance_however_often_it_is_tried(self, twice):
        agent, features, actions, target, single = twice
        chance = chances(agent, features[::2])
        result = compared(agent, agent.actor(features[:, 0]), actions[:, 0], target, rollouts=2)
        assert torch.allclose(result.weight[:, 0], 3.0 * chance.repeat_interleave(2, 1).flatten())
        assert result.weight[:, 0].mean().item() == pytest.approx(1.0, abs=1e-5)
        # the rollouts' luck cancels in the mean, so what the policy expects is what it was
        expected = (chance * single.returns[:, 0].view(N, 3)).sum(1)
        assert torch.allclose(result.value[:, 0].view(N, 6), expected.unsqueeze(1).expand(N, 6), atol=1e-5)
        assert torch.equal(result.returns, target.returns)

    def test_the_search_goes_by_the_mean_of_the_rollouts(self, twice):
        agent, features, actions, target, single = twice
        starts = agent.actor(features[::6, 0])
        many = compared(agent, agent.actor(features[:, 0]), actions[:, 0], target, rollouts=2)
        one = compared(agent, agent.actor(features[::2, 0]), actions[::2, 0], single)
        assert search_loss(agent, starts, many).item() == pytest.approx(
            search_loss(agent, starts, one).item(), rel=1e-4
        )

    def test_doubt_takes_their_spread_off_what_a_move_brings(self, twice, make_agent):
        _, features, actions, target, _ = twice
        agent = make_agent(fire=False, return_floor=1.0, doubt=0.5)
        result = compared(agent, agent.actor(features[:, 0]), actions[:, 0], target, rollouts=2)
        # standard deviations of 0, 0.5 and 2 points
        lost = 0.5 * torch.tensor([0.0, 0.5, 2.0]).repeat_interleave(2).repeat(N)
        assert torch.allclose(result.returns[:, 0], target.returns[:, 0] - lost, atol=1e-6)
        assert torch.equal(result.returns[:, 1:], target.returns[:, 1:])


class TestSearch:
    def gradient(self, agent, features, actions, returns):
        """Of the loss, for the last biases; returns (3,) of the moves, in every state."""
        agent.zero_grad()
        returns = torch.tensor(returns).repeat(N).unsqueeze(1).expand(-1, H)
        target = compared(agent, agent.actor(features[:, 0]), actions[:, 0], Targets(returns, 0 * returns, 0 * returns))
        search_loss(agent, agent.actor(features[::3, 0]), target).backward()
        return agent.actor.network.layers[-1].bias.grad

    def test_it_draws_the_policy_to_what_the_better_moves_make_likelier(self, tried):
        """The gradient of a cross-entropy: the policy less pi exp(advantage / temperature), normalised."""
        agent, features, actions, _ = tried
        gradient = self.gradient(agent, features, actions, [0.0, 0.1, -0.1])
        chance = chances(agent, features)
        improved = chance * torch.tensor([0.0, 0.1, -0.1]).div(agent.config.temperature).exp()
        improved = improved / improved.sum(1, keepdim=True)
        assert torch.allclose(gradient, (chance - improved).mean(0), atol=1e-5)
        assert gradient[1] < 0 < gradient[2]

    def test_moves_that_bring_the_same_leave_the_policy_as_it_is(self, tried):
        agent, features, actions, _ = tried
        assert self.gradient(agent, features, actions, [0.3, 0.3, 0.3]).abs().max() < 1e-6

    def test_a_policy_that_is_sure_of_a_mistake_is_moved_where_its_own_gradient_is_not(self, tried):
        agent, features, actions, _ = tried
        certain(agent, 0)
        searched = self.gradient(agent, features, actions, [0.0, 0.6, 0.0])[1]
        agent.zero_grad()
        returns = torch.tensor([0.0, 0.6, 0.0]).repeat(N).unsqueeze(1)
        target = compared(agent, agent.actor(features[:, 0]), actions[:, 0], Targets(returns, 0 * returns, 0 * returns))
        actor_loss(agent, agent.actor(features[:, :1]), actions[:, :1], target, 0.0)[0].backward()
        alone = agent.actor.network.layers[-1].bias.grad[1]
        assert searched < 1000 * alone < 0

    def test_it_trains_the_actor_alone(self, tried):
        agent, features, actions, _ = tried
        self.gradient(agent, features, actions, [0.0, 1.0, 0.0])
        for name, parameter in agent.named_parameters():
            assert (parameter.grad is not None) == name.startswith("actor."), name
