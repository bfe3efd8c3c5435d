"""Pong's own decoder: the newest frame as one outcome per feature, under a discrete likelihood."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.games.pong import features as F
from rssm.games.pong.approach import Approach
from rssm.games.pong.contact import Contact
from rssm.games.pong.statistics import FeatureStatistics
from rssm.layout import Layout
from rssm.model.categoricals import Categoricals
from rssm.model.decoders import DirectDecoder, ResidualDecoder
from rssm.model.likelihoods import DiscretePrediction
from rssm.model.networks import MLP, start_uniform
from rssm.model.support import Support
from rssm.protocols import Decoder, Prediction

#: decoded first; the ball is decoded given these
FIRST = (F.PLAYER_X, F.PLAYER_Y, F.ENEMY_X, F.ENEMY_Y, F.BALL_SPAWNED, F.SCORE_PLAYER, F.SCORE_ENEMY)
BALL = (F.BALL_X_DIRECTION, F.BALL_Y_DIRECTION, F.BALL_IN_BOUNDS, F.BALL_X, F.BALL_Y)


class DiscreteDecoder(nn.Module):
    """Newest frame = one outcome per feature, such as "three pixels up" or "on the serve point".

    The ball is decoded after the paddles and is told where they are going to be: where it bounces depends on where
    exactly the paddle stands while they meet, inside the step that is being predicted.
    """

    reads_stack, differentiable = True, False
    actions: Tensor

    def __init__(self, config: ModelConfig, layout: Layout, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.counters = layout.counters
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
        """As :class:`rssm.protocols.Decoder` says."""
        taken = nnf.embedding(action, self.actions)
        hidden = self.trunk(torch.cat([latent, embedding, taken], -1))

        def ball(frame: Tensor) -> Categoricals:
            contact = self.contact(hidden, self.approach(stack, frame, action))
            spawned = frame[..., F.BALL_SPAWNED, None]
            inputs = torch.cat([hidden, contact, spawned, taken], -1)
            return Categoricals(self.ball, self.ball_head(inputs), stack, self.min_p)

        first = Categoricals(self.first, self.first_head(hidden), stack, self.min_p)
        return DiscretePrediction(first, ball, self.both, stack, self.counters)


def make_decoder(config: ModelConfig, layout: Layout, statistics: FeatureStatistics, huber_beta: float) -> Decoder:
    """The decoder that the configuration names."""
    beta = huber_beta if config.likelihood == "huber" else None
    if config.decoder == "direct":
        return DirectDecoder(config, layout, statistics.mean, statistics.std, beta)
    if config.likelihood == "discrete":
        return DiscreteDecoder(config, layout, statistics)
    return ResidualDecoder(config, layout, statistics.std, beta)
