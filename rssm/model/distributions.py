"""Categorical latents, two-hot regression and the symlog scale.

Straight-through categoricals and the uniform mix: DreamerV2 (Hafner et al. 2021, section 2.2) and DreamerV3
(Hafner et al. 2023). Symlog and two-hot: DreamerV3, equations 8 to 10.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from rssm.noise import uniform


def symlog(x: Tensor) -> Tensor:
    """sign(x) ln(|x| + 1)."""
    return torch.sign(x) * torch.log1p(x.abs())


def symexp(x: Tensor) -> Tensor:
    """The inverse of :func:`symlog`."""
    return torch.sign(x) * torch.expm1(x.abs())


def mix_uniform(logits: Tensor, share: float) -> Tensor:
    """Log-probabilities (..., C) of ``(1 - share) softmax(logits) + share / C``.

    The mix keeps every KL finite and every class reachable.
    """
    if share == 0.0:
        return F.log_softmax(logits, -1)
    mixed: Tensor = _MixUniform.apply(logits, share)
    return mixed


class _MixUniform(torch.autograd.Function):
    """On a CPU torch's softmax takes its rows one by one: over a few classes it costs five times what this does."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, share: float) -> Tensor:
        probs = (logits - logits.amax(-1, keepdim=True)).exp_()
        probs /= probs.sum(-1, keepdim=True)
        mixed = (probs * (1.0 - share)).add_(share / logits.shape[-1])
        ctx.save_for_backward(probs, mixed)
        ctx.share = share
        return mixed.log()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        probs, mixed = ctx.saved_tensors
        weighted = (grad * probs).div_(mixed)
        return torch.addcmul(weighted, probs, weighted.sum(-1, keepdim=True), value=-1.0).mul_(1.0 - ctx.share), None


def sample_one_hot(log_probs: Tensor) -> Tensor:
    """One-hot samples (..., C) of categoricals (..., C), with straight-through gradients to the probabilities.

    One uniform number per categorical, held against the cumulative probabilities: far cheaper than Gumbel noise.
    """
    one_hot: Tensor = _OneHot.apply(log_probs, True)
    return one_hot


def mode_one_hot(log_probs: Tensor) -> Tensor:
    """The likeliest classes as one-hot (..., C), with straight-through gradients to the probabilities."""
    one_hot: Tensor = _OneHot.apply(log_probs, False)
    return one_hot


class _OneHot(torch.autograd.Function):
    """Backwards it is the probabilities."""

    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, sample: bool) -> Tensor:
        probs = log_probs.exp()
        ctx.save_for_backward(probs)
        if sample:
            drawn = uniform((*probs.shape[:-1], 1), probs)
            index = torch.searchsorted(probs.cumsum(-1), drawn).clamp_(max=probs.shape[-1] - 1)
        else:
            index = probs.argmax(-1, keepdim=True)
        eye = torch.eye(probs.shape[-1], device=probs.device, dtype=probs.dtype)
        return F.embedding(index.squeeze(-1), eye)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (probs,) = ctx.saved_tensors
        return grad * probs, None


def categorical_kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) in nats, summed over the latents: (..., S, C), (..., S, C) -> (...)."""
    return (log_p.exp() * (log_p - log_q)).sum((-1, -2))


def two_hot(x: Tensor, bins: Tensor) -> Tensor:
    """Weights (..., K) on sorted bins (K,) whose mean is x (...): all on the two neighbours of x.

    Values beyond the outermost bins are clipped to them.
    """
    x = x.clamp(bins[0], bins[-1]).unsqueeze(-1)
    above = torch.searchsorted(bins, x.contiguous()).clamp(1, len(bins) - 1)
    low, high = bins[above - 1], bins[above]
    weight = (x - low) / (high - low)
    target = torch.zeros((*x.shape[:-1], len(bins)), device=x.device, dtype=x.dtype)
    return target.scatter(-1, above - 1, 1.0 - weight).scatter(-1, above, weight)


def two_hot_loss(logits: Tensor, x: Tensor, bins: Tensor) -> Tensor:
    """Cross-entropy (...) in nats between logits (..., K) over symlog bins (K,) and the two-hot weights of x (...).

    The weights are taken on symexp(bins), so that :func:`two_hot_mean` of what is learnt is the mean of x exactly.
    """
    return -(two_hot(x, symexp(bins)) * F.log_softmax(logits, -1)).sum(-1)


def two_hot_mean(logits: Tensor, bins: Tensor) -> Tensor:
    """The value (...) that logits (..., K) over symlog bins stand for: the mean of symexp(bins)."""
    return (torch.softmax(logits, -1) * symexp(bins)).sum(-1)
