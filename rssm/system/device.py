"""Which device and how many threads torch uses."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from rssm.errors import UserError

#: the products of these networks are small: what two threads gain is in docs/results/speed.md, more were not tried
_MOST_THREADS = 4
#: what torch, oneDNN and MKL each read once
_HELD_TO_AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


def pick_device(name: str, number: int = 0) -> torch.device:
    """``auto`` takes an accelerator if there is one, else the CPU.

    Args:
        name: ``auto`` or torch's name of a device.
        number: of this process on its machine; where the name has no number, each process takes a card of its own.

    Raises:
        UserError: torch does not know the device, or this machine does not have it.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        if accelerator is None:
            return torch.device("cpu")
        return torch.device(accelerator.type, number) if number else accelerator
    try:
        device = torch.device(name)
        if number and device.type != "cpu" and ":" not in name:
            device = torch.device(device.type, number)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device: expected auto, cpu or a device of this machine, got {name!r} ({reason})") from None
    return device


def allow_tf32(device: torch.device) -> None:
    """On an NVIDIA card, multiply matrices in TF32: a sixth faster, and as good in one training (docs/tries.md)."""
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")


def set_threads(threads: int, processes: int = 1) -> None:
    """Have torch use this many CPU threads.

    Args:
        threads: in each process; 0 takes ``OMP_NUM_THREADS`` where it is set, else shares the physical cores out among
            the processes, four each at most.
        processes: that compute at the same time on this machine.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if threads == 0 and asked.isdecimal() and int(asked):
        threads = int(asked)
    torch.set_num_threads(threads or max(1, min(physical_cores() // processes, _MOST_THREADS)))


def hold_to_avx2() -> None:
    """Make torch and its libraries use no newer instructions than AVX2, here and in processes started from here.

    To be called before the first computation: what the libraries chose then they keep.

    Raises:
        UserError: torch has chosen already, or this processor has no AVX2.
    """
    os.environ.update(_HELD_TO_AVX2)
    found = torch.backends.cpu.get_cpu_capability()
    if found != "AVX2":
        raise UserError(f"instructions: expected a processor with AVX2 that nothing was computed on yet, got {found}")


def physical_cores() -> int:
    """Cores that this process may use: two hardware threads of a core count once, and a container's share is kept."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return max(1, min(len({_core_of(cpu) for cpu in allowed}), _container_share()))


def processor() -> str:
    """This machine's processor, the vector units that torch uses of it, and whether it is held to fewer."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    units = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    held = ", held to AVX2" if os.environ.items() >= _HELD_TO_AVX2.items() else ""
    return f"{names[0] if names else platform.processor()} ({', '.join(units)}){held}"


def machine(device: torch.device) -> str:
    """What computes on a device, for the record: this machine's processor, and its card where that is used."""
    card = f"{torch.cuda.get_device_name(device)}, " if device.type == "cuda" else ""
    return f"{card}{processor()}"


def _core_of(cpu: int) -> tuple[str, ...]:
    topology = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
    try:
        return tuple((topology / name).read_text() for name in ("physical_package_id", "core_id"))
    except OSError:  # not Linux: taken for a core of its own
        return (str(cpu),)


def _container_share(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Whole cores' worth of time that the control group may use."""
    try:
        quota, period = limit.read_text().split()
    except (OSError, ValueError):
        quota, period = "max", ""
    return (os.cpu_count() or 1) if quota == "max" else int(quota) // int(period)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw torch's random numbers from ``seed`` inside, and put the generators back: nothing outside changes."""
    forked = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=forked, device_type=forked[0].type if forked else "cuda"):
        torch.manual_seed(seed)
        yield
