"""All that the general parts know of a game.

A game is a plugin in :mod:`rssm.games`. Nothing else imports one: :func:`load_game` finds it by the gymnasium id of its
environment. Models, data, evaluation and agents take sizes and names from its :class:`rssm.layout.Layout`, and
everything that only the game can know from :class:`Game`, by the protocols of :mod:`rssm.protocols`.
"""

from __future__ import annotations

import functools
import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm import ENV_ID
from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.errors import UserError
from rssm.layout import STACK, Layout
from rssm.protocols import Cloneable, Decoder, Encoder, Player, Policy, Statistics

if TYPE_CHECKING:
    from rssm.config import EnvConfig, ImportConfig, ModelConfig
    from rssm.evaluation.windows import EpisodeWindows

#: the games that have a module of their own, by the id of their environment; every other environment is a box
_MODULES = {ENV_ID: "rssm.games.pong.game"}
_BOX = "rssm.games.box"


@dataclass(frozen=True)
class Published:
    """Scores that others published.

    Args:
        name: of the agent.
        source: who, when and where.
        sticky: repeat-action probability of its games.
        scores: by agent steps, as text, since some have an error and others have not.
        protocol: what it saw and how it was scored.
    """

    name: str
    source: str
    sticky: float
    scores: tuple[tuple[int, str], ...]
    protocol: str


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
        habits: columns of a frame that show what its players are used to do, such as their paddles; without any there
            is no foreign past to learn with (:mod:`rssm.model.foreign_past`).
        start_event: the event of windows that begin while something of the start is hidden; None where nothing is.
        start_steps: steps of an episode for which that holds.
        clones: whether its environment is a :class:`Cloneable`.
        in_pixels: whether positions are pixels of a screen.
        published: what others made of it, for the page of the agents' results.
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
    habits: tuple[int, ...] = ()
    start_event: str | None = None
    start_steps: int = 0
    clones: bool = False
    in_pixels: bool = False
    won: bool = False
    published: tuple[Published, ...] = ()
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
