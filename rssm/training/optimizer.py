"""The optimiser, its schedule and the averaged weights; all counted in updates."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from rssm.config import TrainConfig
from rssm.model.networks import MLP
from rssm.model.world_model import WorldModel
from rssm.training.average import follow, follow_weight
from rssm.training.group import ALONE, Group
from rssm.training.muon import Muon, pick_precision


def learning_rate(config: TrainConfig, update: int) -> float:
    """Linear warm-up, then a cosine from the peak to its final share at ``config.updates`` (updates count from 0).

    The cosine takes the last ``config.decay`` of the updates; before it the rate is constant.
    """
    rise = min(1.0, (update + 1) / config.warmup) if config.warmup else 1.0
    begun = update / config.updates - (1.0 - config.decay)
    fall = 0.5 * (1.0 + math.cos(math.pi * min(1.0, max(0.0, begun) / config.decay)))
    return config.learning_rate * rise * (config.final_learning_rate + (1.0 - config.final_learning_rate) * fall)


class Optimizer:
    """Muon for most weight matrices, AdamW for the rest; clipping, the schedule above, averaged weights.

    Muon (Jordan et al. 2024) orthogonalises the momentum of each matrix, so that every direction of it learns at the
    same pace; its steps are scaled to the size of Adam's (Liu et al. 2025, "Muon is scalable for LLM training"), so
    that both share one schedule. :func:`hidden_matrices` says which matrices those are.

    Args:
        model: what is trained.
        config: settings.
        group: the processes that share the training; each has the gradient of its part of the loss, and all take the
            same step. The first alone keeps the averaged weights.

    Attributes:
        average: the averaged weights; the model itself where ``config.ema`` is 0.
    """

    def __init__(self, model: WorldModel, config: TrainConfig, group: Group = ALONE) -> None:
        self.model, self.config, self.group = model, config, group
        hidden, rest = hidden_matrices(model)
        precision = _agree(group, pick_precision(config.muon_precision, hidden[0].device), hidden[0].device)
        self.muon = Muon(hidden, precision, config.weight_decay, group=group)
        self.adam = torch.optim.AdamW(rest, lr=0.0, weight_decay=config.weight_decay, fused=True)
        self._allow_capture()
        self.average = copy.deepcopy(model).eval().requires_grad_(False) if config.ema else model
        self._gradient: Tensor | None = None  # in one piece, kept from update to update

    def gradient(self, loss: Tensor) -> Tensor:
        """Set the gradient of the sum of all processes' losses; nothing else changes.

        Args:
            loss: this process's part, a scalar.

        Returns:
            the gradient's norm, a scalar.

        Raises:
            LostProcessError: a process is gone.
        """
        self.muon.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        # in one piece: one exchange, one norm
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        gradients = [p.grad.flatten() for p in parameters if p.grad is not None]
        self._gradient = flat = torch.cat(gradients, out=self._gradient)
        self.group.sum(flat)
        for parameter, piece in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = piece.view_as(parameter)
        return torch.linalg.vector_norm(flat)

    def zero_unless(self, condition: Tensor) -> None:
        """Set the gradient to 0 where a condition, a scalar on the device, does not hold."""
        assert self._gradient is not None
        self._gradient.copy_(torch.where(condition, self._gradient, 0.0))

    def step(self, norm: Tensor, update: int) -> None:
        """One update along the gradient, which has this norm.

        Raises:
            LostProcessError: a process is gone; nothing has changed then.
        """
        self.apply(norm, learning_rate(self.config, update), follow_weight(self.config.ema, update))

    def apply(self, norm: Tensor, rate: float | Tensor, weight: float | Tensor) -> None:
        """As :meth:`step`, with numbers that may lie on the device.

        Args:
            norm: of the gradient, a scalar.
            rate: learning rate of AdamW.
            weight: of the new weights in their average.
        """
        for optimizer, share in ((self.muon, self.config.muon_factor), (self.adam, 1.0)):
            for group in optimizer.param_groups:
                group["lr"] = share * rate
        torch.nn.utils.clip_grads_with_norm_(self.model.parameters(), self.config.clip, norm)
        self.muon.step()
        self.adam.step()
        if self.config.ema and self.group.is_first:
            follow(self.average, self.model, weight)

    def _allow_capture(self) -> None:
        """On an NVIDIA card AdamW keeps its counters there, so that its step can be captured in a graph."""
        for group in self.adam.param_groups:
            group["capturable"] = group["params"][0].is_cuda

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
        self._allow_capture()
        self.average.load_state_dict(state["average"])


def hidden_matrices(model: WorldModel) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The weight matrices that lead to hidden units, and every other parameter.

    Among the first are those that read the inputs, which Muon's author leaves to AdamW, and both of the GRU's, which
    hold three gates each and are orthogonalised as one. Output layers, biases, norms and learned starts are the rest.
    """
    outputs = {id(mlp.layers[-1].weight) for mlp in model.modules() if isinstance(mlp, MLP) and mlp.has_output}
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "weight" in name and id(p) not in outputs]
    chosen = {id(p) for p in hidden}
    return hidden, [p for p in model.parameters() if id(p) not in chosen]


def _agree(group: Group, precision: torch.dtype, device: torch.device) -> torch.dtype:
    """One number format for all processes, whose processors may differ: bfloat16 if it is every one's choice."""
    votes = group.sum(torch.tensor(float(precision == torch.bfloat16), device=device))
    return torch.bfloat16 if votes == group.size else torch.float32
