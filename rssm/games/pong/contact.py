"""What a paddle does to the ball, console frame by console frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rssm.games.pong.approach import Approach
from rssm.model.networks import MLP, Fourier, start_uniform

#: pixels that count as one unit
_SCALE = 16.0
#: width of what is made of one view
_WIDTH = 24


class Contact(nn.Module):
    """Reads the views of :class:`rssm.games.pong.approach.Approach` with one network and picks the view that counts.

    A hundred thousand steps hold about a thousand hits, spread over four frames and two clocks. One network for all
    views learns each rule from every hit; attention (Bahdanau et al. 2015) then says in which frame ball and paddle
    meet, from the views themselves and from the state, which knows the clock.

    Args:
        hidden: width of the state's summary, H.
        fourier: exponent of the longest wave in pixels.
    """

    outputs = _WIDTH + Approach.views

    def __init__(self, hidden: int, fourier: int) -> None:
        super().__init__()
        self.waves = Fourier(1, fourier)
        self.read = MLP(2 * (1 + 2 * self.waves.periods), _WIDTH, 1, _WIDTH + 1)
        self.attend = start_uniform(MLP(hidden, hidden, 0, Approach.views))

    def forward(self, hidden: Tensor, views: Tensor) -> Tensor:
        """hidden (..., H), views (..., V, 2) in pixels -> the view that counts (..., W) and which it is (..., V)."""
        read = self.read(torch.cat([views / _SCALE, *self.waves.parts(views)], -1))
        which = torch.add(self.attend(hidden), read[..., -1], alpha=4.0).softmax(-1)
        return torch.cat([(which.unsqueeze(-1) * read[..., :-1]).sum(-2), which], -1)
