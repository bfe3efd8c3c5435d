"""Training one row within its budget, whatever its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rssm.baselines.predictor import BaselinePredictor
from rssm.baselines.trainer import BaselineTrainer, updates_per_epoch
from rssm.config import EvalConfig, LogConfig, WorldModelConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.windows import episode_lengths
from rssm.game import Game, load_game
from rssm.jobs.data_sets import open_datasets, split_episodes
from rssm.ladder.config import CompareConfig, RowConfig
from rssm.ladder.rows import Row
from rssm.ladder.trained import Trained
from rssm.ladder.world_model import train_for
from rssm.system.device import pick_device


class Data:
    """The data sets of a comparison; each is opened, and collected if need be, when a row first asks for it."""

    def __init__(self, config: CompareConfig) -> None:
        self.config = config
        self._opened: dict[str, tuple[Dataset, Dataset]] = {}

    def job(self, row: RowConfig) -> WorldModelConfig:
        """A world model's job on the row's data; the baselines read its data settings alone."""
        data, more = self.config.data, self.config.more_steps
        if row.data == "more":
            data = replace(data, train=self.config.more_data, train_steps=more)
        return WorldModelConfig(
            device=self.config.device,
            threads=self.config.threads,
            env=self.config.env,
            data=data,
            model=row.rssm.model,
            loss=row.rssm.loss,
            train=row.rssm.train,
            eval=EvalConfig(samples=self.config.samples),
            log=LogConfig(wandb="disabled"),
        )

    @property
    def game(self) -> Game:
        """That all rows learn."""
        return load_game(self.config.env.id, self.config.env.stack)

    def open(self, row: RowConfig) -> tuple[Dataset, Dataset]:
        """The row's training data and the held-out data."""
        if row.data not in self._opened:
            self._opened[row.data] = open_datasets(self.job(row))
        return self._opened[row.data]

    def split(self, row: RowConfig) -> tuple[Sequence[slice], Sequence[slice]]:
        """The row's training episodes and its validation episodes."""
        return split_episodes(self.open(row)[0], self.config.data.validation_steps)


def train_row(row: Row, data: Data, seed: int, folder: Path, title: str) -> Trained:
    """Train a row for the comparison's budget, or to its own stop.

    Args:
        row: which one.
        data: the comparison's data.
        seed: of weights, batches and samples.
        folder: for a world model's files.
        title: of the progress display.

    Raises:
        DivergedError: the loss is not a finite number.
    """
    if row.config.family == "persistence":
        return Trained(Persistence(), "the newest frame")
    if row.config.family == "constant_velocity":
        return Trained(ConstantVelocity(data.game.positions.values()), "the newest change, again and again")
    if row.config.family == "rssm":
        job = replace(data.job(row.config), seed=seed)
        return train_for(job, data.open(row.config)[0], data.config.budget, folder, title)
    return _train_baseline(row, data, seed, title)


def _train_baseline(row: Row, data: Data, seed: int, title: str) -> Trained:
    config, device, budget = row.config.baseline, pick_device(data.config.device), data.config.budget
    if budget == 0:
        config = replace(config, fit=replace(config.fit, stop="patience"))
    train, (learned, validation) = data.open(row.config)[0], data.split(row.config)
    updates = config.fit.epochs * updates_per_epoch(config, learned)
    budget = 0.0 if config.fit.stop == "patience" else budget
    trainer = BaselineTrainer(config, train, learned, seed, updates, device, budget)
    futures = config.network.futures if config.network.kind == "diffusion" else 1
    predictor = BaselinePredictor(trainer.members, trainer.scaling, futures, seed)

    def validate() -> float:
        errors = score_windows({row.name: predictor}, episode_windows(train, episode_lengths(train, validation)))
        return float(errors[row.name].stack.mean())

    fitted = trainer.fit(title, validate)
    trained = (trainer.parameters, fitted.updates, fitted.seconds, fitted.history)
    return Trained(predictor, predictor.description, *trained)
