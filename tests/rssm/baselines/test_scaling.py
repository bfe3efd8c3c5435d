import dataclasses

import torch

from rssm.baselines.scaling import StackScaling
from rssm.games.pong.features import BALL_X


def test_every_frame_of_a_feature_is_scaled_alike_and_back(pong_statistics):
    mean, std = [0.0] * 14, [1.0] * 14
    mean[BALL_X], std[BALL_X] = 80.0, 40.0
    scaling = StackScaling(dataclasses.replace(pong_statistics, mean=tuple(mean), std=tuple(std)))
    stack = torch.zeros(14, 4)
    stack[BALL_X] = torch.tensor([0.0, 40.0, 80.0, 160.0])
    scaled = scaling(stack)
    assert scaled[BALL_X].tolist() == [-2.0, -1.0, 0.0, 2.0]
    assert (scaled == 0).sum() == 53
    assert torch.equal(scaling.undo(scaled), stack)
