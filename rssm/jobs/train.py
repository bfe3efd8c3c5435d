"""The whole job: data, training, evaluation, report."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from rssm.baselines import ConstantVelocity, Persistence
from rssm.config import WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.collect import ensure_dataset
from rssm.data.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.predictor import Predictor
from rssm.games.pong.statistics import FeatureStatistics
from rssm.jobs.evaluate import evaluate_and_report
from rssm.model.world_model import WorldModel
from rssm.tracker import Tracker
from rssm.training.group import ALONE, Group
from rssm.training.launch import count_processes, launched, local_rank, processes
from rssm.training.muon import name_of
from rssm.training.run_folder import claim
from rssm.training.trainer import SCORE, Evaluation, Trainer


def train_world_model(config: WorldModelConfig) -> None:
    """Collect the data where they are not there, train, evaluate on the held-out games and write the run's folder.

    Where ``torchrun`` has started several processes they share the training; elsewhere ``config.workers`` are started.

    Raises:
        UserError: the run's folder belongs to another configuration, data or settings do not fit, or a process of the
            training was killed.
    """
    device = pick_device(config.device, local_rank())
    set_threads(config.threads)
    count = count_processes(config.workers, device, config.train.batch_size)
    place = launched()
    if place is not None and not place.is_first:
        with processes(count, device, assist) as join:
            assist(join(), config)
        return
    run = Path(config.run)
    claim(run, config)
    with processes(count, device, assist, config) as join:
        train, heldout = open_datasets(config)
        group = join()
        _open_in_turn(config, group, train)
        trainer = make_trainer(run, config, train, device, group)
        _announce(config, trainer)
        with Tracker(run, config.log, asdict(config), trainer.update or None) as tracker:
            model = trainer.train(tracker)
            print(f"trained {trainer.update:,} updates in {trainer.seconds:.0f} s; evaluating", file=sys.stderr)
            evaluate_and_report(run, config, model, heldout, tracker, trainer.update)


def assist(group: Group, config: WorldModelConfig) -> None:
    """What every process of a training but the first does: its part of each update.

    Raises:
        UserError: its settings or data do not fit, or the first process has stopped.
    """
    device = pick_device(config.device, local_rank())
    set_threads(config.threads)
    data = _open_in_turn(config, group, None)
    make_trainer(Path(config.run), config, data, device, group).assist()


def _open_in_turn(config: WorldModelConfig, group: Group, data: Dataset | None) -> Dataset:
    """The training data, which the first process has open: then one on each machine opens them, which may have to
    collect them there, and then all others."""
    group.from_first(None)
    for its_turn in (local_rank() == 0, True):
        if its_turn and data is None:
            data, _ = open_datasets(config)
        group.from_first(None)
    assert data is not None
    return data


def _announce(config: WorldModelConfig, trainer: Trainer) -> None:
    count, precision = trainer.group.size, name_of(trainer.optimizer.muon.precision)
    shared = f"{count} processes" if count > 1 else "one process"
    auto = " (auto)" if config.train.muon_precision == "auto" else ""
    print(f"training in {shared}; Muon computes in {precision}{auto}", file=sys.stderr)


def make_trainer(
    run: Path, config: WorldModelConfig, data: Dataset, device: torch.device, group: Group = ALONE
) -> Trainer:
    """A fresh model and its trainer, from the configured seed; goes on where a checkpoint in ``run`` left off.

    Args:
        run: folder of the checkpoints.
        config: the whole job.
        data: training data; its last episodes validate.
        device: where the model is to be.
        group: the processes that share the training.
    """
    learned, validation = split_episodes(data, config.data.validation_steps)
    torch.manual_seed(config.seed)
    rows = slice(0, learned[-1].stop)
    statistics = FeatureStatistics.fit(data.features[rows], data.action[rows], data.is_first[rows])
    model = WorldModel(config.model, statistics, config.loss.huber_beta).to(device)
    sampler = ChunkSampler(data, config.train.batch_size, config.train.chunk_length, config.seed, learned)
    return Trainer(run, config, model, sampler, _validate(data, validation), group)


def split_episodes(data: Dataset, validation_steps: int) -> tuple[Sequence[slice], Sequence[slice]]:
    """The episodes to learn from and the last ones, of at least ``validation_steps`` rows, to validate on.

    Raises:
        UserError: no episode would be left to learn from.
    """
    episodes = list(data.episodes)
    first = len(episodes)
    while first > 0 and len(data) - (episodes[first].start if first < len(episodes) else len(data)) < validation_steps:
        first -= 1
    if first == 0:
        raise UserError(
            f"data.validation_steps: expected to leave an episode of {data.path} to learn from; its {len(episodes)} "
            f"episodes have {len(data)} steps, and the last ones of {validation_steps} steps are set aside"
        )
    return episodes[:first], episodes[first:]


def open_datasets(config: WorldModelConfig) -> tuple[Dataset, Dataset]:
    """The training and the held-out data, collected first where they are not there."""
    data = config.data

    def open_or_collect(path: str, steps: int, seed: int) -> Dataset:
        return ensure_dataset(
            path,
            env=config.env,
            policy=data.policy,
            epsilon=data.epsilon,
            steps=steps,
            seed=seed,
            workers=data.workers,
        )

    return (
        open_or_collect(data.train, data.train_steps, data.train_seed),
        open_or_collect(data.heldout, data.heldout_steps, data.heldout_seed),
    )


def _validate(data: Dataset, episodes: Sequence[slice]) -> Evaluation:
    """Open-loop error on the validation episodes; the baselines' values stand beside it on the same charts."""
    lengths = np.array([e.stop - e.start if e in episodes else 0 for e in data.episodes])

    @functools.cache  # the first process alone evaluates
    def reference() -> dict[str, float]:
        baselines: dict[str, Predictor] = {"persistence": Persistence(), "constant_velocity": ConstantVelocity()}
        return {
            f"openloop/{name}_h{k + 1}": float(value)
            for name, errors in score_windows(baselines, episode_windows(data, lengths)).items()
            for k, value in enumerate(errors.stack.mean(axis=0))
        }

    def evaluate(model: WorldModel) -> dict[str, float]:
        errors = score_windows({"model": WorldModelPredictor(model)}, episode_windows(data, lengths))["model"]
        mean, median = errors.stack.mean(axis=0), np.median(errors.stack, axis=0)
        metrics = {f"openloop/mse_h{k + 1}": float(value) for k, value in enumerate(mean)}
        metrics |= {f"openloop/median_h{k + 1}": float(value) for k, value in enumerate(median)}
        metrics["openloop/mse_mean"] = float(mean.mean())
        # nearly all of the mean lies in a handful of windows with a wrong goal or serve, too few to choose by
        return metrics | {SCORE: float(np.log1p(errors.stack).mean())} | reference()

    return evaluate
