import pytest
import torch
from torch import nn

from agents.learning.average import Average


@pytest.fixture
def network():
    return nn.Linear(5, 3)


def shift(network, by):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(by)


def test_it_begins_as_the_network_and_is_called_like_it(network):
    inputs = torch.randn(4, 5)
    average = Average(network, decay=0.9)
    assert torch.equal(average(inputs), network(inputs))
    shift(network, 1.0)
    assert not torch.equal(average(inputs), network(inputs))


def test_it_follows_by_its_decay_after_longer_steps_at_first(network):
    average, start = Average(network, decay=0.75), [p.clone() for p in network.parameters()]
    shift(network, 1.0)
    left = 1.0
    for update, step in enumerate((9 / 10, 9 / 11, 9 / 12)):
        average.follow(network, update)
        left *= 1.0 - step
    for mean, before in zip(average.network.parameters(), start, strict=True):
        assert torch.allclose(mean, before + 1.0 - left, atol=1e-6)
    assert average.updates == 3
    average.follow(network, 1_003)
    for mean, before in zip(average.network.parameters(), start, strict=True):
        assert torch.allclose(mean, before + 1.0 - 0.75 * left, atol=1e-6)


def test_without_decay_it_is_the_network(network):
    average = Average(network, decay=0.0)
    for update in range(30):
        shift(network, 1.0)
        average.follow(network, update)
    assert all(torch.equal(a, b) for a, b in zip(average.network.parameters(), network.parameters(), strict=True))


def test_nothing_trains_it(network):
    average = Average(network, decay=0.9)
    assert [p for p in average.parameters() if p.requires_grad] == []
    assert not average(torch.randn(2, 5)).requires_grad
