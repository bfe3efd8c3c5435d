"""Settings of a world model's whole job, with those of its evaluation and its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config.data import DataConfig
from rssm.config.game import EnvConfig, check_game, idle_in
from rssm.config.model import ModelConfig, huber_only
from rssm.config.settings import SEEDS, WORKERS, Settings, check, group, setting
from rssm.config.training import LossConfig, TrainConfig, check_open_loop

#: how many processes share a training
Workers = int | Literal["auto"]


@dataclass(frozen=True)
class EvalConfig(Settings):
    """The open-loop evaluation."""

    samples: int = setting(
        32, "futures imagined per window, whose mean is the prediction; 0 predicts the mode", low=0, high=10_000
    )
    bootstrap: int = setting(1_000, "resamplings of the episodes for the 95 % interval", low=1, high=10**6)
    off_policy_windows: int = setting(
        1_000, "windows from cloned emulator states under random actions; 0 leaves them out", low=0, high=10**6
    )
    action_blind_windows: int = setting(
        1_000,
        "windows that are also predicted from the actions of other windows; 0 leaves them out",
        low=0,
        high=10**6,
        before=1_000,
    )
    floor_futures: int = setting(
        0,
        "emulator futures per window that measure the irreducible error, 2 or more; 0 leaves the floor out",
        low=0,
        high=10_000,
    )
    floor_windows: int = setting(1_000, "windows that the floor is measured on", low=1, high=10**6)
    survival_every: int = setting(
        24,
        "steps between the starts of long rollouts, which are followed until they go wrong; 0 leaves them out",
        low=0,
        high=10**6,
        before=0,
    )
    calibration_windows: int = setting(
        1_000,
        "windows on which the spread of the futures is held against their error; 0 leaves it out",
        low=0,
        high=10**6,
        before=0,
    )
    calibration_samples: int = setting(32, "futures of each of these", low=2, high=10_000, before=32)
    seed: int = setting(0, "of the bootstrap, the sampled futures and the off-policy actions", low=0, high=SEEDS)

    def check_together(self) -> None:
        check(
            self.floor_futures != 1,
            f"floor_futures: expected 0 (off) or at least 2, got {self.floor_futures}",
        )

    def idle(self) -> Mapping[str, str]:
        idle = {} if self.floor_futures else {"floor_windows": "with floor_futures 0"}
        return idle if self.calibration_windows else idle | {"calibration_samples": "with calibration_windows 0"}


@dataclass(frozen=True)
class LogConfig(Settings):
    """Where metrics go besides metrics.jsonl."""

    wandb: Literal["offline", "online", "disabled"] = setting(
        "offline", "offline needs no account; online uploads; disabled writes nothing"
    )
    project: str = setting("pong-rssm", "wandb project", filled=True)
    tags: str = setting("", "of the run in wandb, separated by commas, beside those of the game and the job", before="")
    notes: str = setting("", "about the run in wandb; empty takes the command that makes it again", before="")


@dataclass(frozen=True)
class WorldModelConfig(Settings):
    """Collect real games, train a world model on them, score it on games that it never saw, and write a report."""

    run: str = setting("runs/wm", "folder of the run; one that was interrupted goes on where it stopped", filled=True)
    seed: int = setting(0, "of the weights, the chunks and the sampled latents", low=0, high=SEEDS)
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    workers: Workers = setting(
        "auto",
        "processes that share the training, each with a part of every batch; auto takes one, or what torchrun has "
        "started; their number changes nothing but rounding",
        low=1,
        high=WORKERS,
        before="auto",
    )
    threads: int = setting(
        0,
        "of torch on the CPU, in each worker; 0 shares the physical cores out among the workers, four each at most",
        low=0,
        high=WORKERS,
    )
    env: EnvConfig = group(EnvConfig)
    data: DataConfig = group(DataConfig)
    model: ModelConfig = group(ModelConfig)
    loss: LossConfig = group(LossConfig)
    train: TrainConfig = group(TrainConfig)
    eval: EvalConfig = group(EvalConfig)
    log: LogConfig = group(LogConfig)

    def check_together(self) -> None:
        check_game(self.env, self.model, self.data)
        check_open_loop("loss.open_loop_steps", self.loss, "train.chunk_length", self.train.chunk_length)

    def idle(self) -> Mapping[str, str]:
        return huber_only(self.model) | idle_in(self.env)
