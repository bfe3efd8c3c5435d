import pytest
import torch
from torch import nn

from rssm.baselines.config import NetworkConfig
from rssm.baselines.dynamics import Dynamics, observe
from rssm.games.pong.game import PONG


def make(**settings) -> Dynamics:
    torch.manual_seed(0)
    return Dynamics(NetworkConfig(scale=1, layers=1, **settings), PONG.layout)


@pytest.mark.parametrize(("output", "parameters"), [("change", 831_502), ("stack", 853_048)])
def test_the_network_of_the_notes_has_their_number_of_parameters(output, parameters):
    model = Dynamics(NetworkConfig(output=output), PONG.layout)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize("output", ["stack", "change", "frame"])
def test_what_the_output_means(output):
    model = make(output=output, residual_weight=0.25)
    nn.init.zeros_(model.network.output.weight)
    nn.init.constant_(model.network.output.bias, 2.0)
    stack = torch.randn(3, 14, 4)
    predicted = model.predict(torch.empty(3, 0), stack, torch.tensor([0, 3, 5]))
    if output == "stack":
        assert torch.allclose(predicted, stack + 0.5)
    else:
        assert torch.equal(predicted[..., :3], stack[..., 1:])
        assert torch.allclose(
            predicted[..., -1], stack[..., -1] + 2.0 if output == "change" else torch.full((3, 14), 2.0)
        )


def test_the_action_matters():
    model, stack = make(), torch.randn(1, 14, 4).repeat(6, 1, 1)
    assert len(model.predict(torch.empty(6, 0), stack, torch.arange(6)).unique(dim=0)) == 6


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_the_memory_is_that_of_torchs_recurrent_layer(kind):
    model = make(kind=kind)
    stacks, actions = torch.randn(2, 5, 14, 4), torch.randint(6, (2, 5))
    layer = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](62, 256, batch_first=True)
    layer.load_state_dict({f"{name}_l0": weights for name, weights in model.cell.state_dict().items()})
    expected, last = layer(torch.cat([stacks.flatten(-2), nn.functional.one_hot(actions, 6).float()], -1))
    memories = observe(model, torch.zeros(2, model.memory_size), stacks, actions)
    assert torch.allclose(memories[..., :256], expected, atol=1e-6)
    if kind == "lstm":
        assert torch.allclose(memories[:, -1, 256:], last[1][0], atol=1e-6)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_what_was_seen_before_matters_to_a_network_with_a_memory(kind):
    model = make(kind=kind)
    stack, action = torch.randn(1, 14, 4), torch.zeros(1, dtype=torch.int64)
    memories = [observe(model, torch.zeros(1, model.memory_size), torch.randn(1, 3, 14, 4), action[None].repeat(1, 3))]
    memories.append(torch.zeros(1, 1, model.memory_size))
    first, second = (model.predict(memory[:, -1], stack, action) for memory in memories)
    assert not torch.allclose(first, second)


def test_a_network_without_a_memory_remembers_nothing():
    model = make()
    assert observe(model, torch.empty(2, 0), torch.randn(2, 5, 14, 4), torch.zeros(2, 5)).shape == (2, 5, 0)
