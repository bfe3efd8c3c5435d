"""What actor and critic read, and states that were looked at once for all who read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from rssm.config import ModelConfig
from rssm.games.pong.encoder import COARSE, FINE, NEAR, Look
from rssm.model.state import State
from rssm.model.world_model import WorldModel


@dataclass(frozen=True)
class Seen(State):
    """States whose stacks were looked at: what follows from a stack alone is made once and goes with it.

    Args:
        embedding: (..., E), the encoder's embedding of the stack.
        inputs: (..., F), what actor and critic read (see :func:`agent_inputs`).
    """

    embedding: Tensor
    inputs: Tensor

    @staticmethod
    def of(state: State, look: Look, embedding: Tensor) -> Seen:
        """States (...) with what their stacks look like and the embedding (..., E) that was made of it."""
        # the first three are the world model's own features
        parts = [state.deter, state.stoch.flatten(-2), embedding, look.coarse, look.fine, look.near]
        return Seen(state.deter, state.stoch, state.frame, embedding, torch.cat(parts, -1))

    def map(self, function: Callable[[Tensor], Tensor]) -> Seen:
        return Seen(*(function(getattr(self, part.name)) for part in fields(self)))

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
    look = model.encoder.look(state.frame)
    return Seen.of(state, look, model.encoder.embed(look) if embedding is None else embedding)


def agent_inputs(model: WorldModel, state: State) -> Tensor:
    """Inputs (..., F) of state (...): the world model's features and the stack's geometry; no absolute scores.

    The world model's own features hold the encoder's embedding, which is made for prediction. Where the ball is to each
    paddle has to be dug out of it again; an agent that is shown the geometry itself learns several times faster. The
    encoder's waves are left out: with them, states are told apart that are the same to a player (docs/tries.md).
    """
    return state.inputs if isinstance(state, Seen) else see(model, state).inputs


def world_features(model: WorldModel, inputs: Tensor) -> Tensor:
    """The world model's own features (..., D + S C + E) in inputs (..., F); a view."""
    return inputs[..., : model.config.feature_size]


def inputs_size(config: ModelConfig) -> int:
    """F, the width of :func:`agent_inputs`."""
    return config.feature_size + COARSE + FINE + NEAR
