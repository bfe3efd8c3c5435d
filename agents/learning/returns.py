"""Lambda-returns, what they teach, and the range that they are normalised by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from agents.learning.config import ActorCriticConfig


@dataclass(frozen=True)
class Targets:
    """What N imagined trajectories of H steps teach; nothing here carries a gradient.

    Args:
        returns: (N, H), points, lambda-returns of the states before each action.
        value: (N, H), points, the estimate of them.
        weight: (N, H), discounted probability that the game still goes on there.
    """

    returns: Tensor
    value: Tensor
    weight: Tensor


def lambda_returns(reward: Tensor, continuation: Tensor, value: Tensor, discount: float, lam: float) -> Tensor:
    """DreamerV3's lambda-returns: R_t = r_t + gamma c_t ((1 - lambda) v_{t+1} + lambda R_{t+1}), R_H = v_H.

    Args:
        reward: (B, H), points, earned by the action of each step.
        continuation: (B, H), probability that the game goes on after that action.
        value: (B, H + 1), points, of each state, the one after the last action included.

    Returns:
        (B, H), points, for the states before each action.
    """
    result = value[:, -1]
    returns = []
    for t in reversed(range(reward.shape[1])):
        future = (1.0 - lam) * value[:, t + 1] + lam * result
        result = reward[:, t] + discount * continuation[:, t] * future
        returns.append(result)
    return torch.stack(returns[::-1], 1)


class ReturnNormalizer(nn.Module):
    """The range of the returns: moving averages of their 5 % and 95 % quantiles (DreamerV3, equation 7).

    The averages are corrected for their start at zero, so that the first range is the first batch's own.
    """

    low: Tensor
    high: Tensor
    share: Tensor

    def __init__(self, config: ActorCriticConfig) -> None:
        super().__init__()
        self.quantiles = (config.return_low, config.return_high)
        self.decay, self.floor = config.return_decay, config.return_floor
        for name in ("low", "high", "share"):  # share: what the averages have seen of an infinite past
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def update(self, returns: Tensor) -> None:
        """Take in returns of any shape, in points."""
        values = returns.flatten()
        levels = torch.tensor(self.quantiles, dtype=values.dtype, device=values.device)
        low, high = torch.quantile(values, levels)
        for average, now in ((self.low, low), (self.high, high), (self.share, torch.ones_like(low))):
            average.lerp_(now, 1.0 - self.decay)

    @property
    def scale(self) -> Tensor:
        """What advantages are divided by, in points: the range, but no less than the floor."""
        return ((self.high - self.low) / self.share.clamp(min=1e-8)).clamp(min=self.floor)
