"""The notes' network: hidden layers with LayerNorm, GELU and residual connections."""

from __future__ import annotations

import itertools

from torch import Tensor, nn


class ResidualMLP(nn.Module):
    """(..., I) -> (..., O): ``layers`` hidden layers, each but the first added to what it was given."""

    def __init__(self, inputs: int, hidden: int, layers: int, outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *[hidden] * layers]
        self.hidden = nn.ModuleList(
            nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), nn.GELU())
            for before, after in itertools.pairwise(sizes)
        )
        self.output = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.hidden[0](x)
        for layer in self.hidden[1:]:
            x = x + layer(x)
        return self.output(x)
