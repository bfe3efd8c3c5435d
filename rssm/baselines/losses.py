"""The errors that the baselines are trained on."""

from __future__ import annotations

import torch
from torch import Tensor

#: keeps the gradient of the root of a variance finite where nothing varies
_LEAST = 1e-6


def step_errors(
    predicted: Tensor, target: Tensor, exists: Tensor, feature_weights: Tensor, whole_stack: bool
) -> Tensor:
    """The weighted squared error of each step of a rollout, averaged over rollouts and values.

    Args:
        predicted, target: (N, K, F, S), normalised.
        exists: (N, K), 0.0 where the target was never recorded.
        feature_weights: (F,), of the newest frame's features; older frames weigh 1.
        whole_stack: whether all values count, or the newest frame's alone (the others being copies).

    Returns:
        (K,).
    """
    square = (predicted - target).square()
    if whole_stack:
        weights = torch.ones_like(square[0, 0])
        weights[:, -1] = feature_weights
        weighted = (square * weights).flatten(-2)
    else:
        weighted = square[..., -1] * feature_weights
    return (weighted.mean(-1) * exists).sum(0) / exists.sum(0).clamp(min=1.0)


def variance_penalty(predicted: Tensor, target: Tensor, start: Tensor, exists: Tensor) -> Tensor:
    """How much less the predicted changes since the start vary over the batch than the real ones, where they do.

    Args:
        predicted, target: (N, K, F, S), normalised.
        start: (N, F, S), the stack that each rollout starts from.
        exists: (N, K), 0.0 where the target was never recorded.

    Returns:
        (), mean over steps and the newest frame's features of max(0, real deviation - predicted deviation).
    """
    before = start[..., -1].unsqueeze(1)
    whole = exists.bool().all(1)
    real, found = (
        ((stacks[..., -1][whole] - before[whole]).var(0, correction=0) + _LEAST).sqrt()
        for stacks in (target, predicted)
    )
    return (real - found).clamp(min=0.0).mean()
