"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator
from multiprocessing import parent_process
from types import TracebackType
from typing import Self, TypeVar

from tqdm import tqdm

T = TypeVar("T")

#: seconds between two lines where there is no terminal
_EVERY = 8.0


class Progress:
    """Counts ``total`` pieces of work; a context manager.

    Args:
        title: what is going on.
        total: pieces of work in all.
        unit: what a piece is called.
        done: pieces done before (a run that goes on).
    """

    def __init__(self, title: str, total: int, unit: str, done: int = 0) -> None:
        self.title, self.total, self.unit, self.done = title, total, unit, done
        self._first, self._begin = done, time.monotonic()
        self._spoken = self._begin
        self._terminal = sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=title,
            unit=f" {unit}",
            disable=not self._terminal,
            position=None if parent_process() is None else 1,  # beside the first process's bar, on the line below
        )

    def advance(self, pieces: int, note: str = "") -> None:
        """Some more pieces are done; ``note`` stands beside the count."""
        self.done += pieces
        if self._terminal:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(pieces)
        elif time.monotonic() - self._spoken >= _EVERY or self.done >= self.total:
            self._spoken = time.monotonic()
            spent = self._spoken - self._begin
            # of work that has only begun, nobody knows how long it takes
            left = spent / (self.done - self._first) * (self.total - self.done) if self.done > self._first else 0.0
            what = f"{self.title}: {self.done:,} of {self.total:,} {self.unit}, {spent:.0f} s"
            what += f", about {left:.0f} s left" if left > 0 else ""
            print(f"{what}; {note}" if note else what, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()


def track(items: Collection[T], title: str, unit: str) -> Iterator[T]:
    """The items one by one, each counted when its turn is over."""
    with Progress(title, len(items), unit) as progress:
        for item in items:
            yield item
            progress.advance(1)
