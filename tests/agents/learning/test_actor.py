import math

import pytest
import torch

from agents.learning.actor import Actor, allowed_actions, entropy, log_prob, sample, uniformity
from agents.learning.config import ActorCriticConfig
from rssm.games.pong.features import ACTION_NAMES
from rssm.games.pong.game import PONG

PROBS = torch.tensor([0.5, 0.25, 0.25, 0.0, 0.0, 0.0])


def test_it_starts_as_the_uniform_policy():
    log_probs = Actor(ActorCriticConfig(fire=True, hidden=8, layers=1), 5, PONG)(torch.randn(7, 5))
    assert torch.allclose(log_probs, torch.full((7, 6), -math.log(6.0)))


def test_without_the_fire_button_it_is_a_policy_over_the_three_moves():
    config = ActorCriticConfig(fire=False, hidden=8, layers=1)
    assert [ACTION_NAMES[action] for action in allowed_actions(config, PONG)] == ["NOOP", "RIGHT", "LEFT"]
    actor = Actor(config, 5, PONG)
    log_probs = actor(torch.randn(2_000, 5))
    assert log_probs.exp()[0].tolist() == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3, 0, 0])
    assert entropy(log_probs[0]).item() == pytest.approx(math.log(3.0))
    torch.manual_seed(0)
    assert set(sample(log_probs).tolist()) == {0, 2, 3}
    with torch.no_grad():
        actor.network.layers[-1].bias[1] = 100.0
    assert actor(torch.randn(5)).argmax() == 2
    # the moves that are not there take no part in what is learned
    log_prob(actor(torch.randn(4, 5)), torch.tensor([0, 2, 3, 3])).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in actor.parameters())


def test_no_action_is_ever_out_of_reach():
    actor = Actor(ActorCriticConfig(fire=True, hidden=8, layers=1, unimix=0.06), 5, PONG)
    with torch.no_grad():
        actor.network.layers[-1].bias[2] = 100.0
    probs = actor(torch.randn(5)).exp()
    assert probs.tolist() == pytest.approx([0.01, 0.01, 0.95, 0.01, 0.01, 0.01])


def test_samples_come_as_often_as_they_are_likely():
    torch.manual_seed(0)
    actions = sample(PROBS.log().expand(8_000, 6))
    shares = torch.bincount(actions, minlength=6) / 8_000
    assert torch.allclose(shares, PROBS, atol=0.02)
    assert shares[3:].sum() == 0


def test_log_probability_of_the_action_taken():
    log_probs = PROBS.log().expand(2, 6)
    assert log_prob(log_probs, torch.tensor([0, 2])).tolist() == pytest.approx([-math.log(2), -math.log(4)])


def test_entropy_of_known_policies():
    uniform = torch.full((6,), -math.log(6.0))
    assert entropy(uniform).item() == pytest.approx(math.log(6.0))
    halves = torch.tensor([0.5, 0.5, 1e-30, 1e-30, 1e-30, 1e-30]).log()
    assert entropy(halves).item() == pytest.approx(math.log(2.0))


def test_uniformity_is_the_divergence_from_the_uniform_policy():
    assert uniformity(torch.full((6,), -math.log(6.0)), list(range(6))).item() == pytest.approx(0.0, abs=1e-6)
    skewed = torch.tensor([0.5, 0.0, 0.25, 0.25, 0.0, 0.0]).clamp(min=1e-30).log()
    # of three actions: the mean of ln(1/3 / 0.5), ln(1/3 / 0.25) twice, negative
    expected = -(math.log(2 / 3) + 2 * math.log(4 / 3)) / 3
    assert uniformity(skewed, [0, 2, 3]).item() == pytest.approx(expected)


@pytest.mark.parametrize(("bonus", "pull"), [(uniformity, 1 / 3), (lambda log_probs, _: entropy(log_probs), 0.0)])
def test_the_pull_on_an_action_that_is_hardly_taken_lasts_in_uniformity_alone(bonus, pull):
    logits = torch.tensor([0.0, -20.0, -20.0], requires_grad=True)
    log_probs = torch.full((6,), -1e4).index_put((torch.tensor([0, 2, 3]),), torch.log_softmax(logits, -1))
    bonus(log_probs, [0, 2, 3]).backward()
    assert logits.grad[1].item() == pytest.approx(pull, abs=1e-6)
