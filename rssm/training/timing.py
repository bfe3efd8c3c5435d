"""How long an update takes, so that a comparison can give everyone the same time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

#: updates that are timed
TIMED = 20


def cpu_seconds(update: Callable[[int], object], device: torch.device) -> float:
    """Median CPU time of ``update(0)``, ``update(1)``, …, all threads together; ``TIMED`` of them."""
    spent = []
    for number in range(TIMED):
        begin = time.process_time()
        update(number)
        if device.type != "cpu":
            torch.accelerator.synchronize()
        spent.append(time.process_time() - begin)
    return statistics.median(spent)
