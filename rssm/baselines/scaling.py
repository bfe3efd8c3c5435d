"""Raw stacks to normalised ones and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rssm.protocols import Statistics


class StackScaling(nn.Module):
    """Each feature to zero mean and unit variance (of the training data), in all frames alike."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Statistics) -> None:
        super().__init__()
        for name, values in (("mean", statistics.mean), ("std", statistics.std)):
            self.register_buffer(name, torch.tensor(values).unsqueeze(-1))

    def forward(self, stack: Tensor) -> Tensor:
        """(..., F, S) raw -> (..., F, S) normalised."""
        return (stack - self.mean) / self.std

    def undo(self, stack: Tensor) -> Tensor:
        """(..., F, S) normalised -> (..., F, S) raw."""
        return stack * self.std + self.mean
