"""Raw stacks to normalised ones and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rssm.game import STACK, Statistics


class StackScaling(nn.Module):
    """Each feature to zero mean and unit variance (of the training data), in all four frames alike."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Statistics) -> None:
        super().__init__()
        for name, values in (("mean", statistics.mean), ("std", statistics.std)):
            self.register_buffer(name, torch.tensor(values).repeat_interleave(STACK))

    def forward(self, stack: Tensor) -> Tensor:
        """(..., F * 4) raw -> (..., F * 4) normalised."""
        return (stack - self.mean) / self.std

    def undo(self, stack: Tensor) -> Tensor:
        """(..., F * 4) normalised -> (..., F * 4) raw."""
        return stack * self.std + self.mean
