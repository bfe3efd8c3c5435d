"""What actor and critic read."""

from __future__ import annotations

import torch
from torch import Tensor

from rssm.config import ModelConfig
from rssm.game import Game
from rssm.model.state import State
from rssm.model.world_model import WorldModel


def sight(model: WorldModel, state: State) -> Tensor:
    """Features (..., F) of state (...): the world model's own, and the encoder's view of the frame.

    The world model's own features hold the encoder's embedding, which is made for prediction. What an agent has to
    know, such as where the ball is to each paddle, has to be dug out of it again; one that is shown it learns several
    times faster.
    """
    embedding, view = model.encoder.see(state.frame)
    return joined(model.join_features(state.deter, state.stoch, embedding), view)


def joined(features: Tensor, view: Tensor) -> Tensor:
    """:func:`sight`, where the model's features (..., D + S C + H) and the view (..., V) are known."""
    return torch.cat([features, view], -1)


def sight_size(config: ModelConfig, game: Game) -> int:
    """F, the width of :func:`sight`."""
    return config.feature_size + game.view_size
