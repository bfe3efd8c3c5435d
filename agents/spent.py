"""Where a training's wall time went."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Spent:
    """Seconds by what they went to.

    Args:
        seconds: of an earlier part of the training.
    """

    def __init__(self, seconds: Mapping[str, float] | None = None) -> None:
        self.seconds = dict(seconds or {})

    @property
    def total(self) -> float:
        return sum(self.seconds.values())

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Counts what is done inside."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - begin

    def __str__(self) -> str:
        """The shares, the largest first."""
        parts = sorted(self.seconds.items(), key=lambda part: -part[1])
        return ", ".join(
            f"{what} {seconds / self.total:.0%}" for what, seconds in parts if seconds > 0.005 * self.total
        )
