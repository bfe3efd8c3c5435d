"""Ctrl-C, SIGTERM and SIGHUP: save, say where it goes on, and leave quickly when asked twice.

A command calls :func:`watch_signals` before it imports anything large. From then on the first signal raises
:class:`Stopped`, at once or, inside :func:`held`, when that is left: work that can be saved is held until it is. The
second one ends the process there and then. This module imports nothing but the standard library's smallest parts.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: what asks a process to stop: from the keyboard, from the system, from a terminal that is closed
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

#: seconds within which a second signal counts as the same: some send one to a process and to its group
_SAME = 0.5
#: seconds after which a stop that has to wait for something says so
_SILENT = 1.0
#: seconds that a stop may take where nothing is held; whatever swallowed it or waits for ever is then left
_PATIENCE = 30.0


class Stopped(KeyboardInterrupt):
    """A signal asked this process to stop.

    Attributes:
        number: of the signal.
        note: where it goes on, in words; empty where there is nothing to say.
    """

    def __init__(self, number: int, note: str = "") -> None:
        super().__init__(number)
        self.number, self.note = number, note

    @property
    def exit_code(self) -> int:
        """130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
        return 128 + self.number

    def __str__(self) -> str:
        """One line."""
        name = signal.Signals(self.number).name
        return f"stopped by {name}: {self.note or 'nothing is half written; start the same command again'}"


class _State:
    asked: int | None = None
    held = 0
    watching = False


def watch_signals() -> None:
    """Have this process stop as described above; a signal that is ignored, as under nohup, stays so.

    To be called once, in the main thread.
    """
    if _State.watching:
        return
    _State.watching = True
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # the byte is written when the signal comes, even if the main thread is busy outside Python for minutes
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    sys.unraisablehook = _swallowed
    threading.Thread(target=_watch, args=(reader,), name="signals", daemon=True).start()


def asked() -> bool:
    """Whether a stop was asked for; work that is held ends at the next point from which it can go on."""
    return _State.asked is not None


@contextmanager
def held() -> Iterator[None]:
    """Have a stop wait for the end of what is done inside.

    Raises:
        Stopped: on leaving, if a signal came meanwhile and nothing else went wrong.
    """
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
    if _State.held == 0 and _State.asked is not None:
        raise Stopped(_State.asked)


@contextmanager
def goes_on(note: Callable[[], str]) -> Iterator[None]:
    """Give a stop inside the words of ``note``: what is kept, and how to go on. The outermost words are said."""
    try:
        yield
    except Stopped as stop:
        stop.note = note()
        raise


def _handle(number: int, frame: Any) -> None:
    first = _State.asked is None
    if first:
        _State.asked = number
    if first and _State.held == 0:
        raise Stopped(number)


def _swallowed(error: Any) -> None:
    """A stop that came where exceptions are dropped, such as in a finaliser, ends the process all the same."""
    if error.exc_type is not None and issubclass(error.exc_type, Stopped):
        _leave(str(error.exc_value), error.exc_value.number)
    sys.__unraisablehook__(error)


def _watch(reader: int) -> None:
    """Count the signals that come, beside the main thread."""
    number = _next(reader)
    first = time.monotonic()
    name = signal.Signals(number).name
    said, free_since = False, first
    threading.Thread(target=_leave_on_second, args=(reader, first), daemon=True).start()
    while True:
        time.sleep(0.1)
        now = time.monotonic()
        if _State.held:
            free_since = now
            if not said and now - first > _SILENT:
                said = True
                _say(f"{name}: saving as soon as this step is done; a second signal leaves at once")
        elif now - free_since > _PATIENCE:
            _leave(f"stopped by {name}: something did not end within {_PATIENCE:.0f} s and was left", number)


def _leave_on_second(reader: int, first: float) -> None:
    while True:
        number = _next(reader)
        if time.monotonic() - first > _SAME:
            _leave("left at once; what was saved last is whole", number)


def _next(reader: int) -> int:
    """The next of our signals; other handlers' signals come by here too."""
    while True:
        (number,) = os.read(reader, 1)
        if number in SIGNALS:
            return number


def _leave(line: str, number: int) -> None:
    _say(line)
    os._exit(128 + number)


def _say(line: str) -> None:
    # not through sys.stderr: the main thread may be holding its lock
    os.write(2, f"{line}\n".encode())
