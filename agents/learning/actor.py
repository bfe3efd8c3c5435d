"""The policy: a categorical over the actions that it may take."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from agents.learning.config import ActorCriticConfig
from rssm.game import Game
from rssm.model.distributions import mix_uniform
from rssm.model.networks import MLP, start_uniform

#: log-probability of an action that the policy may not take; finite, so that p ln p is 0
NEVER = -1e4


def allowed_actions(config: ActorCriticConfig, game: Game) -> list[int]:
    """The actions that the policy may take, in the game's order."""
    return [action for action in range(game.layout.num_actions) if config.fire or action not in game.twins]


class Actor(nn.Module):
    """Features (..., F) -> log-probabilities (..., A), with a share of the uniform policy mixed in.

    It starts as the uniform policy over the actions that it may take; the others have :data:`NEVER`.
    """

    order: Tensor

    def __init__(self, config: ActorCriticConfig, features: int, game: Game) -> None:
        super().__init__()
        self.unimix, self.num_actions = config.unimix, game.layout.num_actions
        self.allowed = allowed_actions(config, game)
        self.network = start_uniform(MLP(features, config.hidden, config.layers, len(self.allowed)))
        # of each action its place among the network's outputs; those that are not there share a place behind them
        places = {action: place for place, action in enumerate(self.allowed)}
        never = len(self.allowed)
        order = torch.tensor([places.get(action, never) for action in range(self.num_actions)])
        self.register_buffer("order", order, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        allowed = mix_uniform(self.network(features), self.unimix)
        if len(self.allowed) == self.num_actions:
            return allowed
        never = allowed.new_full((), NEVER).expand(*allowed.shape[:-1], 1)
        return torch.cat([allowed, never], -1).index_select(-1, self.order)


def sample(log_probs: Tensor) -> Tensor:
    """Actions (...) int64, drawn from log-probabilities (..., A): one uniform number against their running sum."""
    cumulative = log_probs.exp().cumsum(-1)
    uniform = torch.rand_like(cumulative[..., :1]) * cumulative[..., -1:]
    return (cumulative <= uniform).sum(-1).clamp_(max=log_probs.shape[-1] - 1)


def log_prob(log_probs: Tensor, action: Tensor) -> Tensor:
    """Log-probability (...) of action (...) under log-probabilities (..., A), in nats."""
    return log_probs.gather(-1, action.unsqueeze(-1)).squeeze(-1)


def entropy(log_probs: Tensor) -> Tensor:
    """Entropy (...) of log-probabilities (..., A), in nats."""
    return -(log_probs.exp() * log_probs).sum(-1)


def uniformity(log_probs: Tensor, allowed: list[int]) -> Tensor:
    """-KL (...) of the uniform distribution over the allowed actions from log-probabilities (..., A), in nats.

    Like the entropy it is largest for the uniform policy, but its pull on an action, 1 / n - p, does not die out with
    the action's probability.
    """
    return log_probs[..., allowed].mean(-1) + math.log(len(allowed))
