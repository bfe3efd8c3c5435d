"""Where things are relative to each other, and coordinates as waves."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rssm import features as F
from rssm.stacks import newest
from rssm.statistics import FeatureStatistics

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
        return torch.cat(self.parts(coordinates), -1)

    def parts(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """The sines and the cosines (..., N P) apart, for whoever joins them to something else."""
        angles = (coordinates.unsqueeze(-1) * self.frequencies).flatten(-2)
        return angles.sin(), angles.cos()


class Approach(nn.Module):
    """The ball as seen from the nearer paddle, in each console frame of the step that comes.

    An agent step is four console frames long, and the console looks for a hit in every one of them: where the ball
    flies next depends on the paddle's place *inside* the step, which no observation shows. The ball is taken to fly on
    as in the last step and the enemy's paddle to move evenly. Ours moves in every second frame; where it stands after
    the first of its two moves follows from the law fitted to the data (:class:`rssm.paddle.PaddleLaw`). Whether it
    moves in the odd or in the even frames is the game's clock, which the recurrent state may know: both are given.

    Args:
        statistics: of the training data.
    """

    views = 2 * _FRAMES
    pull: Tensor
    passed: Tensor
    order: Tensor

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.share = statistics.paddle.share
        self.low, self.high = statistics.low[F.PLAYER_Y], statistics.high[F.PLAYER_Y]
        # the share of the step that has passed before each frame; where our paddle stands then: 0 at the step's begin,
        # 1 after its first move, 2 at the end
        tables = {
            "pull": torch.tensor(statistics.paddle.pull),
            "passed": torch.arange(_FRAMES) / _FRAMES,
            "order": torch.tensor([0, 1, 1, 2] + [0, 0, 1, 1]),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

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
        ball = frame[..., F.BALL_X : F.BALL_Y + 1]
        change = ball - newest(stack, ago=1)[..., F.BALL_X : F.BALL_Y + 1]
        flight = torch.addcmul(ball.unsqueeze(-2), self.passed.unsqueeze(-1), change.unsqueeze(-2))  # (..., 4, 2)

        begin, end = frame[..., F.PLAYER_Y], following[..., F.PLAYER_Y]
        between = (torch.lerp(begin, end, self.share) + self.pull.take(action)).clamp(self.low, self.high)
        ours = torch.stack([begin, between, end], -1).index_select(-1, self.order).unflatten(-1, (2, _FRAMES))
        theirs = torch.lerp(frame[..., F.ENEMY_Y, None], following[..., F.ENEMY_Y, None], self.passed).unsqueeze(-2)
        columns = frame[..., F.PLAYER_X], frame[..., F.ENEMY_X]
        right = 2.0 * frame[..., F.BALL_X] > columns[0] + columns[1]
        column = torch.where(right, *columns)[..., None, None].expand_as(ours)
        paddle = torch.stack([column, torch.where(right[..., None, None], ours, theirs)], -1)  # (..., 2, 4, 2)
        return (flight.unsqueeze(-3) - paddle).flatten(-3, -2).clamp(-_NEAR, _NEAR)
