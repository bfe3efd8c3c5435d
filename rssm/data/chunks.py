"""Random chunks of episodes, as tensors to train on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from rssm.arrays import IntArray
from rssm.data.dataset import Dataset
from rssm.errors import DataError
from rssm.noise import Part


@dataclass(frozen=True)
class Chunk:
    """A batch of B pieces of T transitions, each within one episode.

    Args:
        stacks: (B, T + 1, F, S), raw units: the observation before each transition and the one after the last.
        actions: (B, T) int64, taken after ``stacks[:, t]``.
        rewards: (B, T), earned by that action.
        terminated: (B, T), 1.0 where that action ended the game.
        next_exists: (B, T), 0.0 where ``stacks[:, t + 1]`` was never recorded, from an episode's last transition on.
        is_first: (B,) bool, whether the chunk starts with its episode's first observation.

    Where a chunk reaches beyond its episode, what stands there repeats the last row and must not count.
    """

    stacks: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    next_exists: Tensor
    is_first: Tensor

    @property
    def happened(self) -> Tensor:
        """(B, T), 1.0 for the transitions of the episode and 0.0 for those beyond its end."""
        return torch.cat([torch.ones_like(self.next_exists[:, :1]), self.next_exists[:, :-1]], 1)

    def to(self, device: torch.device) -> Chunk:
        return Chunk(*(getattr(self, part.name).to(device) for part in fields(self)))


@dataclass(frozen=True)
class Rows:
    """What chunks are cut out of: the N rows of a data set as tensors, in the types of its files.

    Args:
        features: (N, F), raw units.
        action: (N,), taken after each.
        reward: (N,), that it earned.
        terminated: (N,), whether it ended the game.
    """

    features: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor

    @staticmethod
    def of(data: Dataset) -> Rows:
        """Views of the files' pages: they need not fit into memory, and nothing is copied."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable", category=UserWarning)  # nobody writes
            return Rows(*(torch.from_numpy(np.asarray(getattr(data, part.name))) for part in fields(Rows)))

    def to(self, device: torch.device) -> Rows:
        return Rows(*(getattr(self, part.name).to(device) for part in fields(self)))

    def cut(self, start: Tensor, first: Tensor, stop: Tensor, length: int, stack: int) -> Chunk:
        """Chunks of ``length`` transitions, with stacks of ``stack`` frames.

        Args:
            start: (B,) int64, the row that each begins at.
            first, stop: (B,) int64, its episode's first row and the one behind its last.
            length: T.
            stack: S, frames.
        """
        device = start.device
        is_first = start == first
        start, first, stop = start.unsqueeze(-1), first.unsqueeze(-1), stop.unsqueeze(-1)
        rows = torch.minimum(start + torch.arange(length, device=device), stop - 1)
        after = start + torch.arange(length + 1, device=device)
        frames = after.unsqueeze(-1) + torch.arange(1 - stack, 1, device=device)
        frames = torch.minimum(torch.maximum(frames, first.unsqueeze(-1)), stop.unsqueeze(-1) - 1)
        return Chunk(
            stacks=self.features[frames].transpose(-1, -2).contiguous(),
            actions=self.action[rows].long(),
            rewards=self.reward[rows].float(),
            terminated=self.terminated[rows].float(),
            next_exists=(rows + 1 < stop).float(),
            is_first=is_first,
        )


class Sampler(Protocol):
    """Whatever has a batch for every update, the same one whenever it is asked."""

    batch_size: int

    def batch(self, update: int, part: Part | None = None) -> Chunk: ...

    def real_steps(self, update: int) -> int:
        """Real steps that the updates before this one could draw from, those that were replaced included."""
        ...


class ChunkSampler:
    """Draws chunks so that no transition is neglected; update n of a seed is always the same batch.

    A chunk that would begin before its episode or reach beyond it is moved inside, so the first and the last steps of
    a game are seen no less often than the others: without this, an episode's start would begin one chunk in thousands.
    Moved inside, an end is always a chunk's last step, and a head that is to say how likely one is learns that instead:
    with ``beyond`` a chunk may reach beyond its episode, so that an end may be any of its steps, and an episode may be
    shorter than a chunk.

    Args:
        data: the data set.
        batch_size: chunks per batch, B.
        length: transitions per chunk, T.
        seed: of the draws.
        episodes: the episodes to draw from; None takes all. Without ``beyond``, those shorter than a chunk are left
            out.
        beyond: whether a chunk may reach beyond its episode; see :attr:`Chunk.happened`.

    Raises:
        DataError: no episode is long enough for one chunk.
    """

    def __init__(
        self,
        data: Dataset,
        batch_size: int,
        length: int,
        seed: int,
        episodes: Sequence[slice] | None = None,
        *,
        beyond: bool = False,
    ) -> None:
        self.data, self.batch_size, self.length, self.seed = data, batch_size, length, seed
        self._least = 1 if beyond else length  # steps of its episode that a chunk has
        episodes = data.episodes if episodes is None else episodes
        bounds = np.array([(e.start, e.stop) for e in episodes if e.stop - e.start >= self._least], np.int64)
        if len(bounds) == 0:
            longest = max(e.stop - e.start for e in episodes)
            raise DataError(f"{data.path}: chunk_length {length} does not fit its longest episode ({longest} steps)")
        self._first, self._stop = bounds[:, 0], bounds[:, 1]
        # each episode has a place for every chunk that overlaps it
        self._places = np.cumsum(self._stop - self._first + length - 1)
        self.rows = Rows.of(data)

    def real_steps(self, update: int) -> int:
        return int((self._stop - self._first).sum())

    def places(self, update: int, part: Part | None = None) -> tuple[IntArray, IntArray, IntArray]:
        """Where the chunks of one update lie, or some of them: start row, first row of the episode, its end; (B,)."""
        part = Part(0, self.batch_size, self.batch_size) if part is None else part
        rng = np.random.default_rng([self.seed, update])
        place = rng.integers(self._places[-1], size=self.batch_size)[part.first : part.stop]
        episode = np.searchsorted(self._places, place, side="right")
        first, stop = self._first[episode], self._stop[episode]
        return np.clip(stop - (self._places[episode] - place), first, stop - self._least), first, stop

    def batch(self, update: int, part: Part | None = None) -> Chunk:
        """The batch of one update, or some of its chunks."""
        start, first, stop = (torch.from_numpy(places) for places in self.places(update, part))
        return self.rows.cut(start, first, stop, self.length, self.data.game.layout.stack)
