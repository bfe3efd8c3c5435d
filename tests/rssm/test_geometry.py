import math

import pytest
import torch

from rssm import features as F
from rssm.geometry import APPROACH, Fourier, approach


def test_waves_by_hand():
    waves = Fourier(1, 3)(torch.tensor([1.0, 6.0]))  # periods of 2, 4 and 8 pixels
    half = math.sqrt(0.5)
    expected = [0, 1, half, 0, 0, -1, -1, 0, half, 1, -1, 0]  # both sines, then both cosines
    assert waves.tolist() == pytest.approx(expected, abs=1e-5)


def test_waves_keep_the_leading_shape_and_can_be_none():
    assert Fourier(1, 4)(torch.zeros(2, 3, 5)).shape == (2, 3, 5 * 2 * 4)
    assert Fourier(4, 0)(torch.zeros(2, 3, 5)).shape == (2, 3, 0)


@pytest.mark.parametrize(
    ("ball", "speed", "following", "across", "along"),
    [
        # 30 pixels before our paddle (top edge 50), which stands still or moves down by 8
        ((110, 60), (20, 4), (50, 80), [-25, -20, -15, -10], [11, 12, 13, 14]),
        ((110, 60), (20, 4), (58, 80), [-25, -20, -15, -10], [9, 8, 7, 6]),
        # 20 pixels before the enemy's (top edge 80), which moves up by 4; what our paddle does is of no matter
        ((36, 90), (-8, -2), (10, 76), [18, 16, 14, 12], [10.5, 11, 11.5, 12]),
        # farther than 48 pixels away is simply far away
        ((70, 150), (8, 4), (50, 80), [-48] * 4, [48] * 4),
    ],
)
def test_approach_by_hand(ball, speed, following, across, along):
    grid = torch.zeros(F.NUM_FEATURES, F.STACK_SIZE)
    grid[F.PLAYER_X], grid[F.ENEMY_X] = F.PLAYER_COLUMN, F.ENEMY_COLUMN
    grid[F.PLAYER_Y], grid[F.ENEMY_Y] = 50, 80
    for feature, place, change in zip((F.BALL_X, F.BALL_Y), ball, speed, strict=True):
        grid[feature] = place + torch.arange(-3.0, 1.0) * change
    frame = torch.full((F.NUM_FEATURES,), 7.0)  # only the paddles are read
    frame[F.PLAYER_Y], frame[F.ENEMY_Y] = following
    found = approach(grid.flatten(), frame)
    assert found.tolist() == pytest.approx([*across, *along])
    assert len(found) == APPROACH
