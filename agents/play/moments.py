"""Moments of real games, drawn while they are played, and the returns that followed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from agents.learning.agent import Agent
from agents.play.side_by_side import SideBySide, Turn
from rssm.config import EnvConfig
from rssm.model.state import State
from rssm.protocols import Cloneable

#: a game is played on until rewards count for less than this share
_NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Moment:
    """A moment of a real game.

    Attributes:
        game: index of the game.
        step: agent steps played before.
        state: State (), filtered by the world model.
        emulator: the game itself.
    """

    game: int
    step: int
    state: State
    emulator: Any


class Moments:
    """Draws moments uniformly from all steps of games, however many there will be (Vitter 1985, algorithm R).

    Steps behind the games' limit are not drawn from, but are to be played until what follows is negligible
    (:attr:`longer`), so that every return is whole: nothing is bootstrapped.

    Args:
        count: moments to draw; fewer where the games have fewer steps.
        discount: of the returns, per agent step.
        limit: agent steps of a game that count.
        seed: of the draws.
    """

    def __init__(self, count: int, discount: float, limit: int, seed: int) -> None:
        self._count, self._discount, self._limit = count, discount, limit
        self.longer = next((n for n in range(limit) if discount**n < _NEGLIGIBLE), limit)
        self._rng = np.random.default_rng(seed)
        self._seen = 0
        self._moments: list[Moment] = []
        self._rewards: dict[int, list[float]] = {}

    def look(self, state: State, games: SideBySide) -> None:
        """Perhaps draw some of the moments at which the games stand, their filtered states (B,) given."""
        rows = np.flatnonzero(games.steps < self._limit)
        for row in rows.tolist():
            slot = self._seen if self._seen < self._count else int(self._rng.integers(self._seen + 1))
            self._seen += 1
            if slot < self._count:
                emulator = cast(Cloneable, games.emulators[row]).clone_state()
                moment = Moment(int(games.games[row]), int(games.steps[row]), state[row], emulator)
                self._moments[slot : slot + 1] = [moment]

    def follow(self, turn: Turn) -> None:
        """Take in what the games earned."""
        for game, reward in zip(turn.games.tolist(), turn.rewards.tolist(), strict=True):
            self._rewards.setdefault(game, []).append(reward)

    def drawn(self) -> tuple[list[Moment], npt.NDArray[np.float64]]:
        """The moments, and the discounted real return (N,) that followed each, in points."""
        returns = {game: discounted(rewards, self._discount) for game, rewards in self._rewards.items()}
        return self._moments, np.array([returns[moment.game][moment.step] for moment in self._moments])


def discounted(rewards: list[float], discount: float) -> npt.NDArray[np.float64]:
    """The discounted sum (L,) of what follows, from each of the L rewards on."""
    sums = np.zeros(len(rewards) + 1)
    for step in reversed(range(len(rewards))):
        sums[step] = rewards[step] + discount * sums[step + 1]
    return sums[:-1]


def make_moments(count: int, agent: Agent, env: EnvConfig, seed: int) -> Moments | None:
    """What draws so many moments from an agent's games, if there are any to draw."""
    return Moments(count, agent.config.discount, env.max_episode_steps, seed) if count else None
