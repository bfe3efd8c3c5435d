"""The critic: a distribution over discounted returns, two-hot on symlog bins (DreamerV3, equation 9)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agents.learning.config import ActorCriticConfig
from rssm.model.distributions import symexp, two_hot_loss, two_hot_mean
from rssm.model.networks import MLP, start_uniform


class Critic(nn.Module):
    """Features (..., F) -> value logits (..., K); it starts at the value 0 everywhere."""

    bins: Tensor

    def __init__(self, config: ActorCriticConfig, features: int) -> None:
        super().__init__()
        self.network = start_uniform(MLP(features, config.hidden, config.layers, config.bins))
        bins = torch.linspace(-config.value_limit, config.value_limit, config.bins)
        self.register_buffer("bins", bins, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        return self.network(features)

    def mean(self, logits: Tensor) -> Tensor:
        """The value (...) in points that logits (..., K) stand for."""
        return two_hot_mean(logits, self.bins)

    def variance(self, logits: Tensor) -> Tensor:
        """The variance (...), in points squared, of the distribution that logits (..., K) stand for."""
        deviation = symexp(self.bins) - self.mean(logits).unsqueeze(-1)
        return (logits.softmax(-1) * deviation.square()).sum(-1)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy (...) in nats between logits (..., K) and the two-hot return target (...), in points."""
        return two_hot_loss(logits, target, self.bins)
