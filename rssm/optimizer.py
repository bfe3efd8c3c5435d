"""The optimiser, its schedule and the averaged weights; all counted in updates."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from rssm.config import TrainConfig
from rssm.world_model import WorldModel


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then a cosine from the peak to its final share at ``config.updates`` (updates count from 0)."""
    rise = min(1.0, (update + 1) / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, update / config.updates)))
    return config.learning_rate * rise * (config.final_learning_rate + (1.0 - config.final_learning_rate) * fall)


class Optimizer:
    """AdamW with gradient clipping, the schedule above and an exponential moving average of the weights."""

    def __init__(self, model: WorldModel, config: TrainConfig) -> None:
        self.model, self.config = model, config
        self.adam = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=config.weight_decay, fused=True)
        self.average = copy.deepcopy(model).eval().requires_grad_(False) if config.ema else model

    def step(self, loss: Tensor, update: int) -> Tensor:
        """One update; returns the gradient's norm before clipping."""
        for group in self.adam.param_groups:
            group["lr"] = learning_rate(self.config, update)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.adam.step()
        if self.config.ema:
            # a young average would remember the random start: it begins short and grows to the full length
            decay = min(self.config.ema, (1 + update) / (10 + update))
            with torch.no_grad():
                averaged: list[Tensor] = list(self.average.parameters())
                current: list[Tensor] = list(self.model.parameters())
                torch._foreach_lerp_(averaged, current, 1.0 - decay)
        return norm
