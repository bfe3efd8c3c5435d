"""What actor and critic read, and states that were looked at once for all who read them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rssm.config import ModelConfig
from rssm.game import Game
from rssm.model.state import Embedded, State
from rssm.model.world_model import WorldModel


@dataclass(frozen=True)
class Seen(Embedded):
    """States whose stacks were looked at: what follows from a stack alone is made once and goes with it.

    Args:
        inputs: (..., F), what actor and critic read (see :func:`agent_inputs`).
    """

    inputs: Tensor

    @staticmethod
    def of(state: State, embedding: Tensor, view: Tensor) -> Seen:
        """States (...) with the encoder's embedding (..., E) and its view (..., V) of their stacks."""
        # the first three are the world model's own features
        parts = [state.deter, state.stoch.flatten(-2), embedding, view]
        return Seen(state.deter, state.stoch, state.stack, embedding, torch.cat(parts, -1))

    def followed_by(self, other: Seen) -> Seen:
        """These states (N,) and then others (M,): Seen (N + M,)."""
        pairs = ((getattr(self, part.name), getattr(other, part.name)) for part in fields(self))
        return Seen(*(torch.cat(pair) for pair in pairs))


def see(model: WorldModel, state: State, embedding: Tensor | None = None) -> Seen:
    """Look at the stacks of states (...).

    Args:
        model: the world model.
        state: the states.
        embedding: (..., E), of their stacks where it is known; None encodes them.
    """
    if embedding is None:
        return Seen.of(state, *model.encoder.see(state.stack))
    return Seen.of(state, embedding, model.encoder.view(state.stack))


def agent_inputs(model: WorldModel, state: State) -> Tensor:
    """Inputs (..., F) of state (...): the world model's features and the encoder's view of the stack.

    The world model's own features hold the encoder's embedding, which is made for prediction. What an agent has to
    know, such as where the ball is to each paddle, has to be dug out of it again; one that is shown it learns several
    times faster.
    """
    return state.inputs if isinstance(state, Seen) else see(model, state).inputs


def world_features(model: WorldModel, inputs: Tensor) -> Tensor:
    """The world model's own features (..., D + S C + E) in inputs (..., F); a view."""
    return inputs[..., : model.config.feature_size]


def inputs_size(config: ModelConfig, game: Game) -> int:
    """F, the width of :func:`agent_inputs`."""
    return config.feature_size + game.view_size
