"""Whether what a job is asked to do fits into this machine's memory: estimated before anything is made.

An estimate is meant to be right within a factor of two, so a job is refused only where half of it would be too much.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from rssm.errors import UserError

#: bytes of a process before it has done anything: torch, numpy and the emulator
PROCESS = 350 * 2**20
#: bytes of a float32
FLOAT = 4
_DOUBT = 2
_GROUPS = Path("/sys/fs/cgroup")


def available_memory(device: torch.device | str = "cpu") -> int:
    """Bytes that a new job can have: of a card what is free on it, else what the system says, and this process's group
    where that is less."""
    kind = torch.device(device)
    if kind.type == "cuda":
        return int(torch.cuda.mem_get_info(kind)[0])
    limits = [_system_memory(), _group_memory("memory.max", "memory.current")]
    limits.append(_group_memory("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))
    return min(limit for limit in limits if limit is not None)


def refuse_beyond_memory(parts: Mapping[str, float], device: torch.device | str = "cpu") -> None:
    """Refuse what cannot fit.

    Args:
        parts: estimated bytes by the setting (dotted key) that they follow from; what all jobs need comes on top.
        device: that the memory is of.

    Raises:
        UserError: half of the sum is more than there is; names the setting that needs most.
    """
    total, there = sum(parts.values()) + PROCESS, available_memory(device)
    if total / _DOUBT <= there:
        return
    key = max(parts, key=lambda name: parts[name])
    of = {f"{name} {in_words(size)}" for name, size in parts.items() if size > total / 20}
    raise UserError(
        f"{key}: this needs about {in_words(total)} of memory ({', '.join(sorted(of))}), {in_words(there)} are free; "
        "expected less"
    )


def in_words(size: float) -> str:
    """Bytes as a person reads them."""
    for unit, bytes_ in (("TB", 1e12), ("GB", 1e9)):
        if size >= bytes_:
            return f"{size / bytes_:,.1f} {unit}"
    return f"{size / 1e6:,.0f} MB"


def _system_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 2**63


def _group_memory(limit: str, used: str) -> int | None:
    """What is left of the limit of this process's group; None where there is none."""
    try:
        return int((_GROUPS / limit).read_text()) - int((_GROUPS / used).read_text())
    except (OSError, ValueError):
        return None
