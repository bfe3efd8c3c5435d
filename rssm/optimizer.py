"""The optimiser, its schedule and the averaged weights; all counted in updates."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from rssm.average import follow
from rssm.config import TrainConfig
from rssm.networks import MLP
from rssm.training.muon import Muon, pick_precision
from rssm.world_model import WorldModel


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then a cosine from the peak to its final share at ``config.updates`` (updates count from 0)."""
    rise = min(1.0, (update + 1) / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, update / config.updates)))
    return config.learning_rate * rise * (config.final_learning_rate + (1.0 - config.final_learning_rate) * fall)


class Optimizer:
    """Muon for the matrices of hidden layers, AdamW for the rest; clipping, the schedule above, averaged weights.

    Muon (Jordan et al. 2024) orthogonalises the momentum of each matrix, so that every direction of it learns at the
    same pace; its steps are scaled to the size of Adam's (Liu et al. 2025, "Muon is scalable for LLM training"), so
    that both share one schedule. Output layers, biases, norms and learned starts stay with AdamW, as its authors
    advise.
    """

    def __init__(self, model: WorldModel, config: TrainConfig) -> None:
        self.model, self.config = model, config
        hidden, rest = hidden_matrices(model)
        precision = pick_precision(config.muon_precision, hidden[0].device)
        self.muon = Muon(hidden, precision, config.weight_decay)
        self.adam = torch.optim.AdamW(rest, lr=0.0, weight_decay=config.weight_decay, fused=True)
        self.average = copy.deepcopy(model).eval().requires_grad_(False) if config.ema else model

    def step(self, loss: Tensor, update: int) -> Tensor:
        """One update; returns the gradient's norm before clipping."""
        rate = learning_rate(self.config, update)
        for optimizer, share in ((self.muon, self.config.muon_factor), (self.adam, 1.0)):
            for group in optimizer.param_groups:
                group["lr"] = share * rate
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.muon.step()
        self.adam.step()
        if self.config.ema:
            follow(self.average, self.model, self.config.ema, update)
        return norm

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, but the model's own weights."""
        return {
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "average": self.average.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.average.load_state_dict(state["average"])


def hidden_matrices(model: WorldModel) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weight matrices between hidden layers, and every other parameter."""
    outputs = {id(mlp.layers[-1].weight) for mlp in model.modules() if isinstance(mlp, MLP) and mlp.has_output}
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "weight" in name and id(p) not in outputs]
    chosen = {id(p) for p in hidden}
    return hidden, [p for p in model.parameters() if id(p) not in chosen]
