"""Where things are relative to each other, and coordinates as waves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rssm.data.stacks import newest
from rssm.games.pong import features as F
from rssm.games.pong.statistics import FeatureStatistics

#: console frames per agent step, and pixels beyond which two things are simply far apart
_FRAMES, _NEAR = 4, 48.0


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


class Approach(nn.Module):
    """The ball as seen from the nearer paddle, in each console frame of the step that comes.

    An agent step is four console frames long, and the console looks for a hit in every one of them: where the ball
    flies next depends on the paddle's place *inside* the step, which no observation shows. The ball is taken to fly on
    as in the last step and the enemy's paddle to move evenly. Ours moves in every second frame; where it stands after
    the first of its two moves follows from the law fitted to the data (:class:`rssm.games.pong.paddle.PaddleLaw`).
    Whether it moves in the odd or in the even frames is the game's clock, which the recurrent state may know: both are
    given.

    Args:
        statistics: of the training data.
    """

    views = 2 * _FRAMES
    pull: Tensor

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.share = statistics.paddle.share
        self.low, self.high = statistics.low[F.PLAYER_Y], statistics.high[F.PLAYER_Y]
        self.register_buffer("pull", torch.tensor(statistics.paddle.pull), persistent=False)

    def forward(self, stack: Tensor, following: Tensor, action: Tensor) -> Tensor:
        """Offsets in the frames *before* each of the step's four, where the console looks for a hit.

        Args:
            stack: (..., 56), raw pixels.
            following: (..., 14), the next frame, of which only the paddles are read.
            action: (...) int64, taken in between.

        Returns:
            (..., 8, 2): the ball's column from the paddle's and its top edge from the paddle's, in each frame where the
            paddle moves in the odd frames, then where it moves in the even ones; in pixels, clipped to what can matter.
        """
        frame = newest(stack)
        change = frame - newest(stack, ago=1)
        passed = torch.arange(_FRAMES, device=stack.device) / _FRAMES
        columns = frame[..., F.PLAYER_X, None], frame[..., F.ENEMY_X, None]
        right = frame[..., F.BALL_X, None] > (columns[0] + columns[1]) / 2
        column = torch.where(right, *columns)
        across = frame[..., F.BALL_X, None] - column + passed * change[..., F.BALL_X, None]
        height = frame[..., F.BALL_Y, None] + passed * change[..., F.BALL_Y, None]

        begin, end = frame[..., F.PLAYER_Y], following[..., F.PLAYER_Y]
        between = (begin + self.share * (end - begin) + self.pull[action]).clamp(self.low, self.high)
        odd = torch.stack([begin, between, between, end], -1)
        even = torch.stack([begin, begin, between, between], -1)
        enemy = frame[..., F.ENEMY_Y, None] + passed * (following - frame)[..., F.ENEMY_Y, None]
        along = [height - torch.where(right, paddle, enemy) for paddle in (odd, even)]
        return torch.stack([torch.cat([across, across], -1), torch.cat(along, -1)], -1).clamp(-_NEAR, _NEAR)
