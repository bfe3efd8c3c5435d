"""Stacks of four frames as tensors: the torch twin of :mod:`rssm.data.frames`."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from rssm.game import STACK


def stack_to_grid(stack: Tensor) -> Tensor:
    """(..., F * 4) -> (..., F, 4): feature by frame, oldest frame first."""
    return rearrange(stack, "... (feature frame) -> ... feature frame", frame=STACK)


def grid_to_stack(grid: Tensor) -> Tensor:
    """(..., F, 4) -> (..., F * 4)."""
    return rearrange(grid, "... feature frame -> ... (feature frame)")


def newest(stack: Tensor, ago: int = 0) -> Tensor:
    """The newest frame (..., F) of a stack (..., F * 4), or the one ``ago`` steps before it."""
    return stack[..., STACK - 1 - ago :: STACK]


def shift_stack(stack: Tensor, frame: Tensor) -> Tensor:
    """Put frame (..., F) in as the newest of the stack (..., F * 4); the oldest frame drops out."""
    return grid_to_stack(torch.cat([stack_to_grid(stack)[..., 1:], frame.unsqueeze(-1)], -1))
