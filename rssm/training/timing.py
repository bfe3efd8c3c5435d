"""Training for a given time: a clock that says when it is over, and how much of it has passed."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import torch


class Clock:
    """Seconds spent of a budget. Only what happens inside ``with clock:`` counts.

    On the CPU they are CPU seconds, all threads together, so that other work on the machine takes nothing away. On an
    accelerator that would leave out what the accelerator does: there they are wall seconds.

    Args:
        budget: seconds; infinity only measures.
        device: where the work is done.

    Attributes:
        spent: seconds so far.
    """

    def __init__(self, budget: float, device: torch.device) -> None:
        self.budget, self.device, self.spent = budget, device, 0.0
        self._begin = 0.0

    @property
    def over(self) -> bool:
        """Whether the budget is spent; the last piece of work may take a little more."""
        return self.spent >= self.budget

    @property
    def share(self) -> float:
        """How much of the budget is spent, from 0 to 1: what schedules follow."""
        return min(1.0, self.spent / self.budget)

    def total(self, done: int) -> int:
        """How many updates fit the budget at the mean pace of those that were done.

        A schedule that is counted in updates has come as far after ``done`` of this many as the clock has.
        """
        return max(1, round(done / self.share)) if self.share > 0 else 1

    def __enter__(self) -> Self:
        self._begin = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.spent += self._now() - self._begin

    def _now(self) -> float:
        if self.device.type == "cpu":
            return time.process_time()
        torch.accelerator.synchronize()
        return time.perf_counter()


def clock_name(device: torch.device) -> str:
    """What a :class:`Clock` counts on this device."""
    return "CPU time" if device.type == "cpu" else "wall time"
