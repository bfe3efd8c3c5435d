"""From the raw stack to the vector that the rest of the model reads, for any game."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.layout import Layout
from rssm.model.distributions import symlog
from rssm.model.networks import MLP, Fourier

#: the shortest wave is 2^4 usual changes long
_SHORTEST = 4


class SymlogEncoder(nn.Module):
    """Stack (..., F, S), raw units -> embedding (..., H): an MLP on normalised features (symlog) and on waves.

    The symlog (DreamerV3, equation 8) keeps what the statistics' data did not reach yet from being far too large. There
    it makes neighbours alike, and it is there that games end: the waves (:class:`rssm.model.networks.Fourier`) tell
    them apart at any distance. Their unit is what a feature usually changes by in a step.

    Args:
        config: of the model.
        layout: of the game.
        mean, std, change: F numbers each, of the raw features and of their changes.
    """

    mean: Tensor
    std: Tensor
    change: Tensor
    seen: Tensor

    def __init__(
        self,
        config: ModelConfig,
        layout: Layout,
        mean: Sequence[float],
        std: Sequence[float],
        change: Sequence[float],
    ) -> None:
        super().__init__()
        for name, numbers in {"mean": mean, "std": std, "change": change}.items():
            self.register_buffer(name, torch.tensor(numbers).unsqueeze(-1))
        self.register_buffer("seen", torch.tensor(layout.seen), persistent=False)
        self.waves = Fourier(_SHORTEST, config.fourier)
        shown = len(layout.seen) * layout.stack
        self.network = MLP(shown * (1 + 2 * self.waves.periods), config.hidden, config.layers)

    def forward(self, stack: Tensor) -> Tensor:
        return self.see(stack)[0]

    def view(self, stack: Tensor) -> Tensor:
        """The normalised stack on the symlog scale, without the totals and without the waves."""
        return symlog(((stack - self.mean) / self.std).index_select(-2, self.seen)).flatten(-2)

    def see(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (..., H) and the :meth:`view` of a stack."""
        view = self.view(stack)
        steps = ((stack - self.mean) / self.change).index_select(-2, self.seen).flatten(-2)
        return self.network(torch.cat([view, *self.waves.parts(steps)], -1)), view
