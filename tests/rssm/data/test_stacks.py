import torch

from rssm.data.frames import push_frame
from rssm.data.stacks import shift_stack


def test_shift_stack_does_what_push_frame_does():
    stack, frame = torch.randn(2, 3, 14, 4), torch.randn(2, 3, 14)
    assert torch.equal(shift_stack(stack, frame), torch.from_numpy(push_frame(stack.numpy(), frame.numpy())))
