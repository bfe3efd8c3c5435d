"""Processes that train one model together: each has a part of every batch, and all come to the same weights.

What they exchange goes through ``torch.distributed`` (gloo on CPUs, NCCL on NVIDIA cards). A group of one exchanges
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from rssm.errors import LostProcessError
from rssm.noise import Part

T = TypeVar("T")

KILLED = "workers: a process of this training was killed (out of memory?)"


@dataclass(frozen=True)
class Group:
    """A process and those that it trains with.

    Every process calls the same methods in the same order; each call waits for all of them.

    Args:
        rank: number of this process; the first, 0, is the one that writes, logs and evaluates.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def part(self, rows: int) -> Part:
        """This process's part of a batch of this many rows; no two parts differ by more than one row."""
        return Part(self.rank * rows // self.size, (self.rank + 1) * rows // self.size, rows)

    def sum(self, tensor: Tensor) -> Tensor:
        """Replace a tensor by its sum over the processes; the same bits in each of them.

        Raises:
            LostProcessError: a process is gone.
        """
        if self.size > 1:
            with _peers_watched():
                dist.all_reduce(tensor)
        return tensor

    def gather(self, own: Tensor, sizes: Sequence[int]) -> Tensor:
        """Join vectors of all processes, in order.

        Args:
            own: (sizes[rank],), this process's.
            sizes: length of each one's.

        Returns:
            (sum(sizes),).

        Raises:
            LostProcessError: a process is gone.
        """
        if self.size == 1:
            return own
        longest = max(sizes)
        padded = own.new_empty(longest)
        padded[: len(own)] = own
        everyone = list(own.new_empty(self.size, longest))
        with _peers_watched():
            dist.all_gather(everyone, padded)
        return torch.cat([vector[:size] for vector, size in zip(everyone, sizes, strict=True)])

    def from_first(self, value: T) -> T:
        """The value that the first process has, in all of them; the others' is not read.

        Raises:
            LostProcessError: a process is gone.
        """
        if self.size == 1:
            return value
        box = [value]
        with _peers_watched():
            dist.broadcast_object_list(box, src=0)
        return box[0]


#: a process that trains by itself
ALONE = Group()


@contextmanager
def _peers_watched() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(KILLED) from error
