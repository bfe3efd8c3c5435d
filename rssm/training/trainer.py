"""The world model's trainer: one loop over updates that can be killed at any moment and goes on exactly."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rssm.config import LossConfig, WorldModelConfig
from rssm.data.chunks import Chunk, Sampler
from rssm.errors import CheckpointError, DivergedError
from rssm.model.losses import chunk_losses
from rssm.model.world_model import WorldModel
from rssm.progress import Progress
from rssm.tracker import Tracker
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE, load_trainer, save_model, save_trainer, weights_of
from rssm.training.optimizer import Optimizer, learning_rate

#: scores a model; the metric named below decides which weights are best (less is better), the rest is logged
Evaluation = Callable[[WorldModel], dict[str, float]]
#: mean of ln(1 + squared error) over the windows and the six steps
SCORE = "openloop/log_mse"


class Trainer:
    """Trains a world model on chunks.

    Every random number of update n follows from the seed and n (chunks) or from torch's generator, whose state is part
    of the checkpoint: a run that was killed and resumed ends with the very weights of one that was not.

    Args:
        run: folder of the run; checkpoints go here.
        config: the whole job.
        model: a fresh model; on resume its weights are replaced.
        sampler: the chunks.
        evaluate: scores the averaged weights on episodes that are not trained on; lower is better.
        device: where the model is.

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
        device: torch.device,
    ) -> None:
        self.run, self.config, self.model = run, config, model
        self.sampler, self.evaluate, self.device = sampler, evaluate, device
        self.optimizer = Optimizer(model, config.train)
        self.update = 0
        self.best_score, self.best_update, self.best_weights = math.inf, 0, weights_of(self.optimizer.average)
        self.seconds = 0.0
        if (run / TRAINER_FILE).exists():
            self._restore(load_trainer(run / TRAINER_FILE))

    def train(self, tracker: Tracker) -> WorldModel:
        """Run to the last update, or until patience is out.

        Returns:
            the model with the averaged weights that ``train.keep`` names; they are in ``model.safetensors`` as well.

        Raises:
            DivergedError: the loss or a gradient is not a finite number; the checkpoints are those of the last good
                update.
        """
        settings = self.config.train
        with Progress("training", settings.updates, "updates", self.update) as progress:
            while self.update < settings.updates and not self.out_of_patience:
                begin = time.perf_counter()
                terms = self._update()
                self.seconds += time.perf_counter() - begin
                self.update += 1
                if self.update % settings.log_every == 0:
                    tracker.log(terms, self.update)
                if self.update % settings.evaluate_every == 0 or self.update == settings.updates:
                    tracker.log(self._evaluate(), self.update)
                if self.update % settings.checkpoint_every == 0:
                    self.save()
                progress.advance(1, f"loss {terms['train/loss']:.3f}, best validation score {self.best_score:.3f}")
        self.save()
        self.model.load_state_dict(self._kept_weights()[0])
        return self.model.eval()

    @property
    def out_of_patience(self) -> bool:
        """Whether the last ``patience`` evaluations brought nothing better."""
        settings = self.config.train
        waited = (self.update - self.best_update) // settings.evaluate_every
        return settings.patience > 0 and self.best_update > 0 and waited >= settings.patience

    def _update(self) -> dict[str, float]:
        chunk = self.sampler.batch(self.update).to(self.device)
        try:
            return train_step(self.model, self.optimizer, chunk, self.config.loss, self.update)
        except DivergedError as error:
            kept = (self.run / TRAINER_FILE).exists()
            raise DivergedError(
                f"{error}; the last good checkpoint is kept in {self.run}" if kept else f"{error}; nothing was kept yet"
            ) from None

    def _evaluate(self) -> dict[str, float]:
        metrics = self.evaluate(self.optimizer.average)
        self.optimizer.average.train(False)
        if metrics[SCORE] < self.best_score:
            self.best_score, self.best_update = metrics[SCORE], self.update
            self.best_weights = weights_of(self.optimizer.average)
        return metrics

    def save(self) -> None:
        """Write both checkpoints; ``trainer.pt`` last, since a resume reads it alone.

        ``model.safetensors`` holds the weights to keep.
        """
        weights, update = self._kept_weights()
        save_model(self.run / MODEL_FILE, self.model, weights, {"update": update, "seed": self.config.seed})
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
            "rng": torch.get_rng_state(),
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
        torch.set_rng_state(state["rng"])


def train_step(
    model: WorldModel, optimizer: Optimizer, chunk: Chunk, config: LossConfig, update: int
) -> dict[str, float]:
    """One update of a world model.

    Args:
        model: the model.
        optimizer: its optimiser.
        chunk: what to learn from.
        config: scales of the loss.
        update: its number, from 0.

    Returns:
        what to log: ``train/NAME`` of every term, the loss, the gradient's norm and the learning rate.

    Raises:
        DivergedError: the loss or the gradient is not a finite number.
    """
    losses = chunk_losses(model, chunk, config)
    loss = losses.total(config)
    _check_finite("loss", loss, update)
    norm = optimizer.step(loss, update)
    _check_finite("gradient", norm, update)
    terms = {f"train/{name}": mean.item() for name, mean in losses.means().items()}
    return terms | {
        "train/loss": loss.item(),
        "train/gradient_norm": norm.item(),
        "train/learning_rate": learning_rate(optimizer.config, update),
    }


def _check_finite(what: str, value: Tensor, update: int) -> None:
    if not torch.isfinite(value):
        advice = "expected finite numbers; lower train.learning_rate or train.clip"
        raise DivergedError(f"{what}: {value.item()} at update {update}: {advice}")
