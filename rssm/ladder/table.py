"""What ``docs/results/`` shows of the ladder: JSON, Markdown and a chart with a line for each row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rssm.config import HORIZON
from rssm.files import replace_file, write_json
from rssm.ladder.config import CompareConfig
from rssm.ladder.rows import Row
from rssm.report.charts import errors_by_row, to_png
from rssm.report.page import number
from rssm.report.results import mean_by_step

_LAST = HORIZON - 1
#: the row that the others are measured against
_REFERENCE = "rssm"
#: what is written by hand under this heading is kept when the tables above it are written anew
LESSONS = "## The notes' lessons"


@dataclass(frozen=True)
class Standing:
    """A row and the results (see :func:`rssm.ladder.measure.measure`) of each of its seeds."""

    row: Row
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
        """For each event its windows and the mean error at each step, the mean over the seeds; empty if unknown.

        Rows that were scored before the events were kept have none.
        """
        found = [result["events"] for result in self.results if result.get("events")]
        return {
            name: {"windows": event["windows"], "mean": mean_by_step([seed[name]["mean"] for seed in found])}
            for name, event in (found[0].items() if found else ())
        }

    @property
    def diverged(self) -> int:
        """Seeds that diverged."""
        return sum(result["diverged"] is not None for result in self.results)


def write_table(config: CompareConfig, standings: Sequence[Standing]) -> None:
    """Write ``OUT/NAME.json``, ``OUT/NAME.md`` and, of the rows that did not diverge, ``OUT/NAME.png``.

    The worst row stands first.
    """
    ordered = sorted(standings, key=lambda standing: -(standing.mean("mean") or [math.inf])[-1])
    out, command = Path(config.out), config.command
    data = asdict(config.data) | {"more_data": config.more_data, "more_steps": config.more_steps}
    rows = {standing.row.name: _describe(standing) for standing in ordered}
    summary = {"command": command, "budget": config.budget, "data": data | asdict(config.env), "rows": rows}
    write_json(out / f"{config.name}.json", summary)
    drawn = {name: row["mean"] for name, row in rows.items() if not row["diverged"]}
    picture = to_png(errors_by_row(drawn, _REFERENCE))
    replace_file(out / f"{config.name}.png", lambda path: path.write_bytes(picture))
    page = out / f"{config.name}.md"
    text = "\n".join(_page(config, command, ordered)) + "\n" + _kept(page)
    replace_file(page, lambda path: path.write_text(text, encoding="utf-8"))


def _describe(standing: Standing) -> dict[str, Any]:
    results = standing.results
    return {
        "notes_name": standing.row.config.notes_name,
        "changes": standing.row.changes,
        "prediction": results[0]["prediction"],
        **{statistic: standing.mean(statistic) for statistic in ("mean", "median", "p90")},
        "events": standing.events(),
        "seeds": [None if result["mse"] is None else result["mse"]["mean"] for result in results],
        "parameters": results[0]["parameters"],
        "updates": [result["updates"] for result in results],
        "train_seconds": standing.typical("train_seconds"),
        "window_ms": standing.typical("window_ms"),
        "diverged": standing.diverged,
        "history": results[0]["history"],
    }


def _page(config: CompareConfig, command: str, standings: Sequence[Standing]) -> list[str]:
    time = f"{config.budget:g} s of CPU time each" if config.budget else "each to its own stop"
    steps = [f"k = {k}" for k in range(HORIZON)]
    reference = next((s.mean("mean") for s in standings if s.row.name == _REFERENCE), None)
    lines = [
        "# The ladder: every attempt and idea of the notes, a row each",
        "",
        "An earlier project predicted the same six steps with an MLP and left notes on what failed, what worked and",
        f"what to try next. Here is all of it on the same data, {time}, scored on held-out games,",
        "goals and serves included: squared pixels over all 56 values, means over seeds, the worst row first. The",
        "notes' own figures were taken on training data.",
        "",
        f"`{command}`",
        "",
        f"![error by step]({config.name}.png)",
        "",
        "## Mean",
        "",
        *_head(["row", "in the notes", *steps, f"spread at k = {_LAST}", f"÷ {_REFERENCE}, k = {_LAST}"]),
    ]
    for standing in standings:
        mean = standing.mean("mean")
        times = _times(mean, reference)
        cells = [standing.row.name, standing.row.config.notes_name, *_six(mean), _spread(standing), times]
        lines.append(_line(cells))
    for title, statistic in (("Median", "median"), ("90th percentile", "p90")):
        lines += ["", f"## {title}", "", *_head(["row", *steps])]
        lines += [_line([standing.row.name, *_six(standing.mean(statistic))]) for standing in standings]
    lines += _events(standings)
    lines += ["", "## What each row is, and what it costs", ""]
    lines += _head(
        ["row", "changes", "prediction", "parameters", "updates", "training, s", "prediction, ms per window"]
    )
    for standing in standings:
        changes = ", ".join(f"`{key.partition('.')[2] or key}: {value}`" for key, value in standing.row.changes.items())
        found = _describe(standing)
        cost = [found["parameters"], standing.typical("updates"), found["train_seconds"]]
        lines.append(
            _line(
                [
                    standing.row.name,
                    changes or "–",
                    found["prediction"] or "–",
                    *("–" if not value else f"{value:,.0f}" for value in cost),
                    _shown(found["window_ms"]),
                ]
            )
        )
    return lines


def _events(standings: Sequence[Standing]) -> list[str]:
    """Where the error at the last step is, for the rows that know it: all were scored on the same windows."""
    found = {standing.row.name: standing.events() for standing in standings}
    found = {name: events for name, events in found.items() if events}
    if not found:
        return []
    first = next(iter(found.values()))
    heads = [f"{name.replace('_', ' ')} ({event['windows']:,})" for name, event in first.items()]
    lines = ["", f"## Where the error is: mean at k = {_LAST} by what happens in the window (how many these are)", ""]
    lines += _head(["row", *heads])
    lines += [_line([name, *(number(events[e]["mean"][_LAST]) for e in first)]) for name, events in found.items()]
    return lines


def _spread(standing: Standing) -> str:
    """The least and the largest error at the last step over the seeds, and how many diverged."""
    ends = [result["mse"]["mean"][_LAST] for result in standing.results if result["mse"] is not None]
    text = f"{number(min(ends))} … {number(max(ends))}" if len(ends) > 1 else "–"
    return f"{text}; {standing.diverged} of {len(standing.results)} diverged" if standing.diverged else text


def _times(mean: list[float] | None, reference: list[float] | None) -> str:
    return "–" if mean is None or reference is None else f"{mean[_LAST] / reference[_LAST]:.3g}"


def _six(values: Sequence[float] | None) -> list[str]:
    return ["diverged"] * HORIZON if values is None else [_shown(value) for value in values]


def _shown(value: float | None) -> str:
    return "–" if value is None else number(value)


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|---" * len(names) + "|"]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _kept(page: Path) -> str:
    """What was written by hand under the tables."""
    if not page.is_file():
        return ""
    _, heading, lessons = page.read_text(encoding="utf-8").partition(f"\n{LESSONS}\n")
    return heading + lessons
