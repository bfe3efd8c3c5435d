"""The whole job: data, training, evaluation, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from rssm.baselines import ConstantVelocity, Persistence
from rssm.chunks import ChunkSampler
from rssm.collect import ensure_dataset
from rssm.config import WorldModelConfig
from rssm.config_file import load_config, save_config
from rssm.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.job import CONFIG_FILE, evaluate_and_report
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.world_model import WorldModelPredictor
from rssm.statistics import FeatureStatistics
from rssm.tracker import Tracker
from rssm.trainer import SCORE, Evaluation, Trainer
from rssm.world_model import WorldModel


def train_world_model(config: WorldModelConfig) -> None:
    """Collect the data where they are not there, train, evaluate on the held-out games and write the run's folder.

    Raises:
        UserError: the run's folder belongs to another configuration, or data or settings do not fit.
    """
    device = pick_device(config.device)
    set_threads(config.threads)
    run = Path(config.run)
    _claim(run, config)
    train, heldout = open_datasets(config)
    learned, validation = split_episodes(train, config.data.validation_steps)
    torch.manual_seed(config.seed)
    rows = slice(0, learned[-1].stop)
    statistics = FeatureStatistics.fit(train.features[rows], train.is_first[rows])
    model = WorldModel(config.model, statistics, config.loss.huber_beta).to(device)
    sampler = ChunkSampler(train, config.train.batch_size, config.train.chunk_length, config.seed, learned)
    trainer = Trainer(run, config, model, sampler, _validate(train, validation), device)
    with Tracker(run, config.log, asdict(config), trainer.update or None) as tracker:
        model = trainer.train(tracker)
        print(f"trained {trainer.update:,} updates in {trainer.seconds:.0f} s; evaluating", file=sys.stderr)
        evaluate_and_report(run, config, model, heldout, tracker, trainer.update)


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


def _claim(run: Path, config: WorldModelConfig) -> None:
    """Write the run's configuration, or see that it is the same as the one that is there."""
    path = run / CONFIG_FILE
    if path.exists():
        found = asdict(load_config(path, WorldModelConfig))
        for key, value in asdict(config).items():
            if key not in ("device", "threads", "log", "run") and found[key] != value:
                differing = value
                if isinstance(value, dict):
                    inner = next(k for k in value if found[key][k] != value[k])
                    key, differing, found = f"{key}.{inner}", value[inner], {f"{key}.{inner}": found[key][inner]}
                raise UserError(
                    f"{path}: {key}: the run there was started with {found[key]}, not {differing}; expected the same "
                    "settings to go on, or another --run"
                )
    else:
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"run: expected a folder or a new one, {run} cannot be made ({error.strerror})") from None
        save_config(config, path)


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
        return metrics | {SCORE: float(mean.mean())} | reference

    return evaluate
