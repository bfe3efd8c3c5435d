"""All that the general parts know of a game.

A game is a plugin in :mod:`rssm.games`. Nothing else imports one: :func:`load_game` finds it by the gymnasium id of its
environment. Models, data, evaluation and agents take sizes and names from the :class:`Layout`, and everything that only
the game can know from :class:`Game`.
"""

from __future__ import annotations

import functools
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, SupportsFloat, cast

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm import ENV_ID
from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from rssm.config import EnvConfig, ImportConfig, ModelConfig
    from rssm.evaluation.windows import EpisodeWindows

#: frames in a stack, where nothing else is asked for
STACK = 4
#: most of them
MOST_FRAMES = 16

#: the games that have a module of their own, by the id of their environment; every other environment is a box
_MODULES = {ENV_ID: "rssm.games.pong.game"}
_BOX = "rssm.games.box"

#: newest frame (F,) and the player's own generator -> action; of one game, called once in each of its steps
Policy = Callable[[FloatArray, np.random.Generator], int]


@dataclass(frozen=True)
class Layout:
    """What the numbers of an observation and an action are.

    Args:
        features: F names, in the order of a frame (..., F).
        actions: A names; an action is an int64 from 0 to A - 1.
        stack: S, frames of a stack (..., F, S), the oldest first. Environments show it as an observation
            (..., F * S), see :mod:`rssm.data.frames`.
        counters: pairs of features (total, event): the next total is the last one plus the next event. No network sees
            a total, and none predicts it.
    """

    features: tuple[str, ...]
    actions: tuple[str, ...]
    stack: int = STACK
    counters: tuple[tuple[int, int], ...] = ()

    @property
    def num_features(self) -> int:
        """F."""
        return len(self.features)

    @property
    def num_actions(self) -> int:
        """A."""
        return len(self.actions)

    @property
    def obs_size(self) -> int:
        """Values of an observation."""
        return self.num_features * self.stack

    @property
    def totals(self) -> tuple[int, ...]:
        """The features that count, which no network sees."""
        return tuple(total for total, _ in self.counters)

    @property
    def seen(self) -> tuple[int, ...]:
        """The features that networks see, in order."""
        return tuple(i for i in range(self.num_features) if i not in self.totals)

    def to_dict(self) -> dict[str, Any]:
        """As JSON gives it back."""
        counters = [list(pair) for pair in self.counters]
        return {**asdict(self), "features": [*self.features], "actions": [*self.actions], "counters": counters}


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
        """As :meth:`Game.read_statistics` takes it back."""
        ...


class Player(Protocol):
    """Who plays: a name and what is changed about it; a frozen dataclass, so that players can be told apart."""

    @property
    def noops(self) -> int | None:
        """Its games start after 0 to this many NOOP frames; None: as the environment's settings say."""
        ...

    def __str__(self) -> str:
        """The text that :meth:`Game.read_player` reads back."""
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


class Game(ABC):
    """One game; see :mod:`rssm.games`. The methods from :meth:`draw` on may be left as they are.

    Attributes:
        name: of the plugin.
        env_id: gymnasium id of the environment.
        layout: of observations and actions.
        events: what can happen in a window of some steps: its title, by its name.
        positions: features that are places of something that moves, by name: constant velocity moves them on, and how
            far a prediction is off is reported of them.
        twins: actions that do what another one does and a little more, and which that is; agents may be kept from them.
        start_event: the event of windows that begin while something of the start is hidden; None where nothing is.
        start_steps: steps of an episode for which that holds.
        clones: whether its environment is a :class:`Cloneable`.
        in_pixels: whether positions are pixels of a screen.
        won: whether a game is won where its rewards sum to more than 0.
        idle: settings of environment and model, by dotted key, that do nothing in this game.
        plays_as: the distribution whose version decides how a game goes.
    """

    name: str
    env_id: str
    layout: Layout
    events: Mapping[str, str]
    positions: Mapping[str, int]
    twins: Mapping[int, int] = {}
    start_event: str | None = None
    start_steps: int = 0
    clones: bool = False
    in_pixels: bool = False
    won: bool = False
    idle: tuple[str, ...] = ()
    plays_as: str = "gymnasium"

    @property
    @abstractmethod
    def view_size(self) -> int:
        """V, width of the view that the encoder gives beside the embedding."""

    @abstractmethod
    def check_model(self, config: ModelConfig) -> None:
        """Raise ValueError if encoder or decoder have not what a setting asks for; the line begins with its key."""

    @abstractmethod
    def make_env(self, config: EnvConfig, render_mode: str | None = None) -> gymnasium.Env[FloatArray, Any]:
        """The environment; observations are interleaved, (F * S,), ``info["frame"]`` is the newest frame (F,).

        ``config.max_episode_steps`` is left to the caller.
        """

    def cloneable(self, env: gymnasium.Env[FloatArray, Any]) -> Cloneable | None:
        """The environment itself where it can go back to an earlier moment."""
        return cast(Cloneable, env) if self.clones else None

    @abstractmethod
    def read_player(self, text: str) -> Player:
        """Who is called so.

        Raises:
            ValueError: nobody; the line says what was expected.
        """

    @abstractmethod
    def policy(self, player: Player) -> Policy:
        """A player at the beginning of a game; one that :meth:`read_player` gave."""

    @abstractmethod
    def fit(self, frames: FloatArray, action: npt.NDArray[np.uint8], is_first: npt.NDArray[np.bool_]) -> Statistics:
        """Statistics of frames (N, F) in raw units and the actions (N,) taken after them.

        is_first (N,) marks the first row of each episode.
        """

    @abstractmethod
    def read_statistics(self, values: dict[str, Any]) -> Statistics:
        """Statistics from what their ``to_dict`` gave."""

    @abstractmethod
    def encoder(self, config: ModelConfig, statistics: Any) -> Encoder:
        """A new encoder."""

    @abstractmethod
    def decoder(self, config: ModelConfig, statistics: Any, huber_beta: float) -> Decoder:
        """A new decoder."""

    @abstractmethod
    def label(self, frames: FloatArray, starts: IntArray) -> IntArray:
        """What happens in windows: frames (W, K + 1, F), the step (W,) each starts at -> (W,), indices of events."""

    def draw(self, path: Path, real: FloatArray, imagined: FloatArray) -> bool:
        """Write a GIF of real frames (T, F) beside imagined ones; False where the game has no picture."""
        return False

    def animate(self, path: Path, frames: FloatArray) -> bool:
        """Write a GIF of the frames (T, F) of a real game; False where the game has no picture."""
        return False

    def draw_open_loop(
        self, path: Path, real: FloatArray, imagined: FloatArray, observed: npt.NDArray[np.bool_]
    ) -> bool:
        """Write a GIF of real frames (T, F), imagined ones and where they differ; False where the game has no picture.

        ``observed`` (T,) says where the model had seen the real game up to the step before.
        """
        return False

    def draw_paths(self, path: Path, real: FloatArray, imagined: FloatArray, titles: Sequence[str]) -> bool:
        """Write a PNG of the paths of what moves through W windows; False where the game has no picture.

        Both are frames (W, K + 1, F) from a window's start on, which is real in both.
        """
        return False

    def sketch(self) -> str | None:
        """JavaScript that sets ``globalThis.makeSketch``, a function whose answer draws frames in a browser; None where
        the game has no picture.

        It has ``width`` and ``height``, ``ground(pen, frame, imagined)``, which draws all that does not move, and
        ``draw(pen, frame, how)``, ``how`` being ``"solid"``, ``"outline"`` or ``"ghost"``; ``pen`` is a canvas's
        context in these units, ``frame`` (F,) may be a predicted one.
        """
        return None

    def import_data(self, config: ImportConfig) -> None:
        """Turn somebody's recording into a data set."""
        raise UserError(f"{self.env_id}: expected a game whose recordings can be read")

    def start_floor(
        self, env: gymnasium.Env[FloatArray, Any], config: EnvConfig, windows: EpisodeWindows
    ) -> ErrorArray:
        """Least error (W, K) that is possible in windows of :attr:`start_event`, from what is hidden of the start."""
        raise NotImplementedError(f"{self.name}: nothing is hidden at its start")


def load_game(env_id: str, stack: int = STACK) -> Game:
    """The game of an environment, by its gymnasium id and the frames of its stacks; one object for each.

    Raises:
        UserError: there is no such environment, it has other observations or actions than can be modelled, or no such
            stacks.
    """
    return _load(env_id, stack)


@functools.cache
def _load(env_id: str, stack: int) -> Game:
    module = importlib.import_module(_MODULES.get(env_id, _BOX))
    game: Game = module.make_game(env_id, stack)
    return game
