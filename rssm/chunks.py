"""Random chunks of episodes, as tensors to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from rssm.dataset import Dataset
from rssm.errors import DataError
from rssm.features import OBS_SIZE, STACK_SIZE


@dataclass(frozen=True)
class Chunk:
    """A batch of B pieces of T transitions, each within one episode.

    Args:
        stacks: (B, T + 1, 56), raw pixels: the observation before each transition and the one after the last.
        actions: (B, T) int64, taken after ``stacks[:, t]``.
        rewards: (B, T), in points, earned by that action.
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


class ChunkSampler:
    """Draws chunks uniformly over every place where one fits; update n of a seed is always the same batch.

    Args:
        data: the data set.
        batch_size: chunks per batch, B.
        length: transitions per chunk, T.
        seed: of the draws.
        episodes: the episodes to draw from; None takes all.

    Raises:
        DataError: no episode is long enough for one chunk.
    """

    def __init__(
        self, data: Dataset, batch_size: int, length: int, seed: int, episodes: Sequence[slice] | None = None
    ) -> None:
        self.data, self.batch_size, self.length, self.seed = data, batch_size, length, seed
        episodes = data.episodes if episodes is None else episodes
        starts = [np.arange(e.start, e.stop - length + 1) for e in episodes]
        self.starts = np.concatenate(starts)
        if len(self.starts) == 0:
            longest = max(e.stop - e.start for e in episodes)
            raise DataError(f"{data.path}: chunk_length {length} does not fit its longest episode ({longest} steps)")
        bounds = np.array([(e.start, e.stop) for e in episodes])
        self._episode = np.repeat(np.arange(len(bounds)), [len(s) for s in starts])
        self._first, self._stop = bounds[:, 0], bounds[:, 1]
        # in memory: random access to a mapped file of a few MB costs more than holding it
        self._features = np.ascontiguousarray(data.features)

    def batch(self, update: int) -> Chunk:
        """The batch of one update."""
        rng = np.random.default_rng([self.seed, update])
        picked = rng.integers(len(self.starts), size=self.batch_size)
        start, episode = self.starts[picked], self._episode[picked]
        first, stop = self._first[episode][:, None], self._stop[episode][:, None]
        rows = start[:, None] + np.arange(self.length)
        after = start[:, None] + np.arange(self.length + 1)
        frames = np.clip(after[..., None] + np.arange(1 - STACK_SIZE, 1), first[..., None], stop[..., None] - 1)
        stacks = self._features[frames].swapaxes(-1, -2).reshape(self.batch_size, self.length + 1, OBS_SIZE)
        return Chunk(
            stacks=torch.from_numpy(stacks),
            actions=torch.from_numpy(self.data.action[rows].astype(np.int64)),
            rewards=torch.from_numpy(self.data.reward[rows].astype(np.float32)),
            terminated=torch.from_numpy(self.data.terminated[rows].astype(np.float32)),
            next_exists=torch.from_numpy((rows + 1 < stop).astype(np.float32)),
            is_first=torch.from_numpy(start == first[:, 0]),
        )
