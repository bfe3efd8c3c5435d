"""Random numbers of a batch that several processes may share.

What is drawn for a chunk must not depend on how many processes share the batch, nor on which of them has the chunk. So
each process draws the numbers of the whole batch, from generators that stand alike, and keeps those of its own rows:
a few thousand numbers, far fewer than what is computed from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Part:
    """Rows ``first`` to ``stop`` - 1 of a batch of ``whole`` rows."""

    first: int
    stop: int
    whole: int

    def __len__(self) -> int:
        return self.stop - self.first


_PART: ContextVar[Part | None] = ContextVar("part", default=None)


@contextmanager
def drawn_for(part: Part) -> Iterator[None]:
    """What is drawn inside is for these rows of a batch: its first dimension is theirs, or a multiple of them."""
    token = _PART.set(part)
    try:
        yield
    finally:
        _PART.reset(token)


def uniform(shape: Sequence[int], like: Tensor) -> Tensor:
    """Uniform numbers from [0, 1) of this shape, with the type and the device of ``like``."""
    whole, own = _rows(shape[0])
    return torch.rand((whole, *shape[1:]), device=like.device, dtype=like.dtype)[own]


def integers(high: int, shape: Sequence[int], device: torch.device) -> Tensor:
    """Whole numbers (int64) from 0 to ``high`` - 1 of this shape, all alike likely."""
    whole, own = _rows(shape[0])
    return torch.randint(high, (whole, *shape[1:]), device=device)[own]


def _rows(rows: int) -> tuple[int, slice]:
    """How many rows to draw for the whole batch, and which of them to keep."""
    part = _PART.get()
    if part is None:
        return rows, slice(None)
    if rows % len(part):
        raise ValueError(f"noise: expected a multiple of the {len(part)} rows of this part of the batch, got {rows}")
    times = rows // len(part)
    return part.whole * times, slice(part.first * times, part.stop * times)
