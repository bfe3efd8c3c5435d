"""What all worker processes have in common: they leave signals to their parent, end with it, and stand still only
noticed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import connection, parent_process, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import cast

from rssm.system.stopping import SIGNALS

#: seconds between two looks at the workers; one that is seen standing twice in a row is named
_LOOK = 4.0


@contextmanager
def spawning() -> Iterator[None]:
    """Worker processes are started inside: none of them is reached by a signal before :func:`start_worker` ran in it,
    and from now on one that stands still is noticed.
    """
    _watch_workers()
    resource_tracker.ensure_running()  # by itself it would unblock the signals again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a process that is started inherits this
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_worker() -> None:
    """Prepare a worker process: deaf to what stops its parent, which is the parent's to handle, and gone with it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # all threads to come inherit this
    for number in SIGNALS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number for number in SIGNALS if number != signal.SIGTERM])
    threading.Thread(target=_end_when_told, daemon=True).start()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _end_when_told() -> None:
    """Take SIGTERM from the parent alone: a scheduler sends it to the whole group, of which the parent saves first."""
    if not hasattr(signal, "sigwaitinfo"):  # macOS
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        return
    while True:
        if signal.sigwaitinfo([signal.SIGTERM]).si_pid == os.getppid():
            os._exit(128 + signal.SIGTERM)


def _leave_with_parent() -> None:
    """End this worker when its parent is gone, even if that was killed outright and could tell nobody."""
    parent = cast(BaseProcess, parent_process())
    connection.wait([parent.sentinel])
    os._exit(1)


class _Watch:
    begun = False


def _watch_workers() -> None:
    if not _Watch.begun and Path("/proc/self/stat").is_file():  # Linux alone says how its processes are
        _Watch.begun = True
        threading.Thread(target=_look_at_workers, name="workers", daemon=True).start()


def _look_at_workers() -> None:
    seen: set[int] = set()
    named: set[int] = set()
    while True:
        time.sleep(_LOOK)
        standing = _stopped_children()
        for pid in sorted((standing & seen) - named):
            print(
                f"workers: process {pid} stands still, somebody stopped it; `kill -CONT {pid}` has it go on",
                file=sys.stderr,
                flush=True,
            )
        named = (named | (standing & seen)) & standing
        seen = standing


def _stopped_children() -> set[int]:
    """Processes that this one has started and that are stopped (T; by a debugger, t)."""
    found, own = set(), os.getpid()
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = file.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it has ended
        if int(parent) == own and state in "Tt":
            found.add(int(file.parent.name))
    return found
