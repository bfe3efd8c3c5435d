"""One update of a world model."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rssm.config import LossConfig
from rssm.data.chunks import Sampler
from rssm.errors import DivergedError
from rssm.model.losses import SCALES, Losses, chunk_losses
from rssm.noise import drawn_for
from rssm.system.device import seeded
from rssm.training.optimizer import Optimizer, learning_rate


def train_step(optimizer: Optimizer, sampler: Sampler, config: LossConfig, seed: int, update: int) -> dict[str, float]:
    """One update, shared by the optimiser's group: each process has a part of the batch.

    Args:
        optimizer: of the model.
        sampler: of the chunks to learn from.
        config: scales of the loss.
        seed: of everything that is drawn in this update; nothing else that is random plays a part.
        update: its number, from 0.

    Returns:
        what to log: ``train/NAME`` of every term, the loss, the gradient's norm and the learning rate.

    Raises:
        DivergedError: the loss or the gradient is not a finite number; no weights have changed then.
        LostProcessError: a process is gone; no weights have changed then.
    """
    model, group = optimizer.model, optimizer.group
    device = next(model.parameters()).device
    part = group.part(sampler.batch_size)
    with seeded(seed, device), drawn_for(part):
        losses = chunk_losses(model, sampler.batch(update, part).to(device), config)
    values = gradient_step(optimizer, losses, scales_of(losses, config, device))
    terms = named(losses, values.tolist(), learning_rate(optimizer.config, update))
    check_finite(terms, update)
    optimizer.step(values[-1], update)
    return terms


def scales_of(losses: Losses, config: LossConfig, device: torch.device) -> Tensor:
    """The scale of every term, in the order of the losses."""
    return torch.tensor([getattr(config, SCALES[name]) for name in losses.terms], device=device)


def gradient_step(optimizer: Optimizer, losses: Losses, scales: Tensor) -> Tensor:
    """Set the gradient of the whole batch's loss.

    Args:
        optimizer: of the model.
        losses: of this process's part of the batch.
        scales: of its terms.

    Returns:
        the mean of every term over the whole batch, the loss and the gradient's norm, one after the other.
    """
    sums = torch.stack([term.sum() for term in losses.terms.values()])
    counts = torch.stack([losses.masks[name].sum() for name in losses.terms])
    # means are over the whole batch: a part's loss is its share of them
    whole = optimizer.group.sum(torch.stack([sums.detach(), counts]))
    counts = whole[1].clamp(min=1.0)
    norm = optimizer.gradient((scales * sums / counts).sum())
    means = whole[0] / counts
    return torch.cat([means, torch.stack([(scales * means).sum(), norm])])


def named(losses: Losses, values: list[float], rate: float) -> dict[str, float]:
    """What to log of the values of :func:`gradient_step`."""
    names = [*losses.terms, "loss", "gradient_norm"]
    return {f"train/{name}": value for name, value in zip(names, values, strict=True)} | {"train/learning_rate": rate}


def check_finite(terms: Mapping[str, float], update: int) -> None:
    """See that loss and gradient are numbers.

    Raises:
        DivergedError: one of them is not finite.
    """
    for what, key in (("loss", "train/loss"), ("gradient", "train/gradient_norm")):
        if not math.isfinite(terms[key]):
            advice = "expected finite numbers; lower train.learning_rate or train.clip"
            raise DivergedError(f"{what}: {terms[key]} at update {update}: {advice}")
