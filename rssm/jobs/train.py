"""The whole job: data, training, evaluation, report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from rssm.config import WorldModelConfig
from rssm.config.rerun import command_of
from rssm.dashboard.watch import Watch
from rssm.data.chunks import ChunkSampler, Sampler
from rssm.data.dataset import Dataset
from rssm.data.fresh import FreshSampler
from rssm.errors import LostProcessError, UserError
from rssm.evaluation.validation import Validation
from rssm.jobs.data_sets import open_datasets, open_others, split_episodes, training_recording
from rssm.jobs.run_results import evaluate_and_report
from rssm.model.world_model import WorldModel
from rssm.storage.folder_lock import locked
from rssm.system.device import allow_tf32, pick_device, set_threads
from rssm.system.stopping import asked, held
from rssm.tracking.tracker import Tracker
from rssm.tracking.wandb_run import About, refuse_without_key
from rssm.training.group import ALONE, Group
from rssm.training.launch import count_processes, launched, local_rank, local_size, processes
from rssm.training.memory import refuse_training
from rssm.training.muon import name_of
from rssm.training.run_folder import Claim
from rssm.training.trainer import Trainer


def train_world_model(config: WorldModelConfig) -> None:
    """Collect the data where they are not there, train, evaluate on the held-out games and write the run's folder.

    Where ``torchrun`` has started several processes they share the training; elsewhere ``config.workers`` are started.

    Raises:
        BusyError: another process writes into the run's folder.
        UserError: the run's folder belongs to another configuration, data or settings do not fit, or a process of the
            training was killed.
    """
    refuse_without_key(config.log)
    device = pick_device(config.device, local_rank())
    count = count_processes(config.workers, device, config.train.batch_size)
    set_threads(config.threads, local_size(count))
    allow_tf32(device)
    place = launched()
    if place is not None and not place.is_first:
        with processes(count, device, assist) as join, held():  # the first one saves, and all end with it
            try:
                assist(join(), config)
            except LostProcessError:
                if not asked():
                    raise
        return
    run = Path(config.run)
    refuse_training(config, device, local_size(count))
    with locked(run), processes(count, device, assist, config) as join:
        claim = Claim(run, config)
        train, heldout = open_datasets(config)
        others = open_others(config, train)
        group = join()
        _open_in_turn(config, group, train)
        trainer = make_trainer(run, config, train, device, group, claim)
        _announce(config, trainer)
        with Tracker(run, config.log, asdict(config), trainer.update or None, _about(config)) as tracker:
            model = trainer.train(tracker)
            print(f"trained {trainer.update:,} updates in {trainer.seconds:.0f} s; evaluating", file=sys.stderr)
            evaluate_and_report(run, config, model, train, heldout, tracker, trainer.update, [others] if others else [])


def _about(config: WorldModelConfig) -> About:
    tags = [config.env.id, "world model", *(["sticky actions"] if config.env.repeat_action_probability else [])]
    command = command_of("scripts/train_wm.py", config, ("log", "device", "threads", "workers"))
    return About("train_wm", config.seed, tags, command)


def assist(group: Group, config: WorldModelConfig) -> None:
    """What every process of a training but the first does: its part of each update.

    Raises:
        UserError: its settings or data do not fit, or the first process has stopped.
    """
    device = pick_device(config.device, local_rank())
    set_threads(config.threads, local_size(group.size))
    allow_tf32(device)
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
    run: Path,
    config: WorldModelConfig,
    data: Dataset,
    device: torch.device,
    group: Group = ALONE,
    claim: Claim | None = None,
) -> Trainer:
    """A fresh model and its trainer, from the configured seed; goes on where a checkpoint in ``run`` left off.

    Args:
        run: folder of the checkpoints.
        config: the whole job.
        data: training data; its last episodes validate.
        device: where the model is to be.
        group: the processes that share the training.
        claim: the folder's; None takes nothing.
    """
    learned, validation = split_episodes(data, config.data.validation_steps)
    torch.manual_seed(config.seed)
    rows = slice(0, learned[-1].stop)
    statistics = data.game.fit(data.features[rows], data.action[rows], data.is_first[rows])
    model = WorldModel(config.model, data.game, statistics, config.loss.huber_beta).to(device)
    sampler = _make_sampler(config, data, learned)
    evaluation = Validation(data, validation, config.eval)
    return Trainer(run, config, model, sampler, evaluation, group, claim, Watch(run, evaluation))


def _make_sampler(config: WorldModelConfig, data: Dataset, learned: Sequence[slice]) -> Sampler:
    sizes = config.train.batch_size, config.train.chunk_length, config.seed
    if config.data.fresh_steps == 0:
        return ChunkSampler(data, *sizes, learned, beyond=True)
    if data.env is None:
        raise UserError(f"data.fresh_steps: expected 0, as {data.path} is imported: nobody can play more of it")
    recording = training_recording(config)
    return FreshSampler(data, *sizes, learned, recording, config.data.fresh_steps, config.train.updates)
