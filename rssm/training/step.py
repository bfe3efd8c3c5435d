"""One update of a world model."""

from __future__ import annotations

import math

import torch

from rssm.config import LossConfig
from rssm.data.chunks import Sampler
from rssm.device import seeded
from rssm.errors import DivergedError
from rssm.model.losses import SCALES, chunk_losses
from rssm.noise import drawn_for
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
    sums = torch.stack([term.sum() for term in losses.terms.values()])
    counts = torch.stack([losses.masks[name].sum() for name in losses.terms])
    # means are over the whole batch: a part's loss is its share of them
    whole = group.sum(torch.stack([sums.detach(), counts]))
    counts = whole[1].clamp(min=1.0)
    scales = torch.tensor([getattr(config, SCALES[name]) for name in losses.terms], device=device)
    norm = optimizer.gradient((scales * sums / counts).sum())
    means = whole[0] / counts
    # a list at once: an accelerator is waited for a single time
    *terms, loss, norm_value = torch.cat([means, torch.stack([(scales * means).sum(), norm])]).tolist()
    for what, value in (("loss", loss), ("gradient", norm_value)):
        if not math.isfinite(value):
            advice = "expected finite numbers; lower train.learning_rate or train.clip"
            raise DivergedError(f"{what}: {value} at update {update}: {advice}")
    optimizer.step(norm, update)
    return {f"train/{name}": value for name, value in zip(losses.terms, terms, strict=True)} | {
        "train/loss": loss,
        "train/gradient_norm": norm_value,
        "train/learning_rate": learning_rate(optimizer.config, update),
    }
