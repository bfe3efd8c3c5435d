"""Training a world model for a given time, or to its own stop."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from rssm.config import WorldModelConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.jobs.train import make_trainer
from rssm.ladder.trained import Trained
from rssm.model.world_model import WorldModel
from rssm.progress import Progress
from rssm.seeds import Stream, derived_seed
from rssm.storage.files import make_folder
from rssm.system.device import pick_device
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import TRAINER_FILE
from rssm.training.step import train_step
from rssm.training.timing import Clock
from rssm.training.trainer import Trainer


def train_for(job: WorldModelConfig, data: Dataset, budget: float, folder: Path, title: str) -> Trained:
    """Train a world model.

    Args:
        job: its settings; its evaluation says what it predicts. Within a budget ``train.updates`` is not looked at.
        data: training data.
        budget: seconds (see :class:`rssm.training.timing.Clock`) to train for; the last averaged weights are taken, and
            the learning rate follows the share of the time that is spent. 0 trains for the job's own updates and keeps
            the weights that it names.
        folder: for files on the way. A training that was stopped starts again: its time is measured.
        title: of the progress display.

    Raises:
        DivergedError: the loss is not a finite number.
    """
    device = pick_device(job.device)
    make_folder(folder)
    (folder / TRAINER_FILE).unlink(missing_ok=True)
    trainer = make_trainer(folder, job, data, device)
    clock = Clock(budget or math.inf, device)
    if budget:
        model, updates = _train_by_the_clock(trainer, job, clock, title)
    else:
        with Tracker(folder, job.log, {}) as tracker, clock:
            model = trainer.train(tracker)
        updates = trainer.update
    predictor = WorldModelPredictor(model, job.eval.samples, job.seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Trained(predictor, predictor.description, parameters, updates, clock.spent)


def _train_by_the_clock(trainer: Trainer, job: WorldModelConfig, clock: Clock, title: str) -> tuple[WorldModel, int]:
    """Updates until the clock's budget is spent; returns the averaged model and how many there were."""
    optimizer, update = trainer.optimizer, 0
    with Progress(title, math.ceil(clock.budget), "s") as progress:
        while not clock.over:
            # the schedule counts updates: as many as will have fitted, at the pace so far
            optimizer.config = replace(job.train, updates=clock.total(update))
            with clock:
                seed = derived_seed(job.seed, Stream.WORLD_UPDATE, update)
                terms = train_step(optimizer, trainer.sampler, job.loss, seed, update)
            update += 1
            done = int(min(clock.spent, clock.budget))
            progress.advance(done - progress.done, f"{update:,} updates, loss {terms['train/loss']:.3f}")
    return optimizer.average.eval(), update
