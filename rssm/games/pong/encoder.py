"""From the raw stack to the vector that the rest of the model reads."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.games.pong import features as F
from rssm.games.pong.statistics import SCORES, FeatureStatistics
from rssm.model.networks import MLP, Fourier

#: seen through Fourier features: positions that move, as slices of the features (a slice copies nothing), and the
#: ball's height over each paddle's top edge
_PADDLES, _BALL = slice(F.PLAYER_Y, F.ENEMY_Y + 1, F.ENEMY_Y - F.PLAYER_Y), slice(F.BALL_X, F.BALL_Y + 1)
_POSITIONS, _RELATIVE = 4, 2
#: pixels that count as one unit near an edge or in a change, and pixels beyond which neither counts
_FINE, _NEAR = 8.0, 24.0
#: the shortest wave, 2^4 pixels: from shorter ones the model learns single hits of the training games by heart
_SHORTEST = 4
#: widths of the parts of a :class:`Look`
COARSE = F.STACK_SIZE * (F.NUM_FEATURES - len(SCORES) + _RELATIVE)
FINE = _POSITIONS * (F.STACK_SIZE - 1) + 2
NEAR = _RELATIVE
#: width of what an agent sees beside the embedding
VIEW = COARSE + FINE + NEAR


class Normalizer(nn.Module):
    """Raw features to zero mean and unit variance; the absolute scores are left out (they do not move the game)."""

    mean: Tensor
    std: Tensor
    kept: Tensor

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(statistics.mean).unsqueeze(-1))
        self.register_buffer("std", torch.tensor(statistics.std).unsqueeze(-1))
        kept = [i for i in range(F.NUM_FEATURES) if i not in SCORES]
        self.register_buffer("kept", torch.tensor(kept), persistent=False)

    def forward(self, stack: Tensor) -> Tensor:
        """(..., 14, 4) raw -> (..., 48) normalised, without the scores."""
        return ((stack - self.mean) / self.std).index_select(-2, self.kept).flatten(-2)


class Look(NamedTuple):
    """A stack as the encoder's network is shown it, but for the waves; free of absolute scores.

    Args:
        coarse: (..., 56): normalised features, and the ball's height over each paddle in all four frames.
        fine: (..., 14), on a scale of pixels: the last changes, and the ball's way to either wall.
        near: (..., 2), on the same scale: the ball's height over each paddle in the newest frame.
        positions: (..., 24), raw pixels, what is seen as waves.
    """

    coarse: Tensor
    fine: Tensor
    near: Tensor
    positions: Tensor


class Encoder(nn.Module):
    """Stack (..., 14, 4) in raw pixels -> embedding (..., H).

    Beside the normalised features it sees every position as waves (:class:`rssm.model.networks.Fourier`) and, on
    a scale of pixels, what a single pixel can decide: the last changes, and how far the ball is from where it turns
    back.
    """

    bounds: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.normalizer = Normalizer(statistics)
        self.waves = Fourier(_SHORTEST, config.fourier)
        bounds = [statistics.low[F.BALL_Y], statistics.high[F.BALL_Y]]
        self.register_buffer("bounds", torch.tensor(bounds), persistent=False)
        waves = (_POSITIONS + _RELATIVE) * F.STACK_SIZE * 2 * self.waves.periods
        self.network = MLP(COARSE + waves + FINE, config.hidden, config.layers)

    def forward(self, stack: Tensor) -> Tensor:
        return self.embed(self.look(stack))

    def view(self, stack: Tensor) -> Tensor:
        """The geometry (..., V) of a stack, without the waves.

        With them an agent tells states apart that are the same to a player (docs/tries.md).
        """
        return _view(self.look(stack))

    def see(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (..., H) and the :meth:`view` (..., V) of a stack."""
        look = self.look(stack)
        return self.embed(look), _view(look)

    def look(self, stack: Tensor) -> Look:
        """What is to be seen in a stack (..., 14, 4)."""
        paddles, ball = stack[..., _PADDLES, :], stack[..., _BALL, :]
        relative = ball[..., 1:, :] - paddles
        positions = torch.cat([paddles, ball, relative], -2)
        moving = positions[..., :_POSITIONS, :]
        changes = moving[..., 1:] - moving[..., :-1]
        to_edge = (ball[..., 1, -1:] - self.bounds).abs()
        pixels = torch.cat([changes.flatten(-2), to_edge, relative[..., -1]], -1).clamp(-_NEAR, _NEAR) / _FINE
        return Look(
            coarse=torch.cat([self.normalizer(stack), (relative / 64.0).flatten(-2)], -1),
            fine=pixels[..., :FINE],
            near=pixels[..., FINE:],
            positions=positions.flatten(-2),
        )

    def embed(self, look: Look) -> Tensor:
        """The embedding (..., H) of what was seen."""
        return self.network(torch.cat([look.coarse, *self.waves.parts(look.positions), look.fine], -1))


def _view(look: Look) -> Tensor:
    return torch.cat([look.coarse, look.fine, look.near], -1)
