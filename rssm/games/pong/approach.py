"""Where things are relative to each other."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.games.pong import features as F
from rssm.games.pong.statistics import FeatureStatistics

#: our paddle's place and the enemy's in a frame
_COLUMNS = slice(F.PLAYER_X, F.ENEMY_X + 1, F.ENEMY_X - F.PLAYER_X)
_HEIGHTS = slice(F.PLAYER_Y, F.ENEMY_Y + 1, F.ENEMY_Y - F.PLAYER_Y)
#: console frames per agent step, and pixels beyond which two things are simply far apart
_FRAMES, _NEAR = 4, 48.0


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
    passed: Tensor  # (8, 1), the share of the step that has passed before the frame of each view
    way: Tensor  # (8, 2), the share of our paddle's way and of the enemy's that lies behind it then
    pulls: Tensor  # (6, 16), pixels that the joystick adds to it by then
    low: Tensor  # (8, 2), bounds on where the law may place our paddle
    high: Tensor  # (8, 2)

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        law = statistics.paddle
        passed = (torch.arange(_FRAMES) / _FRAMES).repeat(2)
        moves = torch.tensor([0, 1, 1, 2, 0, 0, 1, 1])  # of ours by then: after one of two, the law says where it is
        inside = torch.stack([moves == 1, torch.zeros(self.views, dtype=torch.bool)], -1)
        tables = {
            "passed": passed.unsqueeze(-1),
            "way": torch.stack([torch.tensor([0.0, law.share, 1.0])[moves], passed], -1),
            "pulls": (torch.tensor(law.pull)[:, None, None] * inside).flatten(1),
            "low": torch.where(inside, statistics.low[F.PLAYER_Y], -torch.inf),
            "high": torch.where(inside, statistics.high[F.PLAYER_Y], torch.inf),
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, stack: Tensor, following: Tensor, action: Tensor) -> Tensor:
        """Offsets in the frames *before* each of the step's four, where the console looks for a hit.

        Args:
            stack: (..., 14, 4), raw pixels.
            following: (..., 14), the next frame, of which only the paddles are read.
            action: (...) int64, taken in between.

        Returns:
            (..., 8, 2): the ball's column from the paddle's and its top edge from the paddle's, in each frame where the
            paddle moves in the odd frames, then where it moves in the even ones; in pixels, clipped to what can matter.
        """
        frame, earlier = stack[..., -1], stack[..., -2]
        ball = frame[..., None, F.BALL_X : F.BALL_Y + 1]
        flight = torch.addcmul(ball, self.passed, ball - earlier[..., None, F.BALL_X : F.BALL_Y + 1])  # (..., 8, 2)
        columns, (begin, end) = frame[..., _COLUMNS], (part[..., None, _HEIGHTS] for part in (frame, following))
        pulled = nnf.embedding(action, self.pulls).unflatten(-1, (self.views, 2))
        heights = (torch.lerp(begin, end, self.way) + pulled).clamp(self.low, self.high)  # (..., 8, 2), ours and theirs
        both = torch.stack([columns.unsqueeze(-2).expand_as(heights), heights], -1)
        ours = (ball[..., 0] - columns).sum(-1, keepdim=True).unsqueeze(-1) > 0.0  # the nearer
        paddle = torch.where(ours, both[..., 0, :], both[..., 1, :])
        return (flight - paddle).clamp(-_NEAR, _NEAR)
