"""A process of its own that does one piece of work after the other, beside what goes on here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Any, Self

from rssm.errors import UserError
from rssm.system.workers import spawning, start_worker


class Assistant:
    """One spawned process, started with its first work; a context manager that ends it.

    Args:
        killed: what to say where the process was killed, in one line.
    """

    def __init__(self, killed: str) -> None:
        self._killed = killed
        # a spawned process starts clean, whatever threads this one runs
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=start_worker)
        self._future: Future[Any] | None = None

    def start(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin with ``work(*arguments)``; both, and the result, have to be picklable."""
        with spawning():
            self._future = self._pool.submit(work, *arguments)

    def result(self) -> Any:
        """What the work came to, once it is done; raises what it raised.

        Raises:
            UserError: the process was killed.
        """
        assert self._future is not None
        try:
            return self._future.result()
        except BrokenProcessPool:
            raise UserError(self._killed) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:  # what it is at is not waited for: it may take minutes
            for process in list(self._pool._processes.values()):
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
