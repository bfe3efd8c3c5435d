"""Which device and how many threads torch uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rssm.errors import UserError


def pick_device(name: str) -> torch.device:
    """``auto`` takes an accelerator if there is one, else the CPU.

    Raises:
        UserError: torch does not know the device, or this machine does not have it.
    """
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device: expected auto, cpu or a device of this machine, got {name!r} ({reason})") from None
    return device


def set_threads(threads: int) -> None:
    """Have torch use this many CPU threads; 0 leaves its own choice."""
    if threads > 0:
        torch.set_num_threads(threads)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw torch's random numbers from ``seed`` inside, and put the generators back: nothing outside changes."""
    forked = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=forked, device_type=forked[0].type if forked else "cuda"):
        torch.manual_seed(seed)
        yield
