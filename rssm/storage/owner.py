"""Whose file it is: a name for this process that no later one has, and whether the process of a name still lives."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import time
from pathlib import Path

#: what stands in the name of a file that its process will rename or remove
TOKEN = re.compile(r"\.(?P<machine>[0-9a-f]{8})-(?P<pid>[0-9]+)-(?P<begun>[0-9]+)\.")
#: seconds after which the file of a machine that is not this one, or was not started since, is nobody's
_FORGOTTEN = 24 * 3600.0


def token() -> str:
    """This process: its machine since that was started, its number there, and when it began."""
    pid = os.getpid()
    return f"{_machine()}-{pid}-{_begun(pid)}"


def abandoned(path: Path) -> bool:
    """Whether a file or folder has a token in its name whose process is gone."""
    found = TOKEN.search(path.name)
    if found is None:
        return False
    if found["machine"] != _machine():
        try:
            return time.time() - path.stat().st_mtime > _FORGOTTEN
        except OSError:
            return False
    pid = int(found["pid"])
    return not _lives(pid) or _begun(pid) != int(found["begun"])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


@functools.cache
def _machine() -> str:
    parts = []
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))  # a container counts its processes by itself
    except OSError:
        parts.append(os.uname().nodename)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _begun(pid: int) -> int:
    """When a process began, in the system's ticks; 0 where that is not told."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0
