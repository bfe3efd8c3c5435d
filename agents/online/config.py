"""Settings of an online run: how it plays while it learns, and how its world model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rssm.config import Precision, Settings, TrainConfig, check, setting
from rssm.config.settings import COUNTS, RATES


@dataclass(frozen=True)
class PlayConfig(Settings):
    """Real play of an online run."""

    games: int = setting(4, "real games that are played side by side", low=1, high=1_024)
    random_steps: int = setting(
        4_000, "real steps that are played at random first; they count in the budget", low=1, high=COUNTS
    )
    steps_per_update: int = setting(20, "real steps per update of the agent", low=1, high=10**6)
    early_steps: int = setting(
        0,
        "real steps, random play included, up to which there are early_updates times as many updates per step, of the "
        "agent and of the world model",
        low=0,
        high=COUNTS,
        before=0,
    )
    early_updates: int = setting(
        2, "how many times as many updates there are up to early_steps", low=2, high=1_000, before=2
    )
    planned: float = setting(
        0.0,
        "share of the games side by side in which every move is tried in imagination before one is made: they see "
        "what the policy misses",
        low=0,
        high=1,
        before=0.0,
    )
    rollouts: int = setting(
        8, "imagined trajectories of each move, where moves are planned", low=1, high=10_000, before=8
    )
    final_updates: int = setting(
        500,
        "updates of the agent after the last real step; a finished run that is given more goes on",
        low=0,
        high=COUNTS,
    )
    memory: int = setting(
        64,
        "agent steps of a game in progress that the world model is shown again when its weights have changed",
        low=1,
        high=27_000,
    )

    @property
    def planned_games(self) -> int:
        """How many of the games side by side are planned."""
        return round(self.planned * self.games)

    def check_together(self) -> None:
        check(
            self.early_steps == 0 or self.early_steps > self.random_steps,
            f"early_steps: expected 0 (off) or more than the {self.random_steps} steps of random play, got "
            f"{self.early_steps}",
        )
        check(
            self.planned == 0 or self.planned_games > 0,
            f"planned: expected 0 or a share that makes a game of {self.games}, got {self.planned}",
        )

    def idle(self) -> Mapping[str, str]:
        idle = {} if self.early_steps else {"early_updates": "with early_steps 0"}
        return idle if self.planned else idle | {"rollouts": "with planned 0"}


@dataclass(frozen=True)
class WorldConfig(Settings):
    """How the world model of an online run is trained."""

    first_updates: int = setting(
        500, "updates on the random play, before the agent learns anything", low=1, high=COUNTS
    )
    steps_per_update: int = setting(20, "real steps per update from then on", low=1, high=10**6)
    batch_size: int = setting(16, "chunks per update", low=1, high=65_536)
    chunk_length: int = setting(48, "agent steps per chunk", low=7, high=27_000)
    learning_rate: float = setting(1e-3, "peak learning rate of AdamW", above=0, high=RATES)
    muon_factor: float = setting(3.0, "Muon's learning rate as a multiple of AdamW's", above=0, high=10_000)
    muon_precision: Precision = setting("auto", "what Muon computes in; see train_wm --help", before="auto")
    final_learning_rate: float = setting(
        0.1, "share of the peak that the cosine decay ends at, with the last update", low=0, high=1
    )
    decay: float = setting(
        1.0,
        "share of the updates, the last ones, over which the learning rate falls; 1 falls from the beginning",
        above=0,
        high=1,
        before=1.0,
    )
    warmup: int = setting(200, "updates of linear warm-up", low=0, high=COUNTS)
    clip: float = setting(20.0, "largest norm of the gradient", above=0, high=10**9)
    ema: float = setting(
        0.99, "decay of the averaged weights, which are what is imagined with; 0 turns averaging off", low=0, below=1
    )
    workers: int = setting(
        1,
        "1 trains the world model in a process of its own beside the agent, 0 in turn with it; the result is the same",
        low=0,
        high=1,
    )

    def optimizer(self, updates: int) -> TrainConfig:
        """The settings of the world model's optimiser for this many updates."""
        schedule = ("learning_rate", "final_learning_rate", "decay", "warmup")
        shared = ("batch_size", "chunk_length", "muon_factor", "muon_precision", "clip", *schedule)
        return TrainConfig(updates=updates, ema=self.ema, **{key: getattr(self, key) for key in shared})
