"""Files that are either whole or not there, on the disk and not only in the machine's memory."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rssm.errors import StorageError, UserError
from rssm.storage.owner import abandoned, token

#: bytes added to a file to find out why it could not be written
_PROBE = 1 << 16


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then put it in ``path``'s place in one step.

    A crash or a power cut at any moment leaves the old file or the new one, never a part of either: the new one is on
    the disk before it gets its name. What a killed process left of the same file is removed.

    Raises:
        StorageError: it cannot be written; the line says why.
    """
    make_folder(path.parent)
    with writing(path) as temporary:
        _remove_abandoned(one for one in path.parent.iterdir() if one.name.startswith(f".{path.name}."))
        # made here, so that its mode is the user's own and nobody else's file is followed
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        write(temporary)
        # the library that wrote it may have replaced the file and its mode
        temporary.chmod(0o666 & ~_umask())
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; nothing of that name is left afterwards.

    Raises:
        StorageError: what is done inside failed because the disk is full, the folder cannot be written to, or the like.
    """
    temporary = path.with_name(f".{path.name}.{token()}.tmp{path.suffix}")
    try:
        yield temporary
    except Exception as error:
        reason = _storage_trouble(error, temporary)
        if reason is None:
            raise
        _remove(temporary)  # so that what is free is what will be
        raise StorageError(_cannot_write(path, reason)) from error
    finally:
        _remove(temporary)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """What is done inside writes to ``path`` in place.

    Raises:
        StorageError: the system refused it.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(_cannot_write(path, error)) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are not there, on the disk.

    Raises:
        UserError: something else has its name.
        StorageError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(exist_ok=True)
        sync(path.parent)
    except FileExistsError:
        raise UserError(f"{path}: expected a folder or a new one, it is something else") from None
    except OSError as error:
        raise StorageError(_cannot_write(path, error)) from error


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_checksum(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def clear_abandoned(folder: Path) -> None:
    """Remove what killed processes left of a folder, in it and in the folders right below it.

    Only what has the name of a process in its own (see :mod:`rssm.storage.owner`), and of one that is gone.
    """
    _remove_abandoned(one for one in folder.parent.iterdir() if one.name.startswith(f".{folder.name}."))
    _remove_abandoned(folder.glob(".*"))
    _remove_abandoned(folder.glob("*/.*"))


def system_error(error: OSError) -> str:
    """One line for what the system refused to a command as a whole."""
    what = f"{error.filename}: " if error.filename is not None else ""
    return f"{what}{_in_words(error)}; what was saved before is whole, and the same command goes on from there"


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write a result for machines, atomically; numbers that are not finite are an error, not a wrong file."""
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _cannot_write(path: Path, reason: OSError) -> str:
    line = f"{path}: cannot be written: {_in_words(reason)}"
    if reason.errno in (errno.ENOSPC, errno.EDQUOT):
        line += f" ({_room(path)})"
    return f"{line}; what was saved before is whole, and the same command goes on once that is mended"


def _room(path: Path) -> str:
    """What is free, and what is needed where a file of that name says how large it is."""
    folder = next(one for one in (path.parent, *path.parents) if one.is_dir())
    room = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB free"
    with suppress(OSError):
        room += f", about {path.stat().st_size / 1e6:,.1f} MB needed"
    return room


def _in_words(error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return f"too many open files: this process may have {limit} (ulimit -n)"
    if error.errno == errno.EFBIG:
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        own = f": {limit:,} bytes (ulimit -f)" if limit != resource.RLIM_INFINITY else ""
        return f"larger than a file may be{own}"
    return (error.strerror or str(error) or type(error).__name__).lower().replace("\n", " ")


def _storage_trouble(error: Exception, temporary: Path) -> OSError | None:
    """Why a file could not be written, if the system is why: libraries say so in words of their own."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if isinstance(error, UserError):
        return None
    try:  # what failed half-way has filled what there was
        with (temporary / ".probe" if temporary.is_dir() else temporary).open("ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as reason:
        return reason
    return None


def _remove_abandoned(found: Iterator[Path]) -> None:
    for path in found:
        if abandoned(path):
            _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
