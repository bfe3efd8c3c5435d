"""From the state to the full 56-D prediction.

Two decoders. ``residual`` predicts the newest frame as a change of the state's newest frame and shifts the older three,
so that the latent need not carry coordinates. ``direct`` predicts all 56 values from the latent state alone, as a plain
Dreamer does. Neither sees the absolute score: the predicted score is the state's own plus the predicted event.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from rssm import features as F
from rssm.config import ModelConfig
from rssm.networks import MLP, start_uniform
from rssm.predictions import ChangePrediction, DirectPrediction, DiscretePrediction, Support
from rssm.statistics import FeatureStatistics


class Prediction(Protocol):
    """A distribution over the next stack, whatever its likelihood."""

    def loss(self, target: Tensor) -> Tensor:
        """Reconstruction loss (...) of the true stack (..., 56), summed over features."""

    def mode(self) -> Tensor:
        """The likeliest stack (..., 56) in raw pixels."""

    def mean(self) -> Tensor:
        """The expected stack (..., 56) in raw pixels."""

    def sample(self) -> Tensor:
        """A stack (..., 56) in raw pixels, drawn at random where the likelihood is discrete, else the mean."""


class ResidualDecoder(nn.Module):
    """Newest frame = previous newest frame + learned change; see :mod:`rssm.predictions` for the likelihoods."""

    reads_frame = True
    std: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics, huber_beta: float) -> None:
        super().__init__()
        inputs = config.deter + config.stoch * config.classes + config.hidden
        self.likelihood = config.likelihood
        self.beta = huber_beta if config.likelihood == "huber" else None
        self.support = Support(statistics)
        self.register_buffer("std", torch.tensor(statistics.std), persistent=False)
        output = self.support.size + 2 * self.support.count if config.likelihood == "discrete" else F.NUM_FEATURES
        self.network = start_uniform(MLP(inputs, config.hidden, config.layers, output))

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor) -> Prediction:
        """Predict the stack that follows ``stack``.

        Args:
            latent: (..., D + S C), deter and stoch of the predicted step, joined.
            embedding: (..., H), the encoder's view of ``stack``.
            stack: (..., 56), the stack before the predicted step, raw pixels.
        """
        output = self.network(torch.cat([latent, embedding], -1))
        if self.likelihood == "discrete":
            return DiscretePrediction(self.support, output, stack)
        return ChangePrediction(output, stack, self.std, self.beta)


class DirectDecoder(nn.Module):
    """All four frames from the latent state, normalised, under a Huber or a squared loss."""

    reads_frame = False
    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics, huber_beta: float) -> None:
        super().__init__()
        self.beta = huber_beta if config.likelihood == "huber" else None
        self.register_buffer("mean", torch.tensor(statistics.mean), persistent=False)
        self.register_buffer("std", torch.tensor(statistics.std), persistent=False)
        self.network = MLP(config.deter + config.stoch * config.classes, config.hidden, config.layers, F.OBS_SIZE)

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor) -> Prediction:
        """As :meth:`ResidualDecoder.forward`; ``stack`` gives the scores alone and the embedding is not read."""
        return DirectPrediction(self.network(latent), stack, self.mean, self.std, self.beta)


def make_decoder(
    config: ModelConfig, statistics: FeatureStatistics, huber_beta: float
) -> ResidualDecoder | DirectDecoder:
    kind = ResidualDecoder if config.decoder == "residual" else DirectDecoder
    return kind(config, statistics, huber_beta)
