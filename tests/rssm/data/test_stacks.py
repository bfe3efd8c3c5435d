import torch

from rssm.data.frames import newest_frame, push_frame
from rssm.data.stacks import grid_to_stack, newest, shift_stack, stack_to_grid
from rssm.games.pong.features import FEATURE_NAMES


def test_shift_stack_does_what_push_frame_does():
    stack, frame = torch.randn(2, 3, 56), torch.randn(2, 3, len(FEATURE_NAMES))
    assert torch.equal(shift_stack(stack, frame), torch.from_numpy(push_frame(stack.numpy(), frame.numpy())))


def test_a_stack_interleaves_features_oldest_frame_first():
    stack = torch.arange(56.0).expand(3, 56)
    grid = stack_to_grid(stack)
    assert grid.shape == (3, 14, 4)
    assert grid[0, 2].tolist() == [8.0, 9.0, 10.0, 11.0]
    assert torch.equal(grid_to_stack(grid), stack)
    assert torch.equal(newest(stack), torch.from_numpy(newest_frame(stack.numpy())))
    assert torch.equal(newest(stack, ago=1), grid[..., 2])
