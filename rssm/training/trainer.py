"""The world model's trainer: one loop over updates that can be killed at any moment and goes on exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from rssm.config import WorldModelConfig
from rssm.dashboard.names import REAL_STEPS
from rssm.data.chunks import ChunkSampler, Sampler
from rssm.errors import CheckpointError, DivergedError, LostProcessError
from rssm.model.world_model import WorldModel
from rssm.progress import Progress
from rssm.seeds import Stream, derived_seed
from rssm.system.stopping import asked, goes_on, held
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE, load_trainer, save_model, save_trainer, weights_of
from rssm.training.graph import GraphedUpdates
from rssm.training.group import ALONE, Group
from rssm.training.muon import name_of
from rssm.training.optimizer import Optimizer
from rssm.training.run_folder import Claim
from rssm.training.step import train_step

#: scores a model; the metric named below decides which weights are best (less is better), the rest is logged
Evaluation = Callable[[WorldModel], dict[str, float]]
#: mean of ln(1 + squared error) over the windows and the six steps
SCORE = "openloop/log_mse"
#: draws what the last evaluation saw, at this update
Show = Callable[[Tracker, int], object]


class Trainer:
    """Trains a world model on chunks.

    Every random number of update n follows from the seed and n: a run that was killed and resumed ends with the very
    weights of one that was not. Several processes may share a training; the first one calls :meth:`train`, the others
    :meth:`assist`. How many there are changes nothing but rounding, so a run may go on with more or fewer.

    Args:
        run: folder of the run; checkpoints go here.
        config: the whole job.
        model: a fresh model; on resume its weights are replaced.
        sampler: the chunks.
        evaluate: scores the averaged weights on episodes that are not trained on; lower is better.
        group: the processes that share the training.
        claim: the folder's, which it takes with the first checkpoint; None takes nothing.
        show: called after each evaluation.

    Raises:
        CheckpointError: ``trainer.pt`` exists but cannot be read or belongs to another configuration.
    """

    def __init__(
        self,
        run: Path,
        config: WorldModelConfig,
        model: WorldModel,
        sampler: Sampler,
        evaluate: Evaluation,
        group: Group = ALONE,
        claim: Claim | None = None,
        show: Show | None = None,
    ) -> None:
        self.run, self.config, self.model, self._claim = run, config, model, claim
        self.sampler, self.evaluate, self.group, self.show = sampler, evaluate, group, show
        self.optimizer = Optimizer(model, config.train, group)
        self.update = 0
        #: on an NVIDIA card, for one process and games that stay the same: the update as one graph
        self.graphed: GraphedUpdates | None = None
        on_card = group.size == 1 and next(model.parameters()).is_cuda
        if config.train.graph and on_card and isinstance(sampler, ChunkSampler):
            self.graphed = GraphedUpdates(self.optimizer, sampler, config.loss)
        self._terms: dict[str, float] = {}
        self.best_score, self.best_update, self.best_weights = math.inf, 0, weights_of(self.optimizer.average)
        self.seconds = 0.0
        found = load_trainer(run / TRAINER_FILE) if group.is_first and (run / TRAINER_FILE).exists() else None
        state, weights = group.from_first((found, model.state_dict()))
        model.load_state_dict(weights)
        if state is not None:
            self._restore(state)

    def train(self, tracker: Tracker) -> WorldModel:
        """Run to the last update, or until patience is out.

        Returns:
            the model with the averaged weights that ``train.keep`` names; they are in ``model.safetensors`` as well.

        Raises:
            DivergedError: the loss or a gradient is not a finite number; the checkpoints are those of the last good
                update.
            LostProcessError: another process is gone; the checkpoints are those of the last update.
            Stopped: a signal came; the checkpoints are those of the last update.
        """
        with goes_on(self._kept), held():
            try:
                self._train(tracker)
            except LostProcessError as error:
                if not asked():  # else it was stopped as this one was
                    self._save(tracker)  # a process that is gone is noticed before anything has changed
                    raise LostProcessError(f"{error}; {self._kept()}") from None
            self._save(tracker)
        self.model.load_state_dict(self._kept_weights()[0])
        return self.model.eval()

    def assist(self) -> None:
        """Do this process's part of every update that the first process does; nothing is written.

        Raises:
            UserError: the first process or another one has stopped; the first says why.
        """
        while not self.finished:
            self._update()
            if self._evaluation_is_due:
                self.best_update = self.group.from_first(0)

    def _train(self, tracker: Tracker) -> None:
        settings = self.config.train
        with Progress("training", settings.updates, "updates", self.update) as progress:
            while not self.finished and not asked():
                begin = time.perf_counter()
                terms = self._update()
                self.seconds += time.perf_counter() - begin
                if self.update % settings.log_every == 0:
                    tracker.log(terms, self.update)
                if self._evaluation_is_due:
                    tracker.log(self._evaluate(), self.update)
                    if self.show is not None:
                        self.show(tracker, self.update)
                    self.group.from_first(self.best_update)
                if self.update % settings.checkpoint_every == 0:
                    self._save(tracker)
                progress.advance(1, f"loss {terms['train/loss']:.3f}, best validation score {self.best_score:.3f}")

    def _kept(self) -> str:
        return f"{self.update:,} updates are kept in {self.run}: start the same command again to go on"

    def _save(self, tracker: Tracker) -> None:
        """The checkpoints, and before them what was logged on the way there, so that no power cut parts them."""
        tracker.sync()
        self.save()

    @property
    def finished(self) -> bool:
        """Whether the last update is done, or patience is out."""
        return self.update >= self.config.train.updates or self.out_of_patience

    @property
    def _evaluation_is_due(self) -> bool:
        return self.update % self.config.train.evaluate_every == 0 or self.update == self.config.train.updates

    @property
    def _is_read(self) -> bool:
        """Whether the numbers of the update that comes are looked at; a card is then waited for."""
        settings, number = self.config.train, self.update + 1
        every = (settings.log_every, settings.evaluate_every, settings.checkpoint_every)
        return number == settings.updates or any(number % updates == 0 for updates in every)

    @property
    def out_of_patience(self) -> bool:
        """Whether the last ``patience`` evaluations brought nothing better."""
        settings = self.config.train
        waited = (self.update - self.best_update) // settings.evaluate_every
        return settings.patience > 0 and self.best_update > 0 and waited >= settings.patience

    def _update(self) -> dict[str, float]:
        seed = derived_seed(self.config.seed, Stream.WORLD_UPDATE, self.update)
        try:
            if self.graphed is None:
                self._terms = train_step(self.optimizer, self.sampler, self.config.loss, seed, self.update)
            else:
                self.graphed.run(seed, self.update)
                if self._is_read or not self._terms:
                    self._terms = self.graphed.terms(self.update)
        except DivergedError as error:
            kept = (self.run / TRAINER_FILE).exists()
            raise DivergedError(
                f"{error}; the last good checkpoint is kept in {self.run}" if kept else f"{error}; nothing was kept yet"
            ) from None
        self.update += 1
        return self._terms

    def _evaluate(self) -> dict[str, float]:
        metrics = self.evaluate(self.optimizer.average)
        self.model.train()  # without averaging it is the model that was evaluated
        if metrics[SCORE] < self.best_score:
            self.best_score, self.best_update = metrics[SCORE], self.update
            self.best_weights = weights_of(self.optimizer.average)
        return metrics | {REAL_STEPS: self.sampler.real_steps(self.update)}

    def save(self) -> None:
        """Write both checkpoints; ``trainer.pt`` last, since a resume reads it alone.

        ``model.safetensors`` holds the weights to keep.
        """
        if self._claim is not None:
            self._claim.take()
        weights, update = self._kept_weights()
        record = {"update": update, "seed": self.config.seed, "muon_precision": name_of(self.optimizer.muon.precision)}
        save_model(self.run / MODEL_FILE, self.model, weights, record)
        state = {
            "config": asdict(self.config.model) | asdict(self.config.loss) | asdict(self.config.train),
            "seed": self.config.seed,
            "statistics": self.model.statistics.to_dict(),
            "update": self.update,
            "seconds": self.seconds,
            "best_score": self.best_score,
            "best_update": self.best_update,
            "best_weights": self.best_weights,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_trainer(self.run / TRAINER_FILE, state)

    def _kept_weights(self) -> tuple[dict[str, Tensor], int]:
        """The averaged weights to keep and their update: the newest, or the best as soon as some were evaluated."""
        if self.config.train.keep == "best" and self.best_update > 0:
            return self.best_weights, self.best_update
        return weights_of(self.optimizer.average), self.update

    def _restore(self, state: dict[str, Any]) -> None:
        mine = asdict(self.config.model) | asdict(self.config.loss) | asdict(self.config.train)
        for key, value in (mine | {"seed": self.config.seed}).items():
            saved = state["seed"] if key == "seed" else state["config"].get(key)
            if saved != value:
                raise CheckpointError(
                    f"{self.run / TRAINER_FILE}: was trained with {key} {saved}, not {value}; expected the same "
                    "settings to go on, or another run folder"
                )
        if state["statistics"] != self.model.statistics.to_dict():
            raise CheckpointError(
                f"{self.run / TRAINER_FILE}: was trained on other data; expected the same data to go on, or another "
                "run folder"
            )
        self.update, self.seconds = state["update"], state["seconds"]
        self.best_score, self.best_update = state["best_score"], state["best_update"]
        self.best_weights = state["best_weights"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
