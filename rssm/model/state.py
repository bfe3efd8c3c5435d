"""The state of the world model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class State:
    """What the model carries from one agent step to the next; every part has the same leading shape.

    Args:
        deter: (..., D), the GRU's deterministic state h, a function of everything *before* this step.
        stoch: (..., S, C), one-hot samples z of the categorical latents.
        stack: (..., F, 4), the newest frames, raw units: observed while filtering, the model's own in imagination. The
            residual decoder predicts the next newest frame as a change of this one's.
    """

    deter: Tensor
    stoch: Tensor
    stack: Tensor

    @property
    def shape(self) -> torch.Size:
        """The leading shape, (B,) or (B, T)."""
        return self.deter.shape[:-1]

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(*(function(getattr(self, part.name)) for part in fields(self)))

    def __getitem__(self, index: Any) -> Self:
        """Index the leading dimensions, as in ``state[:, 3]``."""
        return self.map(lambda part: part[index])

    def to(self, device: torch.device | str) -> Self:
        return self.map(lambda part: part.to(device))

    def detach(self) -> Self:
        return self.map(Tensor.detach)

    @staticmethod
    def join(states: list[State], dim: int) -> State:
        """Join states of equal shape along a new leading dimension."""
        return State(*(torch.stack([getattr(s, part.name) for s in states], dim) for part in fields(State)))

    @staticmethod
    def cat(states: list[State]) -> State:
        """Join states (N, ...), (M, ...) along their first dimension."""
        return State(*(torch.cat([getattr(s, part.name) for s in states]) for part in fields(State)))


@dataclass(frozen=True)
class Embedded(State):
    """States whose stacks were encoded: what the encoder made of them goes with them, so that none is encoded twice.

    Args:
        embedding: (..., H), of the stack.
    """

    embedding: Tensor
