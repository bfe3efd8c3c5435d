"""What a game gives to the general parts, said as protocols: players, statistics, encoder, decoder, predictions.

The game itself, which makes them, is :class:`rssm.game.Game`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, Self, SupportsFloat

import numpy as np

from rssm.arrays import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

#: newest frame (F,) and the player's own generator -> action; of one game, called once in each of its steps
Policy = Callable[[FloatArray, np.random.Generator], int]


class Statistics(Protocol):
    """What a model has to know of its features' ranges, fitted on its training data and stored with it.

    Attributes:
        mean: mean of each of the F features, raw units.
        std: standard deviation of each, raw units; 1 where it is constant.
    """

    @property
    def mean(self) -> tuple[float, ...]: ...
    @property
    def std(self) -> tuple[float, ...]: ...

    def widened(self) -> Self:
        """The same for a model that begins to learn before all of the game was seen."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """As :meth:`rssm.game.Game.read_statistics` takes it back."""
        ...


class Player(Protocol):
    """Who plays: a name and what is changed about it; a frozen dataclass, so that players can be told apart."""

    @property
    def noops(self) -> int | None:
        """Its games start after 0 to this many NOOP frames; None: as the environment's settings say."""
        ...

    def __str__(self) -> str:
        """The text that :meth:`rssm.game.Game.read_player` reads back."""
        ...

    def meta(self) -> dict[str, Any]:
        """For ``meta.json``: ``name``, and what is changed."""
        ...


class Prediction(Protocol):
    """A distribution over the next stack, whatever its likelihood."""

    def loss(self, target: Tensor) -> Tensor:
        """Reconstruction loss (...) of the true stack (..., F, S), summed over features."""

    def mode(self) -> Tensor:
        """The likeliest stack (..., F, S) in raw units."""

    def mean(self) -> Tensor:
        """The expected stack (..., F, S) in raw units."""

    def sample(self) -> Tensor:
        """A stack (..., F, S) in raw units, drawn at random where the likelihood is discrete, else the mean."""

    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """A sample and its own loss (...), for less than both cost apart."""


class Encoder(Protocol):
    """A ``torch.nn.Module``: from a raw stack (..., F, S) to what the rest of the model reads.

    The embedding is as wide as the hidden layers, H = :attr:`rssm.config.ModelConfig.hidden`.
    """

    def __call__(self, stack: Tensor) -> Tensor:
        """The embedding (..., H)."""

    def view(self, stack: Tensor) -> Tensor:
        """The view (..., V): what an agent is shown of the stack beside the embedding."""

    def see(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding (..., H) and the view (..., V), for less than both cost apart."""


class Decoder(Protocol):
    """A ``torch.nn.Module``: from the latent state to the next stack.

    Attributes:
        reads_stack: whether it starts from the stack before, so that the recurrence has to know that too.
        differentiable: whether a prediction's mode has a gradient; whole outcomes have none.
    """

    reads_stack: bool
    differentiable: bool

    def __call__(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """Predict the stack that follows ``stack``.

        Args:
            latent: (..., D + S C), deter and stoch of the predicted step, joined.
            embedding: (..., H), of ``stack``.
            stack: (..., F, S), the stack before the predicted step, raw units.
            action: (...) int64, taken in that step.
        """


class Cloneable(Protocol):
    """An environment that can go back to an earlier moment; what needs one says ``skipped`` where there is none."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]: ...

    def step(self, action: Any) -> tuple[FloatArray, SupportsFloat, bool, bool, dict[str, Any]]: ...

    def clone_state(self) -> Any:
        """A copy of this moment, its randomness included; it can be pickled."""

    def restore_state(self, state: Any, include_rng: bool = True) -> FloatArray:
        """Go back to a cloned moment; its observation. Without ``include_rng`` what is drawn next is drawn anew."""

    def reseed(self, seed: int) -> None:
        """Fix all randomness to come without touching the game."""
