"""Random chunks of episodes, as tensors to train on."""

from __future__ import annotations

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
        stacks: (B, T + 1, F * 4), raw units: the observation before each transition and the one after the last.
        actions: (B, T) int64, taken after ``stacks[:, t]``.
        rewards: (B, T), earned by that action.
        terminated: (B, T), 1.0 where that action ended the game.
        next_exists: (B, T), 0.0 where ``stacks[:, t + 1]`` was never recorded (an episode's last transition).
        is_first: (B,) bool, whether the chunk starts with its episode's first observation.
    """

    stacks: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    next_exists: Tensor
    is_first: Tensor

    def to(self, device: torch.device) -> Chunk:
        return Chunk(*(getattr(self, part.name).to(device) for part in fields(self)))


class Sampler(Protocol):
    """Whatever has a batch for every update, the same one whenever it is asked."""

    batch_size: int

    def batch(self, update: int, part: Part | None = None) -> Chunk: ...


class ChunkSampler:
    """Draws chunks so that no transition is neglected; update n of a seed is always the same batch.

    A chunk that would begin before its episode or reach beyond it is moved inside, so the first and the last steps of
    a game are seen no less often than the others: without this, an episode's start would begin one chunk in thousands.

    Args:
        data: the data set.
        batch_size: chunks per batch, B.
        length: transitions per chunk, T.
        seed: of the draws.
        episodes: the episodes to draw from; None takes all. Those shorter than a chunk are left out.

    Raises:
        DataError: no episode is long enough for one chunk.
    """

    def __init__(
        self, data: Dataset, batch_size: int, length: int, seed: int, episodes: Sequence[slice] | None = None
    ) -> None:
        self.data, self.batch_size, self.length, self.seed = data, batch_size, length, seed
        episodes = data.episodes if episodes is None else episodes
        bounds = np.array([(e.start, e.stop) for e in episodes if e.stop - e.start >= length], np.int64)
        if len(bounds) == 0:
            longest = max(e.stop - e.start for e in episodes)
            raise DataError(f"{data.path}: chunk_length {length} does not fit its longest episode ({longest} steps)")
        self._first, self._stop = bounds[:, 0], bounds[:, 1]
        # each episode has a place for every chunk that overlaps it
        self._places = np.cumsum(self._stop - self._first + length - 1)
        # plain views of the files' pages: they need not fit into memory, and are indexed faster than a memmap
        self._features = np.asarray(data.features)
        self._action, self._reward = np.asarray(data.action), np.asarray(data.reward)
        self._terminated = np.asarray(data.terminated)

    def places(self, update: int, part: Part | None = None) -> tuple[IntArray, IntArray, IntArray]:
        """Where the chunks of one update lie, or some of them: start row, first row of the episode, its end; (B,)."""
        part = Part(0, self.batch_size, self.batch_size) if part is None else part
        rng = np.random.default_rng([self.seed, update])
        place = rng.integers(self._places[-1], size=self.batch_size)[part.first : part.stop]
        episode = np.searchsorted(self._places, place, side="right")
        first, stop = self._first[episode], self._stop[episode]
        return np.clip(stop - (self._places[episode] - place), first, stop - self.length), first, stop

    def batch(self, update: int, part: Part | None = None) -> Chunk:
        """The batch of one update, or some of its chunks."""
        start, first, stop = self.places(update, part)
        is_first = start == first
        first, stop = first[:, None], stop[:, None]
        rows = start[:, None] + np.arange(self.length)
        after = start[:, None] + np.arange(self.length + 1)
        past = np.arange(1 - self.data.game.layout.stack, 1)
        frames = np.clip(after[..., None] + past, first[..., None], stop[..., None] - 1)
        stacks = self._features[frames].swapaxes(-1, -2).reshape(len(start), self.length + 1, -1)
        return Chunk(
            stacks=torch.from_numpy(stacks),
            actions=torch.from_numpy(self._action[rows].astype(np.int64)),
            rewards=torch.from_numpy(self._reward[rows].astype(np.float32)),
            terminated=torch.from_numpy(self._terminated[rows].astype(np.float32)),
            next_exists=torch.from_numpy((rows + 1 < stop).astype(np.float32)),
            is_first=torch.from_numpy(is_first),
        )
