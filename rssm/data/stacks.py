"""Stacks of four frames as tensors: the torch twin of :mod:`rssm.games.pong.features`."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from rssm.games.pong.features import STACK_SIZE


def stack_to_grid(stack: Tensor) -> Tensor:
    """(..., 56) -> (..., 14, 4): feature by frame, oldest frame first."""
    return rearrange(stack, "... (feature frame) -> ... feature frame", frame=STACK_SIZE)


def grid_to_stack(grid: Tensor) -> Tensor:
    """(..., 14, 4) -> (..., 56)."""
    return rearrange(grid, "... feature frame -> ... (feature frame)")


def newest(stack: Tensor, ago: int = 0) -> Tensor:
    """The newest frame (..., 14) of a stack (..., 56), or the one ``ago`` steps before it."""
    return stack[..., STACK_SIZE - 1 - ago :: STACK_SIZE]


def shift_stack(stack: Tensor, frame: Tensor) -> Tensor:
    """Put frame (..., 14) in as the newest of the stack (..., 56); the oldest frame drops out."""
    return grid_to_stack(torch.cat([stack_to_grid(stack)[..., 1:], frame.unsqueeze(-1)], -1))
