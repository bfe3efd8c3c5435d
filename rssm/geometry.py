"""Where things are relative to each other, and coordinates as waves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rssm import features as F

#: an approach is looked ahead by this many agent steps and this many pixels
_SOON, _NEAR = 4.0, 64.0
_FRAMES_PER_STEP = 4.0


class Fourier(nn.Module):
    """Sines and cosines (..., N 2 P) of N coordinates (..., N), at P periods of 2, 4, 8, … pixels.

    Tancik et al. 2020, "Fourier features let networks learn high frequency functions". Where the ball meets a paddle or
    a wall, one pixel decides, and a plain MLP is slow to learn functions that sharp.
    """

    frequencies: Tensor

    def __init__(self, periods: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2.0 * math.pi / 2.0 ** torch.arange(1, periods + 1), persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        angles = (coordinates.unsqueeze(-1) * self.frequencies).flatten(-2)
        return torch.cat([angles.sin(), angles.cos()], -1)


def contact(stack: Tensor, following: Tensor) -> Tensor:
    """When and where the ball meets the paddle ahead of it, if the ball goes on as it does.

    Args:
        stack: (..., 56), raw pixels.
        following: (..., 14), the next frame, of which only the paddles are read.

    Returns:
        (..., 2): console frames until the ball is in the paddle's column, and pixels from the paddle's top edge down to
        the ball's at that time; both clipped to what can matter soon.
    """
    frame, before = stack[..., F.STACK_SIZE - 1 :: F.STACK_SIZE], stack[..., F.STACK_SIZE - 2 :: F.STACK_SIZE]
    speed_x = frame[..., F.BALL_X] - before[..., F.BALL_X]
    speed_y = frame[..., F.BALL_Y] - before[..., F.BALL_Y]
    right = speed_x > 0
    column = torch.where(right, frame[..., F.PLAYER_X], frame[..., F.ENEMY_X])
    paddle = torch.where(right, frame[..., F.PLAYER_Y], frame[..., F.ENEMY_Y])
    moved = torch.where(right, following[..., F.PLAYER_Y], following[..., F.ENEMY_Y]) - paddle
    steps = ((column - frame[..., F.BALL_X]).abs() / speed_x.abs().clamp(min=1.0)).clamp(max=_SOON)
    offset = frame[..., F.BALL_Y] + steps * speed_y - paddle - steps.clamp(max=1.0) * moved
    return torch.stack([steps * _FRAMES_PER_STEP, offset.clamp(-_NEAR, _NEAR)], -1)
