"""The rows of a data set a piece at a time: mapped files need not fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

#: rows of a piece; some 30 MB of features as float64
BLOCK = 2**18


def blocks(rows: int) -> Iterator[slice]:
    """All of so many rows, in order; few of them are one block."""
    for start in range(0, rows, BLOCK):
        yield slice(start, min(start + BLOCK, rows))
