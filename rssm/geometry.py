"""Where things are relative to each other, and coordinates as waves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rssm import features as F
from rssm.stacks import newest

#: console frames per agent step, and pixels beyond which two things are simply far apart
_FRAMES, _NEAR = 4, 48.0
#: numbers that :func:`approach` gives
APPROACH = 2 * _FRAMES


class Fourier(nn.Module):
    """Sines and cosines (..., N 2 P) of N coordinates (..., N), at P periods that are powers of two.

    Tancik et al. 2020, "Fourier features let networks learn high frequency functions". Where the ball meets a paddle or
    a wall, one pixel decides, and a plain MLP is slow to learn functions that sharp.

    Args:
        shortest: exponent of the shortest period: 1 is 2 pixels.
        longest: exponent of the longest period; below ``shortest`` there are no waves at all.
    """

    frequencies: Tensor

    def __init__(self, shortest: int, longest: int) -> None:
        super().__init__()
        self.periods = max(0, longest - shortest + 1)
        periods = 2.0 ** (shortest + torch.arange(self.periods))
        self.register_buffer("frequencies", 2.0 * math.pi / periods, persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        angles = (coordinates.unsqueeze(-1) * self.frequencies).flatten(-2)
        return torch.cat([angles.sin(), angles.cos()], -1)


def approach(stack: Tensor, following: Tensor) -> Tensor:
    """The ball as seen from the paddle that it flies to, in each console frame of the step that comes.

    Agent steps are four console frames long, and the console looks for a hit in every one of them. Ball and paddle are
    taken to move evenly: the ball as in the last step, the paddle to where it ends this one.

    Args:
        stack: (..., 56), raw pixels.
        following: (..., 14), the next frame, of which only the paddles are read.

    Returns:
        (..., 8): the ball's column from the paddle's, and its top edge from the paddle's, in frames 1 to 4 each; in
        pixels, clipped to what can matter.
    """
    frame = newest(stack)
    change = frame - newest(stack, ago=1)
    right = change[..., F.BALL_X] > 0
    column = torch.where(right, frame[..., F.PLAYER_X], frame[..., F.ENEMY_X])
    paddle = torch.where(right, frame[..., F.PLAYER_Y], frame[..., F.ENEMY_Y])
    moved = torch.where(right, following[..., F.PLAYER_Y], following[..., F.ENEMY_Y]) - paddle
    share = torch.arange(1, _FRAMES + 1, device=stack.device) / _FRAMES
    across = (frame[..., F.BALL_X] - column).unsqueeze(-1) + share * change[..., F.BALL_X, None]
    along = (frame[..., F.BALL_Y] - paddle).unsqueeze(-1) + share * (change[..., F.BALL_Y] - moved).unsqueeze(-1)
    return torch.cat([across, along], -1).clamp(-_NEAR, _NEAR)
