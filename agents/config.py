"""Every setting of the agent's jobs, as frozen dataclasses that check their own values (see :mod:`rssm.config`).

Those of the agent itself and of what it learns from are in :mod:`agents.learning.config`, those of an online run in
:mod:`agents.online.config`, those of having finished agents play in :mod:`agents.games_config`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from agents.learning.config import ActorCriticConfig, ImaginationConfig
from agents.online.config import PlayConfig, WorldConfig
from rssm.config import (
    EnvConfig,
    LogConfig,
    LossConfig,
    ModelConfig,
    Settings,
    check,
    check_game,
    check_open_loop,
    group,
    setting,
)
from rssm.config.game import check_goes_back, idle_in
from rssm.config.model import huber_only
from rssm.config.settings import COUNTS, RATES, SEEDS, WORKERS

#: online runs have defaults of their own, wherever it is said that a run is one
ONLINE_PRESET = "agent_online"


@dataclass(frozen=True)
class AgentTrainConfig(Settings):
    """The agent's trainer; everything is counted in updates of the agent."""

    renamed: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "learning_rate": ("actor_learning_rate", "critic_learning_rate"),
        "warmup": ("actor_warmup", "critic_warmup"),
    }

    updates: int = setting(
        4_000,
        "optimiser steps of an offline run (an online run counts real steps); a finished run that is given more goes "
        "on",
        low=1,
        high=COUNTS,
    )
    cycle: int = setting(
        50,
        "updates between two looks around: real steps, log lines, evaluations and checkpoints fall in between",
        low=1,
        high=COUNTS,
    )
    actor_learning_rate: float = setting(1e-3, "of Adam", above=0, high=RATES)
    critic_learning_rate: float = setting(2e-3, "of Adam", above=0, high=RATES)
    epsilon: float = setting(1e-5, "of Adam", above=0, high=1)
    actor_warmup: int = setting(
        300, "updates over which the actor's learning rate rises, while the critic learns", low=0, high=COUNTS
    )
    critic_warmup: int = setting(50, "updates over which the critic's learning rate rises", low=0, high=COUNTS)
    decay: float = setting(
        0.3, "share of the updates, the last ones, over which the learning rates fall to nothing", low=0, high=1
    )
    clip: float = setting(10.0, "largest norm of the gradient, of the actor and the critic each", above=0, high=10**9)
    evaluate_every: int = setting(
        500,
        "updates between evaluations in real games, which are no part of the budget of real steps and from which "
        "nothing is learnt or chosen",
        low=1,
        high=COUNTS,
    )
    checkpoint_every: int = setting(500, "updates between checkpoints of everything", low=1, high=COUNTS)


@dataclass(frozen=True)
class EvaluationConfig(Settings):
    """Real games that are played to look at the agent, never to learn from."""

    games: int = setting(
        8,
        "per evaluation while training; the greedy policy plays them, and as many the sampled one",
        low=1,
        high=10_000,
    )
    steps: int = setting(
        20_000,
        "real steps between two evaluations of an online run; 0 counts train.evaluate_every updates, as an offline run "
        "does",
        low=0,
        high=COUNTS,
        before=0,
    )
    final_games: int = setting(30, "at the end", low=1, high=10_000)
    planned_games: int = setting(
        0,
        "games at the end in which every move is tried in imagination before one is made",
        low=0,
        high=10_000,
        before=0,
    )
    states: int = setting(
        100,
        "moments of the sampled games that are imagined from and played on for real, per evaluation; 0 leaves them out",
        low=0,
        high=10**6,
    )
    workers: int = setting(
        1,
        "1 plays the greedy games in a process of their own beside the sampled ones, 0 one after the other; the games "
        "are the same",
        low=0,
        high=1,
        before=0,
    )


@dataclass(frozen=True)
class AgentConfig(Settings):
    """Train an agent in imagination and score it in real games.

    Offline it learns in the frozen world model of a run, from that run's training data, without a further real step.
    Online it starts from nothing: random play, then real steps, updates of the world model and updates of the agent by
    turns, up to a budget of real steps. Online runs build on the preset agent_online.
    """

    run: str = setting(
        "runs/agent", "folder of the run; one that was interrupted goes on where it stopped", filled=True
    )
    online: bool = setting(False, "start from nothing and play")
    env_steps: int = setting(
        100_000,
        "budget of an online run, in agent steps of real games, random play included; evaluation games are not in it",
        low=1,
        high=COUNTS,
    )
    world_model: str = setting("runs/wm", "folder of the run whose world model an offline run learns in", filled=True)
    data: str = setting(
        "",
        "folder of the data set whose states an offline run imagines from; empty takes the world model's own training "
        "data",
    )
    seed: int = setting(0, "of the weights, the games and everything that is drawn", low=0, high=SEEDS)
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    threads: int = setting(
        0,
        "of torch on the CPU, in each process; 0 shares the physical cores out among them (two processes online), four "
        "each at most",
        low=0,
        high=WORKERS,
    )
    env: EnvConfig = group(EnvConfig)
    actor_critic: ActorCriticConfig = group(ActorCriticConfig)
    imagination: ImaginationConfig = group(ImaginationConfig)
    train: AgentTrainConfig = group(AgentTrainConfig)
    play: PlayConfig = group(PlayConfig)
    world: WorldConfig = group(WorldConfig)
    model: ModelConfig = group(ModelConfig, "Sizes and variants of the world model of an online run.")
    loss: LossConfig = group(LossConfig, "Scales of the losses of the world model of an online run.")
    evaluation: EvaluationConfig = group(EvaluationConfig)
    log: LogConfig = group(LogConfig)

    def check_together(self) -> None:
        check(
            self.imagination.tried or not self.actor_critic.search,
            "actor_critic.search: expected 0 where imagination.tried is false, since it compares moves that were "
            f"tried, got {self.actor_critic.search}",
        )
        for key, value, least in (
            ("imagination.rollouts", self.imagination.rollouts, 1),
            ("actor_critic.doubt", self.actor_critic.doubt, 0),
        ):
            check(
                self.imagination.tried or value == least,
                f"{key}: expected {least} where imagination.tried is false, got {value}",
            )
        check(
            self.imagination.rollouts > 1 or not self.actor_critic.doubt,
            f"actor_critic.doubt: expected 0 where imagination.rollouts is 1, got {self.actor_critic.doubt}",
        )
        game = check_game(self.env, self.model if self.online else None)
        check(
            not self.actor_critic.fire or bool(game.twins),
            f"actor_critic.fire: expected false, {self.env.id} has no fire button",
        )
        check_goes_back("evaluation.states", self.evaluation.states, game)
        if self.online:
            check_open_loop("loss.open_loop_steps", self.loss, "world.chunk_length", self.world.chunk_length)
            check(
                self.env_steps > self.play.random_steps,
                f"env_steps: expected more than the {self.play.random_steps} steps of random play, got "
                f"{self.env_steps}",
            )
            length = self.world.chunk_length
            reached = self.imagination.chunk_length + self.imagination.horizon
            check(
                length >= reached,
                f"world.chunk_length: expected at least imagination.chunk_length + imagination.horizon = {reached}, "
                "since the world model knows nothing of what lies farther from where it began to look, got "
                f"{length}",
            )
            check(
                self.play.random_steps >= self.play.games * length,
                f"play.random_steps: expected at least a chunk of {length} steps in each of {self.play.games} games, "
                f"got {self.play.random_steps}",
            )

    def idle(self) -> Mapping[str, str]:
        if not self.online:
            ours = ("env_steps", "play", "world", "model", "loss", "evaluation.steps")
            return idle_in(self.env) | dict.fromkeys(ours, "in an offline run (see --online)")
        own = "in an online run, which makes its own data and world model"
        return {
            **huber_only(self.model),
            **idle_in(self.env),
            **dict.fromkeys(("world_model", "data"), own),
            "train.updates": "in an online run, whose length env_steps and play.final_updates say",
            **({"train.evaluate_every": "with evaluation.steps"} if self.evaluation.steps else {}),
        }
