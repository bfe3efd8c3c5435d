import math

import pytest
import torch

from rssm.model.distributions import (
    categorical_kl,
    mix_uniform,
    mode_one_hot,
    sample_one_hot,
    symexp,
    symlog,
    two_hot,
    two_hot_loss,
    two_hot_mean,
)


def test_symlog_at_known_values():
    x = torch.tensor([0.0, 1.0, -1.0, math.e - 1.0, 1.0 - math.e**3])
    assert torch.allclose(symlog(x), torch.tensor([0.0, math.log(2.0), -math.log(2.0), 1.0, -3.0]))


def test_symexp_inverts_symlog():
    x = torch.cat([torch.linspace(-21, 21, 101), torch.tensor([1e-6, -1e-6, 1e4, -1e4])]).double()
    assert torch.allclose(symexp(symlog(x)), x, rtol=1e-12, atol=0)
    assert torch.allclose(symlog(symexp(x[:101])), x[:101], rtol=1e-12, atol=0)


def test_a_uniform_mix_by_hand():
    logits = torch.tensor([math.log(3.0), 0.0, -torch.inf, 0.0])  # 3/5, 1/5, 0, 1/5
    probs = mix_uniform(logits, 0.2).exp()
    assert torch.allclose(probs, torch.tensor([0.8 * 0.6 + 0.05, 0.8 * 0.2 + 0.05, 0.05, 0.8 * 0.2 + 0.05]))
    assert torch.allclose(mix_uniform(logits, 0.0).exp(), torch.tensor([0.6, 0.2, 0.0, 0.2]))


def test_no_class_is_less_likely_than_its_share_of_the_mix():
    probs = mix_uniform(100.0 * torch.randn(50, 8), 0.01).exp()
    assert probs.min() >= 0.01 / 8 * (1 - 1e-5)
    assert torch.allclose(probs.sum(-1), torch.ones(50))


def test_kl_by_hand():
    p, q = torch.tensor([0.5, 0.5]).log(), torch.tensor([0.25, 0.75]).log()
    one = 0.5 * math.log(2.0) + 0.5 * math.log(2.0 / 3.0)
    other = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert categorical_kl(p[None], q[None]).item() == pytest.approx(one, abs=1e-6)
    assert categorical_kl(q[None], p[None]).item() == pytest.approx(other, abs=1e-6)
    # two latents: their sum; the leading shape stays
    both = categorical_kl(torch.stack([p, q]).expand(3, 2, 2), torch.stack([q, p]).expand(3, 2, 2))
    assert torch.allclose(both, torch.full((3,), one + other))
    assert categorical_kl(p[None], p[None]).item() == 0.0


def test_kl_agrees_with_torch():
    p, q = torch.log_softmax(torch.randn(5, 4, 6), -1), torch.log_softmax(torch.randn(5, 4, 6), -1)
    pairs = torch.distributions.Categorical(logits=p), torch.distributions.Categorical(logits=q)
    assert torch.allclose(categorical_kl(p, q), torch.distributions.kl_divergence(*pairs).sum(-1), atol=1e-6)


def test_samples_come_as_often_as_their_probability_says():
    torch.manual_seed(0)
    probs = torch.tensor([[0.5, 0.0, 0.3, 0.2], [0.01, 0.01, 0.01, 0.97]])
    count = 200_000
    samples = sample_one_hot(probs.log().expand(count, 2, 4))
    assert ((samples == 0) | (samples == 1)).all()
    assert (samples.sum(-1) == 1).all()
    deviation = (probs * (1 - probs) / count).sqrt()
    assert ((samples.mean(0) - probs).abs() <= 4 * deviation + 1e-6).all()
    # one latent's draw says nothing about the other's
    joint = (samples[:, 0, 0] * samples[:, 1, 3]).mean().item()
    assert joint == pytest.approx(0.5 * 0.97, abs=4 * math.sqrt(0.25 / count))


def test_the_mode_is_the_likeliest_class():
    log_probs = torch.tensor([[0.2, 0.7, 0.1], [0.4, 0.3, 0.3]]).log()
    assert mode_one_hot(log_probs).tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize("draw", [sample_one_hot, mode_one_hot])
def test_straight_through_gradients_are_those_of_the_probabilities(draw):
    torch.manual_seed(0)
    logits = torch.randn(6, 3, 4, requires_grad=True)
    weight = torch.randn(6, 3, 4)
    (through,) = torch.autograd.grad((draw(mix_uniform(logits, 0.01)) * weight).sum(), logits)
    (expected,) = torch.autograd.grad((mix_uniform(logits, 0.01).exp() * weight).sum(), logits)
    assert torch.allclose(through, expected, atol=1e-7)
    assert expected.abs().min() > 0


BINS = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("value", "weights"),
    [
        (0.25, [0, 0, 0.75, 0.25, 0]),
        (-1.9, [0.9, 0.1, 0, 0, 0]),
        (1.0, [0, 0, 0, 1, 0]),
        (0.0, [0, 0, 1, 0, 0]),
        (-2.0, [1, 0, 0, 0, 0]),
        (2.0, [0, 0, 0, 0, 1]),
        (7.0, [0, 0, 0, 0, 1]),
        (-7.0, [1, 0, 0, 0, 0]),
    ],
)
def test_two_hot_by_hand(value, weights):
    assert torch.allclose(two_hot(torch.tensor(value), BINS), torch.tensor(weights, dtype=torch.float32))


def test_two_hot_has_the_value_as_its_mean():
    x = torch.linspace(-2, 2, 77).reshape(7, 11)
    weights = two_hot(x, BINS)
    assert weights.shape == (7, 11, 5)
    assert torch.allclose(weights @ BINS, x, atol=1e-6)
    assert ((weights > 0).sum(-1) <= 2).all()


def test_two_hot_loss_by_hand():
    uniform = torch.zeros(5)
    assert two_hot_loss(uniform, torch.tensor(0.3), BINS).item() == pytest.approx(math.log(5.0))
    # the bins stand for 1 - e^2, 1 - e, 0, e - 1 and e^2 - 1; probabilities 1/8, 1/8, 1/4, 1/4, 1/4
    logits = torch.tensor([1.0, 1.0, 2.0, 2.0, 2.0]).log()
    assert two_hot_loss(logits, torch.tensor(math.e - 1), BINS).item() == pytest.approx(math.log(4.0), abs=1e-6)
    skewed = torch.tensor([1.0, 1.0, 1.0, 5.0, 2.0]).log()
    loss = 0.25 * math.log(10.0) + 0.75 * math.log(2.0)  # three quarters of the way from 0 to e - 1
    assert two_hot_loss(skewed, torch.tensor(0.75 * (math.e - 1)), BINS).item() == pytest.approx(loss, abs=1e-5)


def test_what_two_hot_loss_learns_has_the_value_as_its_mean():
    rewards = torch.tensor([-1.0, 0.0, 1.0, 1.0, 0.3])  # mean 0.26
    logits = torch.zeros(5, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        adam.zero_grad()
        two_hot_loss(logits.expand(5, 5), rewards, BINS).mean().backward()
        adam.step()
    assert two_hot_mean(logits, BINS).item() == pytest.approx(0.26, abs=0.01)


def test_two_hot_mean_by_hand():
    logits = torch.tensor([0.0, 0.0, 0.0, 3.0, 1.0]).log()
    expected = 0.75 * (math.e - 1) + 0.25 * (math.e**2 - 1)
    assert two_hot_mean(logits, BINS).item() == pytest.approx(expected, rel=1e-6)
    assert two_hot_mean(torch.zeros(3, 5), BINS).tolist() == pytest.approx([0, 0, 0], abs=1e-6)
