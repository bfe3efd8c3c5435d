"""Kill this process at its n-th call that makes, renames, removes or syncs a file, or that has logged a line."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
#: audit events whose first argument is the path, and which argument is the folder that it is relative to
_EVENTS = {"os.rename": 2, "os.remove": 1, "os.mkdir": 2, "os.rmdir": 1, "os.truncate": None}


class Killing:
    """Counts from now on.

    Args:
        folder: only what happens in it counts.
        at: the call before which the process is killed; 0 is none.
    """

    def __init__(self, folder: Path, at: int) -> None:
        self.folder, self.at = os.path.realpath(folder), at
        self.points: list[str] = []
        sys.addaudithook(self._hear)
        self._fsync = os.fsync
        os.fsync = self._sync
        from rssm.tracking.tracker import Tracker

        log = Tracker.log

        def logged(tracker: Tracker, values: Any, update: int) -> None:
            log(tracker, values, update)
            self._point("log", tracker.path)

        Tracker.log = logged  # type: ignore[method-assign]

    def end(self, file: Path) -> None:
        """Write down what was counted."""
        self.at = 0
        points = list(self.points)
        file.write_text(json.dumps(points))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and flags & _WRITES:
                self._point(event, path)
        elif event in _EVENTS:
            path, beside = arguments[0], _EVENTS[event]
            if beside is not None and arguments[beside] != -1:
                path = os.path.join(_name(arguments[beside]), os.fsdecode(path))
            self._point(event, _name(path) if isinstance(path, int) else path)

    def _sync(self, handle: int) -> None:
        self._point("fsync", _name(handle))
        self._fsync(handle)

    def _point(self, what: str, path: Any) -> None:
        place = os.path.abspath(os.fsdecode(path))
        if not place.startswith(self.folder + os.sep):
            return
        self.points.append(f"{what} {place[len(self.folder) + 1 :]}")
        if len(self.points) == self.at:
            if what == "log" and self.at % 2:  # in the midst of the next line
                with open(place, "a") as file:
                    file.write('{"update": 1')
            os.kill(os.getpid(), signal.SIGKILL)


def _name(handle: int) -> str:
    return os.readlink(f"/proc/self/fd/{handle}")
