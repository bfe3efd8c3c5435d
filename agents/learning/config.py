"""Settings of what the agent is and of what it learns from, as frozen dataclasses that check their own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rssm.config import HORIZON, check


@dataclass(frozen=True)
class ActorCriticConfig:
    """Actor, critic and what they are trained on. The scheme is DreamerV3's (Hafner et al. 2023, "Mastering diverse
    domains through world models", section "Actor critic learning" and its table of hyperparameters); where a value is
    not the paper's, the paper's stands in brackets.

    Args:
        fire: whether the agent may press the fire button. A ball hit with it flies faster, up to four times as fast as
            the balls that a tracking player's data show, so that an offline agent does not know where it will be
            (docs/tries.md).
        hidden: width of the hidden layers of the actor and the critic.
        layers: hidden layers of each.
        unimix: share of the uniform distribution mixed into the policy [0.01]. No gradient flows through it, so that an
            action that is left with this share alone hardly comes back.
        bins: bins of the critic's two-hot distribution [255].
        value_limit: the bins span plus and minus this on the symlog scale [20]; 2 is 6.4 points, more than any
            discounted sum of points in Pong.
        discount: gamma, per agent step [0.997]. Our own miss costs a point at once, the enemy's pays some 35 steps
            after the shot that caused it: at 0.97 that is a third of a point, at 0.99 two thirds.
        lam: lambda of the lambda-returns.
        bonus: what keeps the policy from becoming certain too early: ``uniform``, its divergence from the uniform
            policy, or its ``entropy`` [entropy] (see :func:`agents.learning.actor.uniformity`).
        entropy: scale of the bonus at first [3e-4].
        final_entropy: scale that it has fallen to, by equal factors, when the learning rates begin to fall. Little
            depends on most single actions in Pong, so that a large bonus explores; it then costs points. Online runs
            keep more, since they still explore the real game.
        return_low: quantile of the returns that their range begins at.
        return_high: quantile of the returns that their range ends at.
        return_decay: of the moving averages of the two.
        return_floor: advantages are divided by the range, but by no less than this.
        slow_decay: of the critic's moving average, whose values the returns are made of.
        slow_scale: scale of the loss that keeps the critic near its moving average [1].
        player_decay: of the actor's moving average, which plays the real games; 0 plays with the actor itself.
        surprise_penalty: points that a nat of the model's surprise at an imagined step costs, above the mean of all
            steps (Yu et al. 2020, "MOPO: model-based offline policy optimization", equation 5, there with an ensemble's
            spread). It keeps the agent where the model knows what comes. Without the fire button it is hardly taken
            anywhere else, and a price makes it rally for ever instead of making points (docs/tries.md).
        search: scale at first of the loss that draws the policy to the better ones of the moves that were tried (see
            :mod:`agents.learning.move_search`) [none]; 0 leaves it out.
        final_search: scale that it has fallen to, as that of the bonus. What it learns from is single rollouts, whose
            luck would keep the policy undecided.
        temperature: points of advantage that make a move e times as likely in what it is drawn to.
    """

    fire: bool = False
    hidden: int = 192
    layers: int = 2
    unimix: float = 0.0
    bins: int = 61
    value_limit: float = 2.0
    discount: float = 0.99
    lam: float = 0.95
    bonus: Literal["uniform", "entropy"] = "uniform"
    entropy: float = 3e-3
    final_entropy: float = 1e-4
    return_low: float = 0.05
    return_high: float = 0.95
    return_decay: float = 0.99
    return_floor: float = 1.0
    slow_decay: float = 0.98
    slow_scale: float = 0.0
    player_decay: float = 0.995
    surprise_penalty: float = 0.0
    search: float = 1.5
    final_search: float = 0.015
    temperature: float = 0.05

    def __post_init__(self) -> None:
        for key in ("hidden", "layers"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.bins >= 3 and self.bins % 2 == 1, f"bins: expected an odd number from 3, got {self.bins}")
        for key in ("value_limit", "return_floor", "temperature"):
            check(getattr(self, key) > 0, f"{key}: expected more than 0, got {getattr(self, key)}")
        for key in ("unimix", "discount", "lam", "return_decay", "slow_decay", "player_decay"):
            check(0 <= getattr(self, key) <= 1, f"{key}: expected a number from 0 to 1, got {getattr(self, key)}")
        check(
            0 <= self.return_low < self.return_high <= 1,
            f"return_low: expected 0 <= return_low < return_high <= 1, got {self.return_low} and {self.return_high}",
        )
        for key in ("entropy", "final_entropy", "slow_scale", "surprise_penalty", "search", "final_search"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")


@dataclass(frozen=True)
class ImaginationConfig:
    """Where imagined trajectories start, and how long they are.

    Args:
        chunks: pieces of real games that are filtered in each update.
        chunk_length: agent steps of each. Every step is a start but its last one, which may be a game's end.
        burn_in: agent steps at a chunk's beginning that are no starts, because the recurrent state knows nothing of
            what was before; those at a game's beginning are.
        horizon: agent steps of an imagined trajectory [DreamerV3: 15].
        starts: how many of these states are imagined from in an update, drawn by how much is at stake in each (see
            :func:`agents.learning.start_states.drawn_by_stake`); 0 takes all of them [DreamerV3].
        tried: imagine every start once for each action that the policy may take, instead of once with an action that it
            draws [DreamerV3], so that actions are compared with each other (see :mod:`agents.learning.move_search`).
        continued: share of the trajectories that start where one of the update before ended; the others start in the
            chunks. They take the agent to where its own play leads, which the data may hardly show [DreamerV3: 0].
    """

    chunks: int = 60
    chunk_length: int = 38
    burn_in: int = 12
    horizon: int = HORIZON
    starts: int = 260
    tried: bool = True
    continued: float = 0.0

    def __post_init__(self) -> None:
        for key in ("chunks", "horizon"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(0 <= self.continued < 1, f"continued: expected a share from 0 to below 1, got {self.continued}")
        check(
            0 <= self.burn_in < self.chunk_length - 1,
            f"burn_in: expected to leave a start in a chunk of {self.chunk_length} steps, got {self.burn_in}",
        )
        check(
            0 <= self.starts <= self.states,
            f"starts: expected 0 (all) to {self.states}, as many as {self.chunks} chunks of {self.chunk_length} steps "
            f"have behind the burn-in, got {self.starts}",
        )

    @property
    def states(self) -> int:
        """Real states to imagine from in an update, but for those that a game's beginning adds."""
        return self.chunks * (self.chunk_length - 1 - self.burn_in)
