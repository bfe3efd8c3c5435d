import dataclasses
import math

import pytest
import torch

from rssm.games.pong import features as F
from rssm.games.pong.approach import Approach
from rssm.games.pong.paddle import PaddleLaw
from rssm.model.networks import Fourier


def test_waves_by_hand():
    waves = Fourier(1, 3)(torch.tensor([1.0, 6.0]))  # periods of 2, 4 and 8 pixels
    half = math.sqrt(0.5)
    expected = [0, 1, half, 0, 0, -1, -1, 0, half, 1, -1, 0]  # both sines, then both cosines
    assert waves.tolist() == pytest.approx(expected, abs=1e-5)


def test_waves_keep_the_leading_shape_and_can_be_none():
    assert Fourier(1, 4)(torch.zeros(2, 3, 5)).shape == (2, 3, 5 * 2 * 4)
    assert Fourier(4, 0)(torch.zeros(2, 3, 5)).shape == (2, 3, 0)


NOOP, RIGHT, LEFT = 0, 2, 3
EVEN_MOTION = PaddleLaw(0.5, (0.0,) * 6)


def seen(statistics, law, ball, speed, following, action):
    """The offsets of a ball from our paddle (top edge 50) and the enemy's (80), as across, odd and even."""
    grid = torch.zeros(F.NUM_FEATURES, F.STACK_SIZE)
    grid[F.PLAYER_X], grid[F.ENEMY_X] = F.PLAYER_COLUMN, F.ENEMY_COLUMN
    grid[F.PLAYER_Y], grid[F.ENEMY_Y] = 50, 80
    for feature, place, change in zip((F.BALL_X, F.BALL_Y), ball, speed, strict=True):
        grid[feature] = place + torch.arange(-3.0, 1.0) * change
    frame = torch.full((F.NUM_FEATURES,), 7.0)  # only the paddles are read
    frame[F.PLAYER_Y], frame[F.ENEMY_Y] = following
    approach = Approach(dataclasses.replace(statistics, paddle=law))
    found = approach(grid, frame, torch.tensor(action))
    assert found.shape == (Approach.views, 2)
    (across, odd), (again, even) = (half.T.tolist() for half in found.chunk(2))
    assert across == again
    return [across, odd, even]


@pytest.mark.parametrize(
    ("ball", "speed", "following", "across", "odd", "even"),
    [
        # 30 pixels before our paddle, which stands still, or moves down by 8: by half of it in each of two frames
        ((110, 60), (20, 4), (50, 80), [-30, -25, -20, -15], [10, 11, 12, 13], [10, 11, 12, 13]),
        ((110, 60), (20, 4), (58, 80), [-30, -25, -20, -15], [10, 7, 8, 5], [10, 11, 8, 9]),
        # just sent back by our paddle: it can still touch the ball
        ((136, 60), (-8, 4), (50, 80), [-4, -6, -8, -10], [10, 11, 12, 13], [10, 11, 12, 13]),
        # 20 pixels before the enemy's, which moves up by 4, evenly; what our paddle does is of no matter
        ((36, 90), (-8, -2), (58, 76), [20, 18, 16, 14], [10, 10.5, 11, 11.5], [10, 10.5, 11, 11.5]),
        # farther than 48 pixels away is simply far away
        ((70, 150), (8, 4), (50, 80), [48] * 4, [48] * 4, [48] * 4),
    ],
)
def test_approach_by_hand(pong_statistics, ball, speed, following, across, odd, even):
    assert seen(pong_statistics, EVEN_MOTION, ball, speed, following, NOOP) == [across, odd, even]


def test_the_law_places_our_paddle_inside_the_step(pong_statistics):
    law = PaddleLaw(0.75, (0.0, 0.0, 4.0, -4.0, 4.0, -4.0))
    # half-way it has gone 0.75 * 8 + 4 = 10 of 8 pixels with RIGHT, 0.75 * 8 - 4 = 2 with LEFT
    _, odd, even = seen(pong_statistics, law, (110, 60), (20, 4), (58, 80), RIGHT)
    assert (odd, even) == ([10, 1, 2, 5], [10, 11, 2, 3])
    _, odd, even = seen(pong_statistics, law, (110, 60), (20, 4), (58, 80), LEFT)
    assert (odd, even) == ([10, 9, 10, 5], [10, 11, 10, 11])


def test_no_law_moves_the_paddle_off_its_way(pong_statistics):
    bounded = dataclasses.replace(pong_statistics, low=(45.0,) * 14, high=(55.0,) * 14)
    law = PaddleLaw(0.5, (0.0, 0.0, 90.0, -90.0, 0.0, 0.0))
    assert seen(bounded, law, (110, 60), (20, 0), (50, 80), RIGHT)[1] == [10, 5, 5, 10]
    assert seen(bounded, law, (110, 60), (20, 0), (50, 80), LEFT)[1] == [10, 15, 15, 10]
