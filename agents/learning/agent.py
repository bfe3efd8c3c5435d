"""The agent: everything that reads the world model's state and learns in imagination."""

from __future__ import annotations

from torch import Tensor, nn

from agents.learning.actor import Actor, sample
from agents.learning.average import Average
from agents.learning.config import ActorCriticConfig
from agents.learning.critic import Critic
from agents.learning.inputs import agent_inputs
from agents.learning.returns import ReturnNormalizer
from rssm.game import Game
from rssm.model.state import State
from rssm.model.world_model import Policy, WorldModel


class Agent(nn.Module):
    """Actor, critic, the moving averages of both, and the range of returns.

    The actor learns and acts in imagination; in real games its moving average plays. Which of two nearly equal actions
    is the likeliest changes with every update, and a greedy policy with it; the average is steadier.

    Args:
        config: sizes and constants.
        features: F, the width of :func:`agents.learning.inputs.agent_inputs`.
        game: that it acts in.
    """

    def __init__(self, config: ActorCriticConfig, features: int, game: Game) -> None:
        super().__init__()
        self.config, self.features, self.game = config, features, game
        self.actor = Actor(config, features, game)
        self.critic = Critic(config, features)
        self.slow_critic = Average(self.critic, config.slow_decay)
        self.player = Average(self.actor, config.player_decay)
        self.normalizer = ReturnNormalizer(config)

    def value(self, features: Tensor) -> Tensor:
        """Expected discounted return (...), in points, from features (..., F)."""
        return self.critic.mean(self.critic(features))

    def slow_value(self, features: Tensor) -> Tensor:
        """The same by the critic's moving average."""
        return self.critic.mean(self.slow_critic(features))

    def stake(self, features: Tensor) -> Tensor:
        """How far apart the returns lie that the critic's moving average thinks possible: their variance (...)."""
        return self.critic.variance(self.slow_critic(features))

    def act(self, features: Tensor, greedy: bool) -> Tensor:
        """Actions (...) int64 of the player, for features (..., F): the likeliest ones, or drawn from its policy."""
        log_probs = self.player(features)
        return log_probs.argmax(-1) if greedy else sample(log_probs)

    def policy(self, model: WorldModel, greedy: bool) -> Policy:
        """The player's policy as a function of the model's state, for real games."""

        def choose(state: State) -> Tensor:
            return self.act(agent_inputs(model, state), greedy)

        return choose

    def follow(self, update: int) -> None:
        """Move the averages towards actor and critic after update number ``update`` of both, counted from 0."""
        self.slow_critic.follow(self.critic, update)
        self.player.follow(self.actor, update)
