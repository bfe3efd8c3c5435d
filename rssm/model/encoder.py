"""From the raw stack to the vector that the rest of the model reads, for any game."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.layout import Layout
from rssm.model.distributions import symlog
from rssm.model.networks import MLP


class SymlogEncoder(nn.Module):
    """Stack (..., F, S), raw units -> embedding (..., H): an MLP on normalised features on the symlog scale.

    The symlog (DreamerV3, equation 8) keeps what the statistics' data did not reach yet from being far too large.

    Args:
        config: of the model.
        layout: of the game.
        mean, std: F numbers each, of the raw features.
    """

    mean: Tensor
    std: Tensor
    seen: Tensor

    def __init__(self, config: ModelConfig, layout: Layout, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).unsqueeze(-1))
        self.register_buffer("std", torch.tensor(std).unsqueeze(-1))
        self.register_buffer("seen", torch.tensor(layout.seen), persistent=False)
        self.network = MLP(len(layout.seen) * layout.stack, config.hidden, config.layers)

    def forward(self, stack: Tensor) -> Tensor:
        return self.see(stack)[0]

    def view(self, stack: Tensor) -> Tensor:
        """The normalised stack on the symlog scale, without the totals."""
        return symlog(((stack - self.mean) / self.std).index_select(-2, self.seen)).flatten(-2)

    def see(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (..., H) and the :meth:`view` of a stack."""
        view = self.view(stack)
        return self.network(view), view
