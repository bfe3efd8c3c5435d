"""The agent: everything that reads the world model's state and learns in imagination."""

from __future__ import annotations

from torch import Tensor, nn

from agents.actor import Actor, sample
from agents.config import ActorCriticConfig
from agents.critic import Critic, SlowCritic
from agents.returns import ReturnNormalizer
from agents.sight import sight
from rssm.state import State
from rssm.world_model import Policy, WorldModel


class Agent(nn.Module):
    """Actor, critic, the critic's moving average and the range of returns.

    Args:
        config: sizes and constants.
        features: F, the width of :func:`agents.sight.sight`.
    """

    def __init__(self, config: ActorCriticConfig, features: int) -> None:
        super().__init__()
        self.config, self.features = config, features
        self.actor = Actor(config, features)
        self.critic = Critic(config, features)
        self.slow_critic = SlowCritic(self.critic, config.slow_decay)
        self.normalizer = ReturnNormalizer(config)

    def value(self, features: Tensor) -> Tensor:
        """Expected discounted return (...), in points, from features (..., F)."""
        return self.critic.mean(self.critic(features))

    def act(self, features: Tensor, greedy: bool) -> Tensor:
        """Actions (...) int64 for features (..., F): the likeliest ones, or drawn from the policy."""
        log_probs = self.actor(features)
        return log_probs.argmax(-1) if greedy else sample(log_probs)

    def policy(self, model: WorldModel, greedy: bool) -> Policy:
        """The policy as a function of the model's state, for imagination and for real games."""

        def choose(state: State) -> Tensor:
            return self.act(sight(model, state), greedy)

        return choose
