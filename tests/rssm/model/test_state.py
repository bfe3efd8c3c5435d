import dataclasses

import pytest
import torch

from rssm.model.state import State


@pytest.fixture
def state():
    return State(torch.randn(2, 5, 7), torch.randn(2, 5, 3, 4), torch.randn(2, 5, 14, 4))


def test_shape_is_the_leading_one(state):
    assert state.shape == (2, 5)
    assert state[:, 0].shape == (2,)


def test_indexing_takes_the_same_entries_of_every_part(state):
    picked = state[torch.tensor([1, 0, 1]), torch.tensor([4, 2, 0])]
    assert torch.equal(picked.deter[0], state.deter[1, 4])
    assert torch.equal(picked.stoch[1], state.stoch[0, 2])
    assert torch.equal(picked.stack[2], state.stack[1, 0])


def test_stack_undoes_indexing(state):
    steps = [state[:, t] for t in range(5)]
    again = State.join(steps, 1)
    for part in dataclasses.fields(State):
        assert torch.equal(getattr(again, part.name), getattr(state, part.name))


def test_cat_undoes_splitting(state):
    again = State.cat([state[:1], state[1:]])
    for part in dataclasses.fields(State):
        assert torch.equal(getattr(again, part.name), getattr(state, part.name))


def test_detach_cuts_every_part_and_keeps_the_values():
    leaf = torch.ones(3, requires_grad=True)
    state = State(leaf * 2, leaf * 3, leaf * 4)
    cut = state.detach()
    assert not any(part.requires_grad for part in (cut.deter, cut.stoch, cut.stack))
    assert cut.stoch.tolist() == [3, 3, 3]
    assert state.deter.requires_grad


def test_to_moves_every_part(state):
    moved = state.to("meta")
    assert {moved.deter.device.type, moved.stoch.device.type, moved.stack.device.type} == {"meta"}
    assert moved.shape == state.shape
