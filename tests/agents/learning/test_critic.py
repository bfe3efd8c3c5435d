import pytest
import torch

from agents.learning.config import ActorCriticConfig
from agents.learning.critic import Critic
from rssm.model.distributions import symlog

CONFIG = ActorCriticConfig(hidden=8, layers=1, bins=21)


def test_it_starts_at_nothing_everywhere():
    critic = Critic(CONFIG, 5)
    assert torch.allclose(critic.mean(critic(torch.randn(7, 5))), torch.zeros(7), atol=1e-6)


def test_a_mean_of_rare_points_is_learnt_without_bias():
    """Nine returns of 0 and one of -1: symlog bins must not pull the mean away from -0.1."""
    critic = Critic(CONFIG, 5)
    logits = torch.zeros(21, requires_grad=True)
    target = torch.tensor([0.0] * 9 + [-1.0])
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        critic.loss(logits.expand(10, 21), target).mean().backward()
        optimizer.step()
    assert critic.mean(logits).item() == pytest.approx(-0.1, abs=0.01)


def test_its_bins_reach_the_limit_that_is_set():
    critic = Critic(ActorCriticConfig(hidden=8, layers=1, bins=21, value_limit=1.5), 5)
    one_hot = torch.full((21,), -1e9)
    one_hot[-1] = 0.0
    assert symlog(critic.mean(one_hot)).item() == pytest.approx(1.5)
