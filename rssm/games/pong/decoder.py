"""From the state to the full 56-D prediction.

Two decoders. ``residual`` predicts the newest frame as a change of the state's newest frame and shifts the older three,
so that the latent need not carry coordinates. ``direct`` predicts all 56 values from the latent state alone, as a plain
Dreamer does. Neither sees the absolute score: the predicted score is the state's own plus the predicted event.

``reads_frame`` says whether a decoder is shown the stack before, ``differentiable`` whether a gradient passes through
the mode of what it predicts.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.games.pong import features as F
from rssm.games.pong.approach import Approach
from rssm.games.pong.contact import Contact
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.categoricals import Categoricals
from rssm.model.likelihoods import ChangePrediction, DirectPrediction, DiscretePrediction
from rssm.model.networks import MLP, start_uniform
from rssm.model.support import Support


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

    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """A sample and its own loss (...), for less than both cost apart."""


#: decoded first; the ball is decoded given these
FIRST = (F.PLAYER_X, F.PLAYER_Y, F.ENEMY_X, F.ENEMY_Y, F.BALL_SPAWNED, F.SCORE_PLAYER, F.SCORE_ENEMY)
BALL = (F.BALL_X_DIRECTION, F.BALL_Y_DIRECTION, F.BALL_IN_BOUNDS, F.BALL_X, F.BALL_Y)


class DiscreteDecoder(nn.Module):
    """Newest frame = one outcome per feature, such as "three pixels up" or "on the serve point".

    The ball is decoded after the paddles and is told where they are going to be: where it bounces depends on where
    exactly the paddle stands while they meet, inside the step that is being predicted.
    """

    reads_frame, differentiable = True, False
    actions: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.register_buffer("actions", torch.eye(F.NUM_ACTIONS), persistent=False)
        self.both = Support(statistics, FIRST, BALL)
        self.first, self.ball = (Support(statistics, part, like=self.both) for part in (FIRST, BALL))
        self.min_p = config.min_p
        inputs = config.deter + config.stoch * config.classes + config.hidden + F.NUM_ACTIONS
        self.trunk = MLP(inputs, config.hidden, config.layers)
        self.first_head = start_uniform(MLP(config.hidden, config.hidden, 0, self.first.outputs))
        self.approach = Approach(statistics)
        self.contact = Contact(config.hidden, config.fourier)
        inputs = config.hidden + Contact.outputs + 1 + F.NUM_ACTIONS
        self.ball_head = start_uniform(MLP(inputs, config.head_hidden, 1, self.ball.outputs))

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """As :meth:`ResidualDecoder.forward`."""
        taken = nnf.embedding(action, self.actions)
        hidden = self.trunk(torch.cat([latent, embedding, taken], -1))

        def ball(frame: Tensor) -> Categoricals:
            contact = self.contact(hidden, self.approach(stack, frame, action))
            spawned = frame[..., F.BALL_SPAWNED, None]
            inputs = torch.cat([hidden, contact, spawned, taken], -1)
            return Categoricals(self.ball, self.ball_head(inputs), stack, self.min_p)

        first = Categoricals(self.first, self.first_head(hidden), stack, self.min_p)
        return DiscretePrediction(first, ball, self.both, stack)


class ResidualDecoder(nn.Module):
    """Newest frame = previous newest frame + learned change, under a Huber or a squared loss."""

    reads_frame, differentiable = True, True
    std: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics, huber_beta: float) -> None:
        super().__init__()
        inputs = config.deter + config.stoch * config.classes + config.hidden + F.NUM_ACTIONS
        self.beta = huber_beta if config.likelihood == "huber" else None
        self.register_buffer("std", torch.tensor(statistics.std), persistent=False)
        self.network = start_uniform(MLP(inputs, config.hidden, config.layers, F.NUM_FEATURES))

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """Predict the stack that follows ``stack``.

        Args:
            latent: (..., D + S C), deter and stoch of the predicted step, joined.
            embedding: (..., H), the encoder's view of ``stack``.
            stack: (..., 56), the stack before the predicted step, raw pixels.
            action: (...) int64, taken in that step.
        """
        taken = nnf.one_hot(action, F.NUM_ACTIONS).to(latent.dtype)
        change = self.network(torch.cat([latent, embedding, taken], -1))
        return ChangePrediction(change, stack, self.std, self.beta)


class DirectDecoder(nn.Module):
    """All four frames from the latent state, normalised, under a Huber or a squared loss."""

    reads_frame, differentiable = False, True
    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, statistics: FeatureStatistics, huber_beta: float) -> None:
        super().__init__()
        self.beta = huber_beta if config.likelihood == "huber" else None
        self.register_buffer("mean", torch.tensor(statistics.mean), persistent=False)
        self.register_buffer("std", torch.tensor(statistics.std), persistent=False)
        self.network = MLP(config.deter + config.stoch * config.classes, config.hidden, config.layers, F.OBS_SIZE)

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """As :meth:`ResidualDecoder.forward`; ``stack`` gives the scores alone, embedding and action are not read."""
        return DirectPrediction(self.network(latent), stack, self.mean, self.std, self.beta)


def make_decoder(
    config: ModelConfig, statistics: FeatureStatistics, huber_beta: float
) -> DiscreteDecoder | ResidualDecoder | DirectDecoder:
    """The decoder that the configuration names."""
    if config.decoder == "direct":
        return DirectDecoder(config, statistics, huber_beta)
    if config.likelihood == "discrete":
        return DiscreteDecoder(config, statistics)
    return ResidualDecoder(config, statistics, huber_beta)
