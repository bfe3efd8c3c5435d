"""Every setting of the agent's jobs, as frozen dataclasses that check their own values (see :mod:`rssm.config`).

Those of the agent itself and of what it learns from are in :mod:`agents.learning.config`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agents.learning.config import ActorCriticConfig, ImaginationConfig
from rssm.config import EnvConfig, LogConfig, LossConfig, ModelConfig, TrainConfig, check


@dataclass(frozen=True)
class AgentTrainConfig:
    """The agent's trainer; everything is counted in updates of the agent.

    Args:
        updates: optimiser steps of an offline run; an online run counts real steps instead (see :class:`PlayConfig`).
            A finished run that is given more goes on.
        cycle: updates between two looks around: real steps, log lines, evaluations and checkpoints fall in between.
        actor_learning_rate: of Adam.
        critic_learning_rate: of Adam.
        epsilon: of Adam.
        actor_warmup: updates over which the actor's learning rate rises. It is long, on the guess that an advantage
            means little before the critic knows which states are lost whatever is done.
        critic_warmup: updates over which the critic's learning rate rises.
        decay: share of the updates, the last ones, over which the learning rates fall to nothing.
        clip: largest norm of the gradient, of the actor and the critic each.
        evaluate_every: updates between evaluations in real games; they are no part of the budget of real steps, and
            nothing is learnt or chosen from them.
        checkpoint_every: updates between checkpoints of everything.
    """

    updates: int = 4_000
    cycle: int = 50
    actor_learning_rate: float = 1e-3
    critic_learning_rate: float = 2e-3
    epsilon: float = 1e-5
    actor_warmup: int = 300
    critic_warmup: int = 50
    decay: float = 0.3
    clip: float = 10.0
    evaluate_every: int = 500
    checkpoint_every: int = 500

    def __post_init__(self) -> None:
        for key in ("updates", "cycle", "evaluate_every", "checkpoint_every"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        for key in ("actor_learning_rate", "critic_learning_rate", "epsilon", "clip"):
            check(getattr(self, key) > 0, f"{key}: expected more than 0, got {getattr(self, key)}")
        for key in ("actor_warmup", "critic_warmup"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        check(0 <= self.decay <= 1, f"decay: expected a share of the updates (0 to 1), got {self.decay}")


@dataclass(frozen=True)
class PlayConfig:
    """Real play of an online run.

    Args:
        games: real games that are played side by side.
        random_steps: real steps that are played at random first; they count in the budget.
        steps_per_update: real steps per update of the agent.
        final_updates: updates of the agent after the last real step; a finished run that is given more goes on.
        memory: agent steps of a game in progress that the world model is shown again when its weights have changed.
    """

    games: int = 4
    random_steps: int = 4_000
    steps_per_update: int = 20
    final_updates: int = 500
    memory: int = 64

    def __post_init__(self) -> None:
        for key in ("games", "random_steps", "steps_per_update", "memory"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.final_updates >= 0, f"final_updates: expected 0 or more, got {self.final_updates}")


@dataclass(frozen=True)
class WorldConfig:
    """How the world model of an online run is trained; the optimiser is that of :class:`rssm.config.TrainConfig`.

    Args:
        first_updates: updates on the random play, before the agent learns anything.
        steps_per_update: real steps per update from then on.
        batch_size: chunks per update.
        chunk_length: agent steps per chunk.
        learning_rate: peak learning rate of AdamW.
        muon_factor: Muon's learning rate as a multiple of AdamW's.
        final_learning_rate: share of the peak that the cosine decay ends at, with the last update.
        warmup: updates of linear warm-up.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are what is imagined with.
        workers: 1 trains the world model in a process of its own beside the agent, 0 in turn with it; the result is
            the same.
    """

    first_updates: int = 500
    steps_per_update: int = 20
    batch_size: int = 16
    chunk_length: int = 48
    learning_rate: float = 1e-3
    muon_factor: float = 3.0
    final_learning_rate: float = 0.1
    warmup: int = 200
    clip: float = 20.0
    ema: float = 0.99
    workers: int = 1

    def __post_init__(self) -> None:
        for key in ("first_updates", "steps_per_update"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.workers in (0, 1), f"workers: expected 0 or 1, got {self.workers}")
        self.optimizer(updates=1)

    def optimizer(self, updates: int) -> TrainConfig:
        """The settings of the world model's optimiser for this many updates.

        Raises:
            ValueError: one of them is out of range.
        """
        shared = ("batch_size", "chunk_length", "learning_rate", "muon_factor", "final_learning_rate", "warmup", "clip")
        return TrainConfig(updates=updates, ema=self.ema, **{key: getattr(self, key) for key in shared})


@dataclass(frozen=True)
class EvaluationConfig:
    """Real games that are played to look at the agent, never to learn from.

    Args:
        games: per evaluation while training; the greedy policy plays them, and as many the sampled one.
        final_games: at the end.
        states: moments of the sampled policy's games that are imagined from and played on for real, per evaluation; 0
            leaves them out.
    """

    games: int = 8
    final_games: int = 30
    states: int = 100

    def __post_init__(self) -> None:
        for key in ("games", "final_games"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.states >= 0, f"states: expected 0 or more, got {self.states}")


@dataclass(frozen=True)
class AgentConfig:
    """Train an agent in imagination and score it in real games (``scripts/train_agent.py``).

    Offline it learns in the frozen world model of a run, from that run's training data, without a further real step.
    Online it starts from nothing: random play, then real steps, updates of the world model and updates of the agent by
    turns, up to a budget of real steps.

    Args:
        run: folder of the run; one that was interrupted goes on where it stopped.
        online: start from nothing and play.
        env_steps: budget of an online run, in agent steps of real games, random play included; evaluation games are
            not in it.
        world_model: folder of the run whose world model an offline run learns in.
        data: folder of the data set whose states an offline run imagines from; empty takes the world model's own
            training data.
        seed: of the weights, the games and everything that is drawn.
        device: ``auto`` takes an accelerator if there is one.
        threads: of torch on the CPU, in each process; 0 leaves torch's choice.
        env: the game.
        model: the world model of an online run.
        loss: of the world model of an online run.
    """

    run: str = "runs/agent"
    online: bool = False
    env_steps: int = 100_000
    world_model: str = "runs/wm"
    data: str = ""
    seed: int = 0
    device: str = "auto"
    threads: int = 1
    env: EnvConfig = field(default_factory=EnvConfig)
    actor_critic: ActorCriticConfig = field(default_factory=ActorCriticConfig)
    imagination: ImaginationConfig = field(default_factory=ImaginationConfig)
    train: AgentTrainConfig = field(default_factory=AgentTrainConfig)
    play: PlayConfig = field(default_factory=PlayConfig)
    world: WorldConfig = field(default_factory=WorldConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def __post_init__(self) -> None:
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")
        check(
            self.imagination.tried or not self.actor_critic.search,
            "actor_critic.search: expected 0 where imagination.tried is false, since it compares moves that were "
            f"tried, got {self.actor_critic.search}",
        )
        if self.online:
            check(
                self.env_steps > self.play.random_steps,
                f"env_steps: expected more than the {self.play.random_steps} steps of random play, got "
                f"{self.env_steps}",
            )
            length = max(self.imagination.chunk_length, self.world.chunk_length)
            check(
                self.play.random_steps >= self.play.games * length,
                f"play.random_steps: expected at least a chunk of {length} steps in each of {self.play.games} games, "
                f"got {self.play.random_steps}",
            )


@dataclass(frozen=True)
class EvaluateAgentConfig:
    """Have a run's agent play real games to 21 (``scripts/evaluate_agent.py``).

    Args:
        run: folder of the run.
        games: that each policy plays.
        greedy: take the likeliest action; without this, ``sampled`` and ``planned`` the greedy and then the sampled
            policy play.
        sampled: draw actions from the policy.
        planned: try every move in imagination before one is made; about ten times slower.
        rollouts: imagined trajectories of each move, where moves are planned.
        sticky: repeat-action probability of the games.
        data: folder of recorded games on which the reward and continue heads are scored as well; empty leaves it out.
        json: file to write the results to; empty writes ``games.json`` into the run, or ``planned.json`` where all
            games are planned.
        seed: of the games and the sampled actions.
        device: ``auto`` takes an accelerator if there is one.
        threads: of torch on the CPU; 0 leaves torch's choice.
    """

    run: str
    games: int = 30
    greedy: bool = False
    sampled: bool = False
    planned: bool = False
    rollouts: int = 8
    sticky: float = 0.0
    data: str = ""
    json: str = ""
    seed: int = 0
    device: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        check(self.games >= 1, f"games: expected at least 1, got {self.games}")
        check(self.rollouts >= 1, f"rollouts: expected at least 1, got {self.rollouts}")
        check(0.0 <= self.sticky <= 1.0, f"sticky: expected a probability, got {self.sticky}")
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")


@dataclass(frozen=True)
class AgentResultsConfig:
    """Put the runs of one job, a seed each, into the table and the picture of all (``scripts/summarize_agents.py``).

    Args:
        runs: folders of evaluated runs, separated by commas.
        name: of the job.
        command: that made each run, for the record.
        out: folder of the table; what it says of other jobs is kept.
    """

    runs: str
    name: Literal["offline", "online_100k", "online_100k_sticky"]
    command: str
    out: str = "docs/results"
