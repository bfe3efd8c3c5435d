"""One process at a time writes into a folder: a lock that goes with its process, however that ends."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rssm.errors import BusyError
from rssm.storage.files import clear_abandoned, make_folder, storage_errors

_LONGEST_NOTE = 200


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have the folder to oneself inside; what killed processes left half-written there is removed first.

    The lock is the file ``.NAME.lock`` beside the folder, which need not exist; it is removed at the end. To take a
    folder over from another process, stop that one: the line says which it is.

    Args:
        folder: of a run or a data set.

    Raises:
        BusyError: another process has it; the line names it.
        StorageError: the lock cannot be made.
    """
    path = lock_file(folder)
    above = [parent for parent in path.parents if not parent.exists()]
    make_folder(path.parent)
    with storage_errors(path):
        handle = _take(path, folder)
    try:
        clear_abandoned(Path(os.path.realpath(folder)))
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # while it is locked: whoever waits for it sees that it is gone
        os.close(handle)
        with suppress(OSError):
            for parent in above:
                parent.rmdir()  # where nothing came of it


def lock_file(folder: Path) -> Path:
    """The file that is locked for a folder."""
    place = Path(os.path.realpath(folder))  # a run under two names is one
    return place.with_name(f".{place.name}.lock")


def _take(path: Path, folder: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, _LONGEST_NOTE).decode(errors="replace").strip()
            os.close(handle)
            raise BusyError(_busy(folder, holder)) from None
        if _is_there(path, handle):
            break
        os.close(handle)  # the one that had it removed it meanwhile
    note = f"{os.getpid()} {os.uname().nodename} {time.strftime('%Y-%m-%d %H:%M')} {Path(sys.argv[0]).name}"
    os.ftruncate(handle, 0)
    os.write(handle, f"{note[:_LONGEST_NOTE]}\n".encode())
    return handle


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _busy(folder: Path, holder: str) -> str:
    """The line for a folder that is taken; the note says by whom: process, machine, since when, command."""
    parts = holder.split()
    if len(parts) < 5 or not parts[0].isdigit():
        return f"{folder}: another process writes there; wait for its end"
    pid, machine, day, hour = parts[:4]
    where = "" if machine == os.uname().nodename else f" on {machine}"
    what = " ".join(parts[4:])
    return (
        f"{folder}: process {pid}{where} ({what}, since {day} {hour}) writes there; wait for its end, or stop it with "
        f"`kill {pid}`{where}: it saves, and this command can go on from there"
    )
