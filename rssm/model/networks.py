"""The feed-forward blocks that every part of the model is made of."""

from __future__ import annotations

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
