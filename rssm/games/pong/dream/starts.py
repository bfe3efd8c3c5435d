"""Where a dream begins: a real game's beginning, filtered by the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode, to_stack
from rssm.errors import DataError
from rssm.games.pong.env import GameState
from rssm.games.pong.features import STACK_SIZE
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player
from rssm.games.pong.players import make_policy
from rssm.model.state import State
from rssm.model.world_model import WorldModel

#: agent steps that are played before a dream begins: the first serve comes after some 35
START_STEPS = (40, 240)
#: chance of a random action of the player of these steps: he hits most balls, and does not stand as a machine would
_EPSILON = 0.3
#: agent steps of a recorded game that are filtered before a moment
_MEMORY = 64


@dataclass(frozen=True)
class Start:
    """A moment of a real game.

    Attributes:
        state: (1,), filtered.
        game: the game itself, to be restored; None where it was only recorded.
    """

    state: State
    game: GameState | None


class Starts(Protocol):
    """Where dreams can begin."""

    def draw(self, rng: np.random.Generator, steps: int | None = None) -> Start:
        """A start, decided by ``rng`` alone; ``steps`` fixes how many agent steps of the game come before it."""


class PlayedStarts:
    """Starts of games that are played for the purpose by the tracking player of the data.

    Args:
        model: the world model, in evaluation mode.
        env: the game's settings.
        steps: least and most agent steps that are played before the dream.
    """

    def __init__(self, model: WorldModel, env: EnvConfig, steps: tuple[int, int] = START_STEPS) -> None:
        if not 0 <= steps[0] <= steps[1]:
            raise ValueError(f"start_steps: expected two numbers 0 <= least <= most, got {steps}")
        self.model, self.steps = model, steps
        self.game = PONG.make_env(env)
        self._policy = make_policy(Player("tracking", epsilon=_EPSILON))

    def draw(self, rng: np.random.Generator, steps: int | None = None) -> Start:
        """As :meth:`Starts.draw`; a game that ends sooner is stopped one step before its end."""
        wanted = int(rng.integers(self.steps[0], self.steps[1] + 1))
        wanted = wanted if steps is None else steps
        observation, info = self.game.reset(seed=int(rng.integers(2**31)))
        observations, actions = [observation], []
        before = self.game.clone_state()
        for _ in range(wanted):
            action = self._policy(info["frame"], rng)
            observation, _, terminated, truncated, info = self.game.step(action)
            if terminated or truncated:
                self.game.restore_state(before)
                break
            before = self.game.clone_state()
            observations.append(observation)
            actions.append(action)
        stacks = to_stack(np.stack(observations), STACK_SIZE)
        return Start(_filter(self.model, stacks, np.array(actions, np.int64), is_first=True), before)


class RecordedStarts:
    """Moments of recorded games, all alike; a game's last step is none, since the game ends there.

    Args:
        model: the world model, in evaluation mode.
        data: the recorded games.

    Raises:
        DataError: no game has a second step.
    """

    def __init__(self, model: WorldModel, data: Dataset) -> None:
        self.model, self.data = model, data
        lengths = np.array([rows.stop - rows.start - 1 for rows in data.episodes])
        self._ends = lengths.cumsum()
        if self._ends[-1] == 0:
            raise DataError(f"{data.path}: expected a game of at least two steps to begin a dream in")

    def draw(self, rng: np.random.Generator, steps: int | None = None) -> Start:
        """As :meth:`Starts.draw`; with ``steps`` it is of a game that is longer than that.

        Raises:
            DataError: no recorded game is that long.
        """
        lengths = np.diff(self._ends, prepend=0)
        if steps is None:
            row = int(rng.integers(self._ends[-1]))
            game = int(np.searchsorted(self._ends, row, side="right"))
            moment = row - int(self._ends[game] - lengths[game])
        else:
            long_enough = np.flatnonzero(lengths > steps)
            if not len(long_enough):
                raise DataError(f"{self.data.path}: expected a game of more than {steps} steps to begin after them")
            game, moment = int(rng.choice(long_enough)), steps
        episode = self.data.episode(game)
        first = max(moment - _MEMORY, 0)
        stacks = stack_episode(episode.features[: moment + 1])[first:]
        actions = episode.action[first:moment].astype(np.int64)
        return Start(_filter(self.model, stacks, actions, is_first=first == 0), None)


@torch.no_grad()
def _filter(model: WorldModel, stacks: FloatArray, actions: IntArray, *, is_first: bool) -> State:
    """The state (1,), in its mode, at the last of T stacks (T, 14, 4) with the actions (T - 1,) between them."""
    device = next(model.parameters()).device
    seen = torch.from_numpy(np.ascontiguousarray(stacks[None])).to(device)
    taken = torch.from_numpy(np.append(actions, 0)[None]).to(device)  # what is done in the last state is not asked for
    begins = torch.tensor([is_first], device=device)
    return model.observe(seen, taken, begins, sample=False).states[:, -1]
