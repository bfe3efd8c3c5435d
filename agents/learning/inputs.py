"""What actor and critic read."""

from __future__ import annotations

import torch
from torch import Tensor

from rssm.config import ModelConfig
from rssm.games.pong.encoder import COARSE, FINE, NEAR, Look
from rssm.model.state import State
from rssm.model.world_model import WorldModel


def sight(model: WorldModel, state: State) -> Tensor:
    """Features (..., F) of state (...): the world model's own and the frame's geometry; nothing of the absolute scores.

    The world model's own features hold the encoder's embedding, which is made for prediction. Where the ball is to each
    paddle has to be dug out of it again; an agent that is shown the geometry itself learns several times faster. The
    encoder's waves are left out: with them, states are told apart that are the same to a player (docs/tries.md).
    """
    look = model.encoder.look(state.frame)
    return joined(model.join_features(state.deter, state.stoch, model.encoder.embed(look)), look)


def joined(features: Tensor, look: Look) -> Tensor:
    """:func:`sight`, where the model's features (..., D + S C + H) are known and the frame was looked at already."""
    return torch.cat([features, look.coarse, look.fine, look.near], -1)


def sight_size(config: ModelConfig) -> int:
    """F, the width of :func:`sight`."""
    return config.feature_size + COARSE + FINE + NEAR
