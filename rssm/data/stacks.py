"""Stacks (..., F, S) as tensors; see :mod:`rssm.data.frames`."""

from __future__ import annotations

import torch
from torch import Tensor


def shift_stack(stack: Tensor, frame: Tensor) -> Tensor:
    """Put frame (..., F) in as the newest of the stack (..., F, S); the oldest frame drops out."""
    return torch.cat([stack[..., 1:], frame.unsqueeze(-1)], -1)
