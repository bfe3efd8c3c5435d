"""Training one row within its budget, whatever its family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from rssm.baselines import ConstantVelocity, Persistence
from rssm.baselines.predictor import BaselinePredictor
from rssm.baselines.trainer import BaselineTrainer, seconds_per_update, updates_per_epoch
from rssm.config import EvalConfig, LogConfig, WorldModelConfig
from rssm.data.dataset import Dataset
from rssm.device import pick_device
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.predictor import Predictor
from rssm.jobs.train import make_trainer, open_datasets, split_episodes
from rssm.ladder.ablation import seconds_per_update as world_model_seconds
from rssm.ladder.config import CompareConfig, RowConfig
from rssm.ladder.rows import Row
from rssm.tracker import Tracker
from rssm.training.checkpoint import TRAINER_FILE


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        predictor: to be scored.
        prediction: what it predicts, in words.
        parameters: trained numbers.
        updates: optimiser steps.
        seconds: CPU time of the training.
        history: training errors on the way (see :class:`rssm.baselines.trainer.Fitted`).
    """

    predictor: Predictor
    prediction: str
    parameters: int = 0
    updates: int = 0
    seconds: float = 0.0
    history: Sequence[dict[str, Any]] = field(default_factory=list)


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
        return Trained(ConstantVelocity(), "the newest change, again and again")
    if row.config.family == "rssm":
        return _train_world_model(row, data, seed, folder)
    return _train_baseline(row, data, seed, title)


def _train_baseline(row: Row, data: Data, seed: int, title: str) -> Trained:
    config, device = row.config.baseline, pick_device(data.config.device)
    if data.config.budget == 0:
        config = replace(config, fit=replace(config.fit, stop="patience"))
    train, (learned, validation) = data.open(row.config)[0], data.split(row.config)
    if config.fit.stop == "patience":
        updates = config.fit.epochs * updates_per_epoch(config, learned)
    else:
        updates = max(1, int(data.config.budget / seconds_per_update(config, train, learned, device)))
    trainer = BaselineTrainer(config, train, learned, seed, updates, device)
    futures = config.network.futures if config.network.kind == "diffusion" else 1
    predictor = BaselinePredictor(trainer.members, trainer.scaling, futures, seed)

    def validate() -> float:
        errors = score_windows({row.name: predictor}, episode_windows(train, episode_lengths(train, validation)))
        return float(errors[row.name].stack.mean())

    fitted = trainer.fit(title, validate)
    trained = (trainer.parameters, fitted.updates, fitted.seconds, fitted.history)
    return Trained(predictor, predictor.description, *trained)


def _train_world_model(row: Row, data: Data, seed: int, folder: Path) -> Trained:
    job = replace(data.job(row.config), seed=seed)
    train = data.open(row.config)[0]
    updates = job.train.updates
    if data.config.budget > 0:
        updates = max(1, int(data.config.budget / world_model_seconds(job)))
    # within a budget only the last weights are looked at, as in every row
    every = updates if data.config.budget > 0 else job.train.evaluate_every
    settings = replace(job.train, updates=updates, evaluate_every=every, checkpoint_every=updates)
    job = replace(job, train=settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRAINER_FILE).unlink(missing_ok=True)  # a row that was not scored starts again: its time is measured
    trainer = make_trainer(folder, job, train, pick_device(job.device))
    begin = process_time()
    with Tracker(folder, job.log, {}) as tracker:
        model = trainer.train(tracker)
    seconds = process_time() - begin
    predictor = WorldModelPredictor(model, job.eval.samples, seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Trained(predictor, predictor.description, parameters, trainer.update, seconds)


def episode_lengths(data: Dataset, episodes: Sequence[slice]) -> np.ndarray:
    """The lengths (E,) of the data's episodes, 0 for those that are not among ``episodes``."""
    return np.array([e.stop - e.start if e in episodes else 0 for e in data.episodes], np.int64)
