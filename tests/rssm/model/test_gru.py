import pytest
import torch
from torch import nn

from rssm.model.gru import gru


def _parts(dtype, batch=3, steps=6, inputs=5, size=4):
    torch.manual_seed(0)
    layer = nn.GRU(inputs, size, batch_first=True).to(dtype)
    x, initial = torch.randn(batch, steps, inputs, dtype=dtype), torch.randn(batch, size, dtype=dtype)
    return layer, x.requires_grad_(), initial.requires_grad_(), list(layer.all_weights[0])


@pytest.mark.parametrize("steps", [1, 6])
def test_every_gradient_is_that_of_finite_differences(steps):
    _, x, initial, weights = _parts(torch.float64, steps=steps)
    assert torch.autograd.gradcheck(lambda x, initial, *weights: gru(x, initial, list(weights)), (x, initial, *weights))


def test_states_and_gradients_are_torch_s():
    steps = 30
    layer, x, initial, weights = _parts(torch.float32, batch=8, steps=steps, inputs=20, size=16)
    states = gru(x, initial, weights)
    theirs = torch.cat([initial.unsqueeze(1), layer(x, initial.unsqueeze(0))[0]], 1)
    assert states.shape == (8, steps + 1, 16)
    assert torch.allclose(states, theirs, atol=1e-6)
    weight = torch.randn_like(states)
    leaves = [x, initial, *weights]
    for own, other in zip(
        torch.autograd.grad((states * weight).sum(), leaves),
        torch.autograd.grad((theirs * weight).sum(), leaves),
        strict=True,
    ):
        assert torch.allclose(own, other, atol=1e-5, rtol=1e-4)


def test_inputs_that_need_no_gradient_get_none():
    layer, x, initial, weights = _parts(torch.float32)
    gru(x.detach(), initial.detach(), weights)[:, 1:].square().sum().backward()
    assert x.grad is None
    assert initial.grad is None
    own = [weight.grad.clone() for weight in weights]
    layer.zero_grad()
    layer(x.detach(), initial.detach().unsqueeze(0))[0].square().sum().backward()
    for mine, weight in zip(own, weights, strict=True):
        assert torch.allclose(mine, weight.grad, atol=1e-5)
