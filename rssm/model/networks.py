"""The feed-forward blocks that every part of the model is made of."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """``layers`` hidden layers (linear, layer norm, SiLU) and, where ``output`` is given, a linear output layer.

    (..., I) -> (..., output) or (..., hidden).
    """

    def __init__(self, inputs: int, hidden: int, layers: int, output: int | None = None) -> None:
        super().__init__()
        self.has_output = output is not None
        blocks: list[nn.Module] = []
        for layer in range(layers):
            blocks += [nn.Linear(inputs if layer == 0 else hidden, hidden, bias=False), nn.LayerNorm(hidden), nn.SiLU()]
        if output is not None:
            blocks.append(nn.Linear(hidden, output))
        self.layers = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() <= 2:
            return self.layers(x)
        # as rows, once: else every layer does it, forwards and backwards
        flat: Tensor = self.layers(x.reshape(-1, x.shape[-1]))
        return flat.view(*x.shape[:-1], flat.shape[-1])


def start_uniform(head: MLP) -> MLP:
    """Zero a head's output layer, so that it starts at the uniform distribution (DreamerV3, appendix)."""
    output = head.layers[-1]
    assert isinstance(output, nn.Linear)
    nn.init.zeros_(output.weight)
    nn.init.zeros_(output.bias)
    return head


class Fourier(nn.Module):
    """Sines and cosines (..., N 2 P) of N coordinates (..., N), at P periods that are powers of two.

    Tancik et al. 2020, "Fourier features let networks learn high frequency functions". Where the ball meets a paddle or
    a wall, one pixel decides, and a plain MLP is slow to learn functions that sharp.

    Args:
        shortest: exponent of the shortest period: 1 is 2 pixels.
        longest: exponent of the longest period; below ``shortest`` there are no waves at all.
    """

    frequencies: Tensor

    def __init__(self, shortest: int, longest: int) -> None:
        super().__init__()
        self.periods = max(0, longest - shortest + 1)
        periods = 2.0 ** (shortest + torch.arange(self.periods))
        self.register_buffer("frequencies", 2.0 * math.pi / periods, persistent=False)

    def forward(self, coordinates: Tensor) -> Tensor:
        return torch.cat(self.parts(coordinates), -1)

    def parts(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """The sines and the cosines (..., N P) apart, for whoever joins them to something else."""
        angles = (coordinates.unsqueeze(-1) * self.frequencies).flatten(-2)
        return angles.sin(), angles.cos()
