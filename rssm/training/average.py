"""The moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def follow_weight(decay: float, update: int) -> float:
    """Weight of the network in its average at its update number ``update``, counted from 0.

    A young average would remember the random start: it begins short and grows to the full length.

    Args:
        decay: of the average, per update, once it has grown.
        update: number of the update.
    """
    return 1.0 - min(decay, (1 + update) / (10 + update))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, weight: float | Tensor) -> None:
    """Move an average towards its network.

    Args:
        average: of the same parameters as the network.
        network: what is averaged.
        weight: of the network; see :func:`follow_weight`.
    """
    averaged: list[Tensor] = list(average.parameters())
    if isinstance(weight, Tensor):
        torch._foreach_mul_(averaged, 1.0 - weight)
        torch._foreach_add_(averaged, torch._foreach_mul(list(network.parameters()), weight))
    else:
        torch._foreach_lerp_(averaged, list(network.parameters()), weight)
