"""The whole job: data, training, evaluation, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from rssm.baselines import ConstantVelocity, Persistence
from rssm.config import WorldModelConfig
from rssm.data.chunks import ChunkSampler, Sampler
from rssm.data.dataset import Dataset
from rssm.data.fresh import FreshSampler
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.predictor import Predictor
from rssm.games.pong.statistics import FeatureStatistics
from rssm.jobs.data_sets import open_datasets, open_others, split_episodes, training_recording
from rssm.jobs.evaluate import evaluate_and_report
from rssm.model.world_model import WorldModel
from rssm.tracker import Tracker
from rssm.training.run_folder import claim
from rssm.training.trainer import SCORE, Evaluation, Trainer


def train_world_model(config: WorldModelConfig) -> None:
    """Collect the data where they are not there, train, evaluate on the held-out games and write the run's folder.

    Raises:
        UserError: the run's folder belongs to another configuration, or data or settings do not fit.
    """
    device = pick_device(config.device)
    set_threads(config.threads)
    run = Path(config.run)
    claim(run, config)
    train, heldout = open_datasets(config)
    others = open_others(config, train)
    trainer = make_trainer(run, config, train, device)
    with Tracker(run, config.log, asdict(config), trainer.update or None) as tracker:
        model = trainer.train(tracker)
        print(f"trained {trainer.update:,} updates in {trainer.seconds:.0f} s; evaluating", file=sys.stderr)
        evaluate_and_report(run, config, model, heldout, tracker, trainer.update, [others] if others else [])


def make_trainer(run: Path, config: WorldModelConfig, data: Dataset, device: torch.device) -> Trainer:
    """A fresh model and its trainer, from the configured seed; goes on where a checkpoint in ``run`` left off.

    Args:
        run: folder of the checkpoints.
        config: the whole job.
        data: training data; its last episodes validate.
        device: where the model is to be.
    """
    learned, validation = split_episodes(data, config.data.validation_steps)
    torch.manual_seed(config.seed)
    rows = slice(0, learned[-1].stop)
    statistics = FeatureStatistics.fit(data.features[rows], data.action[rows], data.is_first[rows])
    model = WorldModel(config.model, statistics, config.loss.huber_beta).to(device)
    sampler = _make_sampler(config, data, learned)
    return Trainer(run, config, model, sampler, _validate(data, validation), device)


def _make_sampler(config: WorldModelConfig, data: Dataset, learned: Sequence[slice]) -> Sampler:
    sizes = config.train.batch_size, config.train.chunk_length, config.seed
    if config.data.fresh_steps == 0:
        return ChunkSampler(data, *sizes, learned)
    if data.env is None:
        raise UserError(f"data.fresh_steps: expected 0, as {data.path} is imported: nobody can play more of it")
    recording = training_recording(config)
    return FreshSampler(data, *sizes, learned, recording, config.data.fresh_steps, config.train.updates)


def _validate(data: Dataset, episodes: Sequence[slice]) -> Evaluation:
    """Open-loop error on the validation episodes; the baselines' values stand beside it on the same charts."""
    lengths = np.array([e.stop - e.start if e in episodes else 0 for e in data.episodes])
    baselines: dict[str, Predictor] = {"persistence": Persistence(), "constant_velocity": ConstantVelocity()}
    scored = score_windows(baselines, episode_windows(data, lengths))
    reference = {
        f"openloop/{name}_h{k + 1}": float(value)
        for name, errors in scored.items()
        for k, value in enumerate(errors.stack.mean(axis=0))
    }

    def evaluate(model: WorldModel) -> dict[str, float]:
        errors = score_windows({"model": WorldModelPredictor(model)}, episode_windows(data, lengths))["model"]
        mean, median = errors.stack.mean(axis=0), np.median(errors.stack, axis=0)
        metrics = {f"openloop/mse_h{k + 1}": float(value) for k, value in enumerate(mean)}
        metrics |= {f"openloop/median_h{k + 1}": float(value) for k, value in enumerate(median)}
        metrics["openloop/mse_mean"] = float(mean.mean())
        # nearly all of the mean lies in a handful of windows with a wrong goal or serve, too few to choose by
        return metrics | {SCORE: float(np.log1p(errors.stack).mean())} | reference

    return evaluate
