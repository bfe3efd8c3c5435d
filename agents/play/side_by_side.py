"""Real games side by side: the one loop that steps them, whoever plays.

A game begins with a seed, or goes on from a moment of another one.
"""

from __future__ import annotations

import atexit
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.game import load_game
from rssm.protocols import Cloneable

Emulator: TypeAlias = gymnasium.Env[FloatArray, Any]

#: games that are played at the same time
PLACES = 32


@dataclass(frozen=True)
class Beginning:
    """What a game begins with.

    Attributes:
        game: its number.
        start: the seed of its reset, or the moment that it goes on from, as
            :meth:`rssm.protocols.Cloneable.clone_state` gave it.
    """

    game: int
    start: int | Any


#: asked for the next game of a place whenever that is free; None closes the place
Beginnings = Callable[[int], Beginning | None]


@dataclass(frozen=True)
class Turn:
    """One agent step of B games.

    Attributes:
        games: (B,) which games these are.
        steps: (B,) agent steps that each had played before.
        actions: (B,) what was done.
        stacks: (B, F, S) what the games show after it.
        rewards: (B,) float32, points.
        terminated: (B,) bool, the game came to its end.
        truncated: (B,) bool, the console stopped it before.
        stopped: (B,) bool, it was stopped because it had been long enough.
        kept: (n,) the rows whose places are still open, in their order.
    """

    games: IntArray
    steps: IntArray
    actions: IntArray
    stacks: FloatArray
    rewards: FloatArray
    terminated: npt.NDArray[np.bool_]
    truncated: npt.NDArray[np.bool_]
    stopped: npt.NDArray[np.bool_]
    kept: IntArray

    @property
    def over(self) -> npt.NDArray[np.bool_]:
        """(B,) bool, the game is not played on."""
        return self.terminated | self.truncated | self.stopped


class SideBySide:
    """B games at open places; a place whose game is over takes the next game, or is closed.

    Args:
        env: the games' settings.
        beginnings: gives each place its games.
        max_steps: agent steps after which a game is stopped.
        places: that are opened.

    Attributes:
        games: (B,) the number of the game at each open place.
        steps: (B,) agent steps that were played of each.
        stacks: (B, F, S) what each shows.
        emulators: of the open places.
    """

    def __init__(self, env: EnvConfig, beginnings: Beginnings, *, max_steps: int, places: int) -> None:
        self._env, self._beginnings, self._max_steps = env, beginnings, max_steps
        self._places: IntArray = np.arange(places)
        self.games: IntArray = np.zeros(places, np.int64)
        self.steps: IntArray = np.zeros(places, np.int64)
        layout = load_game(env.id, env.stack).layout
        self._frames = layout.stack
        self.stacks: FloatArray = np.zeros((places, layout.num_features, layout.stack), np.float32)
        self.emulators = [borrow_emulator(env) for _ in range(places)]
        self._keep(np.flatnonzero([self._begin(row) for row in range(places)]))

    def __len__(self) -> int:
        """B, the places that are open."""
        return len(self.games)

    def step(self, actions: IntArray) -> Turn:
        """Play one agent step of every game, by actions (B,)."""
        games, steps, self.stacks = self.games.copy(), self.steps.copy(), self.stacks.copy()
        rewards = np.zeros(len(self), np.float32)
        terminated, truncated = np.zeros(len(self), np.bool_), np.zeros(len(self), np.bool_)
        for row, action in enumerate(actions):
            rewards[row], terminated[row], truncated[row] = self.step_one(row, int(action))
        stopped = ~terminated & ~truncated & (self.steps >= self._max_steps)
        stacks, over = self.stacks, terminated | truncated | stopped
        kept = np.arange(len(self))
        if over.any():
            self.stacks = stacks.copy()
            kept = np.array([row for row in kept.tolist() if not over[row] or self._begin(row)], np.int64)
            self._keep(kept)
        return Turn(games, steps, actions, stacks, rewards, terminated, truncated, stopped, kept)

    def step_one(self, row: int, action: int) -> tuple[float, bool, bool]:
        """Play one step of one game alone, however long it has been: points, terminated, truncated."""
        observation, reward, terminated, truncated, _ = self.emulators[row].step(action)
        self.stacks[row] = to_stack(observation, self._frames)
        self.steps[row] += 1
        return float(reward), terminated, truncated

    def close(self) -> None:
        """Hand the emulators back; no game can be played any more."""
        self._keep(np.zeros(0, np.int64))

    def _begin(self, row: int) -> bool:
        """Start the next game of a row's place, if there is one."""
        beginning = self._beginnings(int(self._places[row]))
        if beginning is None:
            return False
        emulator, start = self.emulators[row], beginning.start
        self.games[row], self.steps[row] = beginning.game, 0
        if isinstance(start, int):
            observation, _ = emulator.reset(seed=start)
        else:
            observation = cast(Cloneable, emulator).restore_state(start)
        self.stacks[row] = to_stack(observation, self._frames)
        return True

    def _keep(self, rows: IntArray) -> None:
        """Go on with these rows alone, in this order."""
        if len(rows) == len(self):
            return
        for row in np.setdiff1d(np.arange(len(self)), rows).tolist():
            return_emulator(self._env, self.emulators[row])
        self.emulators = [self.emulators[row] for row in rows.tolist()]
        self._places, self.games, self.steps = self._places[rows], self.games[rows], self.steps[rows]
        self.stacks = self.stacks[rows]


def one_after_the_other(starts: Sequence[int | Any]) -> Beginnings:
    """Games 0, 1, 2, ..., each at the place that is free first."""
    following = iter(Beginning(game, start) for game, start in enumerate(starts))
    return lambda place: next(following, None)


@functools.cache
def _idle(env: EnvConfig) -> list[Emulator]:
    """Emulators with these settings that nobody plays on: loading the game takes as long as playing 400 steps."""
    return []


atexit.register(_idle.cache_clear)  # else the emulator's bindings report a leak when the process ends


def borrow_emulator(env: EnvConfig) -> Emulator:
    """An emulator that nobody else plays on, to be reset; hand it back with :func:`return_emulator`."""
    idle = _idle(env)
    return idle.pop() if idle else load_game(env.id, env.stack).make_env(env)


def return_emulator(env: EnvConfig, emulator: Emulator) -> None:
    """Put an emulator back for the next one who borrows."""
    _idle(env).append(emulator)
