"""Real games side by side, so that one batched call of the model serves all of them."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agents.play.filtering_player import Player
from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig
from rssm.games.pong.env import PongFeatures, make_env
from rssm.model.state import State
from rssm.model.world_model import Policy, WorldModel

#: games that are played at the same time
PLACES = 32


@dataclass(frozen=True)
class Turn:
    """One agent step of B games.

    Attributes:
        games: (B,) which games these are.
        actions: (B,) what was done.
        stacks: (B, 56) what the games show after it.
        rewards: (B,) float32, points.
        terminated: (B,) bool, the game came to its end.
        over: (B,) bool, it is not played on, be it ended or stopped.
    """

    games: IntArray
    actions: IntArray
    stacks: FloatArray
    rewards: FloatArray
    terminated: npt.NDArray[np.bool_]
    over: npt.NDArray[np.bool_]


class Arena:
    """B places at which games are played; a place whose game is over takes the next game, or is closed.

    Args:
        model: the world model.
        policy: acts in all games.
        env: the game's settings.
        seeds: of the games, in the order in which they are started.
        max_steps: agent steps after which a game is stopped.
        places: games played at the same time.
        sample: whether posterior latents are sampled or take their mode.

    Attributes:
        games: (B,) which game is played at each open place: its index in ``seeds``.
        steps: (B,) agent steps that were played of each.
        emulators: of the open places.
    """

    def __init__(
        self,
        model: WorldModel,
        policy: Policy,
        env: EnvConfig,
        seeds: Sequence[int],
        *,
        max_steps: int,
        places: int = PLACES,
        sample: bool = False,
    ) -> None:
        self._env, self._seeds, self._max_steps = env, seeds, max_steps
        self._started = min(places, len(seeds))
        self._player = Player(model, policy, self._started, next(model.parameters()).device, sample=sample)
        self.games: IntArray = np.arange(self._started)
        self.steps: IntArray = np.zeros(self._started, np.int64)
        self.emulators = [borrow_emulator(env) for _ in self.games]
        self._stacks = np.stack([game.reset(seed=seed)[0] for game, seed in zip(self.emulators, seeds, strict=False)])

    def look(self) -> State:
        """The filtered state (B,) of the games as they stand."""
        return self._player.look(self._stacks, self.steps == 0)

    def play(self, state: State) -> Turn:
        """Play one agent step of every game from the state (B,) that :meth:`look` gave."""
        actions = self._player.choose(state)
        stacks, rewards = np.empty_like(self._stacks), np.zeros(len(actions), np.float32)
        terminated, truncated = np.zeros(len(actions), np.bool_), np.zeros(len(actions), np.bool_)
        for place, action in enumerate(actions):
            stacks[place], rewards[place], terminated[place], truncated[place], _ = self.emulators[place].step(action)
        self.steps += 1
        over = terminated | truncated | (self.steps >= self._max_steps)
        turn = Turn(self.games.copy(), actions, stacks, rewards, terminated, over)
        self._stacks = stacks.copy()
        if over.any():
            self._follow(np.flatnonzero(over))
        return turn

    def _follow(self, over: IntArray) -> None:
        """Start the next games at the places ``over`` (n,), and close those that are left without one."""
        closed = []
        for place in over:
            if self._started < len(self._seeds):
                self._stacks[place], _ = self.emulators[place].reset(seed=self._seeds[self._started])
                self.games[place], self.steps[place] = self._started, 0
                self._started += 1
            else:
                closed.append(place)
        for place in reversed(closed):
            return_emulator(self._env, self.emulators.pop(place))
        open_places = np.setdiff1d(np.arange(len(self.games)), closed)
        self.games, self.steps, self._stacks = (part[open_places] for part in (self.games, self.steps, self._stacks))
        self._player.keep(open_places)


@functools.cache
def _idle(env: EnvConfig) -> list[PongFeatures]:
    """Emulators with these settings that nobody plays on: loading the game takes as long as playing 400 steps."""
    return []


atexit.register(_idle.cache_clear)  # else the emulator's bindings report a leak when the process ends


def borrow_emulator(env: EnvConfig) -> PongFeatures:
    """An emulator that nobody else plays on, to be reset; hand it back with :func:`return_emulator`."""
    idle = _idle(env)
    return idle.pop() if idle else make_env(env)


def return_emulator(env: EnvConfig, emulator: PongFeatures) -> None:
    """Put an emulator back for the next one who borrows."""
    _idle(env).append(emulator)
