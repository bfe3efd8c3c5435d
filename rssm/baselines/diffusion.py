"""A small conditional diffusion model of the next frame's change.

EDM (Karras et al. 2022): the network is preconditioned (table 1, with a data deviation of 1), trained over log-normal
noise levels (equation 5 and 8) and sampled by Euler steps along their noise schedule. The constants of training and the
few steps are those that DIAMOND (Alonso et al. 2024, appendix) found to do for a world model.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.baselines.config import NetworkConfig
from rssm.baselines.network import ResidualMLP
from rssm.data.stacks import shift_stack
from rssm.layout import Layout

#: mean and standard deviation of ln(noise level) in training
_LOG_NOISE = (-0.4, 1.2)
#: largest and least noise level, and the curvature of the schedule between them, in sampling
_MOST, _LEAST, _RHO = 5.0, 2e-3, 7.0


class Denoiser(nn.Module):
    """Predicts a frame's change from a noisy one, given the stack before and the action.

    Args:
        config: of the network.
        layout: of the game.
        change_std: (F,), standard deviation of the change of each normalised feature in one agent step.
    """

    change_std: Tensor
    memory_size = 0

    def __init__(self, config: NetworkConfig, layout: Layout, change_std: Tensor) -> None:
        super().__init__()
        self.config, self.num_actions = config, layout.num_actions
        self.register_buffer("change_std", change_std)
        inputs = layout.obs_size + layout.num_actions + layout.num_features + 1
        self.network = ResidualMLP(inputs, config.hidden, config.layers, layout.num_features)

    def denoise(self, noisy: Tensor, level: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """The change expected behind a noisy one.

        Args:
            noisy: (B, F), changes in their standard deviations plus noise.
            level: (B, 1), the noise's standard deviation.
            stack: (B, F, S), normalised.
            action: (B,) int64.
        """
        total = (1.0 + level.square()).rsqrt()
        seen = [
            stack.flatten(-2),
            nnf.one_hot(action, self.num_actions).to(stack.dtype),
            noisy * total,
            level.log() / 4.0,
        ]
        return noisy * total.square() + level * total * self.network(torch.cat(seen, -1))

    def loss(self, stack: Tensor, action: Tensor, target: Tensor) -> Tensor:
        """Denoising error (B,) at a random noise level, weighted to have the same size at each: (B, F, S) twice."""
        change = (target[..., -1] - stack[..., -1]) / self.change_std
        mean, deviation = _LOG_NOISE
        level = torch.exp(mean + deviation * torch.randn_like(change[..., :1]))
        found = self.denoise(change + level * torch.randn_like(change), level, stack, action)
        return ((1.0 + level.square()) / level.square() * (found - change).square()).mean(-1)

    def remember(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """It remembers nothing; see :class:`rssm.baselines.dynamics.StepModel`."""
        return memory

    def predict(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """One sampled next stack (B, F, S)."""
        change = _MOST * torch.randn_like(stack[..., -1])
        levels = noise_levels(self.config.denoising_steps).to(stack)
        for level, lower in itertools.pairwise(levels):
            clean = self.denoise(change, level.expand(len(stack), 1), stack, action)
            change = clean + lower / level * (change - clean)
        return shift_stack(stack, stack[..., -1] + change * self.change_std)


def noise_levels(steps: int) -> Tensor:
    """The levels (steps + 1,) from the most noise to none (EDM, equation 5)."""
    share = torch.linspace(0.0, 1.0, steps) if steps > 1 else torch.zeros(1)
    levels = (_MOST ** (1 / _RHO) + share * (_LEAST ** (1 / _RHO) - _MOST ** (1 / _RHO))) ** _RHO
    return torch.cat([levels, torch.zeros(1)])
