"""Every setting of the agent's jobs, as frozen dataclasses that check their own values (see :mod:`rssm.config`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rssm.config import HORIZON, EnvConfig, LogConfig, LossConfig, ModelConfig, TrainConfig, check


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
            policy, or its ``entropy`` [entropy] (see :func:`agents.actor.uniformity`).
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
            :mod:`agents.tries`) [none]; 0 leaves it out.
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
            :func:`agents.starts.drawn_by_stake`); 0 takes all of them [DreamerV3].
        tried: imagine every start once for each action that the policy may take, instead of once with an action that it
            draws [DreamerV3], so that actions are compared with each other (see :mod:`agents.tries`).
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
        states: moments that are imagined from and played on for real, per evaluation; 0 leaves them out.
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
