"""A network's moving average."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from rssm.training.average import follow, follow_weight


class Average(nn.Module):
    """The moving average of a network's weights over its updates (Polyak and Juditsky 1992); called as the network is.

    Nothing trains it. It begins as the network itself, and its first steps are longer, so that the beginning is soon
    forgotten.

    Args:
        network: what is averaged.
        decay: of the average, per update.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, *inputs: Any) -> Any:
        return self.network(*inputs)

    def follow(self, network: nn.Module, update: int) -> None:
        """Move towards the network after its update number ``update``, counted from 0."""
        follow(self.network, network, follow_weight(self.decay, update))
        self.updates.fill_(update + 1)
