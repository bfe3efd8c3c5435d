"""Raw stacks to normalised ones and back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rssm.games.pong.features import STACK_SIZE
from rssm.games.pong.statistics import FeatureStatistics


class StackScaling(nn.Module):
    """Each feature to zero mean and unit variance (of the training data), in all four frames alike."""

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        for name, values in (("mean", statistics.mean), ("std", statistics.std)):
            self.register_buffer(name, torch.tensor(values).repeat_interleave(STACK_SIZE))

    def forward(self, stack: Tensor) -> Tensor:
        """(..., 56) raw -> (..., 56) normalised."""
        return (stack - self.mean) / self.std

    def undo(self, stack: Tensor) -> Tensor:
        """(..., 56) normalised -> (..., 56) raw."""
        return stack * self.std + self.mean
