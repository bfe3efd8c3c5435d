"""The moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, decay: float, update: int) -> None:
    """Move an average towards its network after the network's update number ``update``, counted from 0.

    A young average would remember the random start: it begins short and grows to the full length.

    Args:
        average: of the same parameters as the network.
        network: what is averaged.
        decay: of the average, per update, once it has grown.
        update: number of the update.
    """
    decay = min(decay, (1 + update) / (10 + update))
    averaged: list[Tensor] = list(average.parameters())
    torch._foreach_lerp_(averaged, list(network.parameters()), 1.0 - decay)
