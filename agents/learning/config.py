"""Settings of what the agent is and of what it learns from, as frozen dataclasses that check their own values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from rssm.config import HORIZON, Settings, check, setting

#: largest scale of a term of the loss
_SCALES = 10**4


@dataclass(frozen=True)
class ActorCriticConfig(Settings):
    """Actor, critic and what they are trained on: DreamerV3's scheme (Hafner et al. 2023, "Actor critic learning").
    Where a value is not the paper's, the paper's stands behind it.
    """

    renamed: ClassVar[Mapping[str, tuple[str, ...]]] = {"replay_scale": ()}

    fire: bool = setting(
        False,
        "whether the agent may press the fire button, with which balls fly up to four times as fast as in the data of "
        "a tracking player",
        before=True,
    )
    hidden: int = setting(192, "width of the hidden layers of the actor and the critic", low=1, high=16_384)
    layers: int = setting(2, "hidden layers of each", low=1, high=64)
    unimix: float = setting(
        0.0, "share of the uniform distribution mixed into the policy (DreamerV3: 0.01)", low=0, below=1
    )
    bins: int = setting(
        61, "bins of the critic's two-hot distribution, an odd number (DreamerV3: 255)", low=3, high=1_001
    )
    value_limit: float = setting(
        2.0, "the bins span plus and minus this on the symlog scale, 2 is 6.4 points (DreamerV3: 20)", low=0.01, high=20
    )
    discount: float = setting(0.99, "gamma, per agent step (DreamerV3: 0.997)", low=0, high=1)
    lam: float = setting(0.95, "lambda of the lambda-returns", low=0, high=1)
    bonus: Literal["uniform", "entropy"] = setting(
        "uniform",
        "what keeps the policy from becoming certain too early: uniform, its divergence from the uniform policy, or "
        "its entropy (DreamerV3: entropy)",
        before="entropy",
    )
    entropy: float = setting(3e-3, "scale of the bonus at first (DreamerV3: 3e-4)", low=0, high=_SCALES)
    final_entropy: float = setting(
        1e-4,
        "scale that it has fallen to, by equal factors, when the learning rates begin to fall",
        low=0,
        high=_SCALES,
    )
    return_low: float = setting(0.05, "quantile of the returns that their range begins at", low=0, high=1)
    return_high: float = setting(0.95, "quantile of the returns that their range ends at", low=0, high=1)
    return_decay: float = setting(0.99, "of the moving averages of the two", low=0, high=1)
    return_floor: float = setting(
        1.0, "advantages are divided by the range, but by no less than this, in points", low=1e-6, high=_SCALES
    )
    slow_decay: float = setting(
        0.98, "of the critic's moving average, whose values the returns are made of", low=0, high=1
    )
    slow_scale: float = setting(
        0.0, "scale of the loss that keeps the critic near its moving average (DreamerV3: 1)", low=0, high=_SCALES
    )
    player_decay: float = setting(
        0.995,
        "of the actor's moving average, which plays the real games; 0 plays with the actor itself",
        low=0,
        high=1,
        before=0.0,
    )
    surprise_penalty: float = setting(
        0.0,
        "points that a nat of the model's surprise at an imagined step costs, above the mean of all steps (as in Yu et "
        "al. 2020, MOPO, equation 5)",
        low=0,
        high=_SCALES,
        before=0.0,
    )
    surprise_free: float = setting(
        0.0,
        "nats of surprise that cost nothing, so that only steps of which the model is unsure have a price, such as "
        "those in which ball and paddle meet",
        low=0,
        high=_SCALES,
        before=0.0,
    )
    doubt: float = setting(
        0.0,
        "standard deviations between the rollouts of a move that are taken off what it brings, where moves are tried "
        "more than once",
        low=0,
        high=_SCALES,
        before=0.0,
    )
    search: float = setting(
        1.5,
        "scale at first of the loss that draws the policy to the better ones of the moves that were tried; 0 leaves it "
        "out, as DreamerV3 does",
        low=0,
        high=_SCALES,
        before=0.0,
    )
    final_search: float = setting(
        0.015, "scale that it has fallen to, as that of the bonus", low=0, high=_SCALES, before=0.015
    )
    temperature: float = setting(
        0.05,
        "points of advantage that make a move e times as likely in what the policy is drawn to",
        low=1e-6,
        high=_SCALES,
        before=0.05,
    )

    def check_together(self) -> None:
        check(self.bins % 2 == 1, f"bins: expected an odd number, got {self.bins}")
        check(
            self.return_low < self.return_high,
            f"return_low: expected less than return_high, got {self.return_low} and {self.return_high}",
        )
        for first, last in (("entropy", "final_entropy"), ("search", "final_search")):
            check(
                getattr(self, last) > 0 or not getattr(self, first),
                f"{last}: expected more than 0 where {first} is, since it falls by equal factors, got "
                f"{getattr(self, last)}",
            )

    def idle(self) -> Mapping[str, str]:
        idle = {} if self.entropy else {"final_entropy": "with entropy 0"}
        if not self.surprise_penalty:
            idle["surprise_free"] = "with surprise_penalty 0"
        return idle if self.search else idle | dict.fromkeys(("final_search", "temperature"), "with search 0")


@dataclass(frozen=True)
class ImaginationConfig(Settings):
    """Where imagined trajectories start, and how long they are."""

    chunks: int = setting(60, "pieces of real games that are filtered in each update", low=1, high=65_536)
    chunk_length: int = setting(
        38,
        "agent steps of each; every step is a start but its last one, which may be a game's end",
        low=2,
        high=27_000,
    )
    burn_in: int = setting(
        12,
        "agent steps at a chunk's beginning that are no starts, since the recurrent state knows nothing of what was "
        "before; those at a game's beginning are",
        low=0,
        high=27_000,
    )
    horizon: int = setting(HORIZON, "agent steps of an imagined trajectory (DreamerV3: 15)", low=1, high=1_000)
    starts: int = setting(
        260,
        "how many of these states are imagined from in an update, drawn by how much is at stake in each; 0 takes all "
        "of them, as DreamerV3 does",
        low=0,
        high=10**7,
        before=0,
    )
    tried: bool = setting(
        True,
        "imagine every start once for each action that the policy may take, instead of once with an action that it "
        "draws (DreamerV3), so that actions are compared with each other",
        before=False,
    )
    rollouts: int = setting(
        1,
        "trajectories of each move that is tried, each with latents of its own; moves are compared by their means",
        low=1,
        high=1_000,
        before=1,
    )
    continued: float = setting(
        0.0,
        "share of the trajectories that start where one of the update before ended (DreamerV3: 0); the others start "
        "in the chunks",
        low=0,
        below=1,
        before=0.0,
    )

    def check_together(self) -> None:
        check(
            self.burn_in < self.chunk_length - 1,
            f"burn_in: expected to leave a start in a chunk of {self.chunk_length} steps, got {self.burn_in}",
        )
        check(
            self.starts <= self.states,
            f"starts: expected 0 (all) to {self.states}, as many as {self.chunks} chunks of {self.chunk_length} steps "
            f"have behind the burn-in, got {self.starts}",
        )

    @property
    def states(self) -> int:
        """Real states to imagine from in an update, but for those that a game's beginning adds."""
        return self.chunks * (self.chunk_length - 1 - self.burn_in)

    def trajectories(self, moves: int) -> float:
        """Trajectories that are imagined in an update, where there are so many ``moves`` to try from each start."""
        starts = self.starts or self.states / (1.0 - self.continued)
        return starts * (moves * self.rollouts if self.tried else 1)
