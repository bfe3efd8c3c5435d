"""Processes that train one model together: each has a part of every batch, and all come to the same weights.

What they exchange goes through ``torch.distributed`` (gloo on CPUs, NCCL on NVIDIA cards). A group of one exchanges
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

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

    def share(self, pieces: Sequence[Tensor]) -> None:
        """Fill in what the others have: piece number r is what process r has, and all have in the end.

        Args:
            pieces: contiguous tensors, of the same shapes in all processes; this process has filled ``pieces[rank]``.

        Raises:
            LostProcessError: a process is gone.
        """
        if self.size > 1:
            with _peers_watched():
                sent = [dist.broadcast(p, rank, async_op=True) for rank, p in enumerate(pieces) if p.numel()]
                for work in sent:
                    work.wait()

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
