"""What the seeds of one row came to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rssm.config import HORIZON
from rssm.evaluation.intervals import mean_by_step
from rssm.numbers import DASH, number

LAST = HORIZON - 1


@dataclass(frozen=True)
class Outcomes:
    """The results (see :func:`rssm.ladder.kept.measured`) of each seed of a row."""

    results: Sequence[dict[str, Any]]

    def mean(self, statistic: str) -> list[float] | None:
        """A statistic of the error at each step, the mean over the seeds that have one."""
        found = [result["mse"][statistic] for result in self.results if result["mse"] is not None]
        return mean_by_step(found) if found else None

    def typical(self, key: str) -> float | None:
        """The mean of a number over the seeds that have one."""
        found = [result[key] for result in self.results if result[key] is not None]
        return statistics.fmean(found) if found else None

    def events(self) -> dict[str, dict[str, Any]]:
        """For each event its windows and the mean error at each step, the mean over the seeds that have them."""
        found = [result["events"] for result in self.results if result["events"]]
        return {
            name: {"windows": event["windows"], "mean": mean_by_step([seed[name]["mean"] for seed in found])}
            for name, event in (found[0].items() if found else ())
        }

    @property
    def diverged(self) -> int:
        """Seeds that diverged."""
        return sum(result["diverged"] is not None for result in self.results)

    @property
    def code(self) -> list[str]:
        """The versions of the code that made them."""
        return sorted({result["code"] for result in self.results})

    def spread(self) -> str:
        """The least and the largest error at the last step over several seeds, and how many diverged."""
        ends = [result["mse"]["mean"][LAST] for result in self.results if result["mse"] is not None]
        text = f"{number(min(ends))} … {number(max(ends))}" if len(ends) > 1 else DASH
        return f"{text}; {self.diverged} of {len(self.results)} diverged" if self.diverged else text

    def steps(self, statistic: str) -> list[float] | list[str]:
        """The cells of a table with a column per step."""
        return self.mean(statistic) or ["diverged"] * HORIZON


def outcome(result: dict[str, Any]) -> str:
    """One training's result in a line."""
    if result["mse"] is None:
        return f"diverged, {result['diverged']}"
    mean = result["mse"]["mean"]
    text = f"{number(mean[0])} px² at k = 0, {number(mean[LAST])} at k = {LAST}"
    return f"{text}; diverged, {result['diverged']}" if result["diverged"] else text
