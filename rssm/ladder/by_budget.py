"""How the error falls with the time that is given: every row trained anew for each of several budgets."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rssm.errors import UserError
from rssm.ladder.config import CompareConfig
from rssm.ladder.measure import measure
from rssm.ladder.outcomes import LAST, Outcomes, outcome
from rssm.ladder.picture import error_by_time
from rssm.ladder.rows import Row
from rssm.ladder.train import Data
from rssm.numbers import DASH, number
from rssm.progress import track
from rssm.report.drawing import to_png
from rssm.report.publish import dropped, publish, refuse_to_drop
from rssm.report.tables import markdown, text
from rssm.system.device import machine, pick_device
from rssm.training.timing import clock_name

#: by row, by seconds
Found = dict[str, dict[float, Outcomes]]


def by_budget(config: CompareConfig, rows: Mapping[str, Row]) -> None:
    """Train each row for each budget, each time with a schedule of that length, and write ``NAME_by_budget`` files.

    The files are ``.md``, ``.json`` and, where a row was scored, ``.png``. Results that are there are used again.

    Args:
        config: the comparison, with ``budgets``.
        rows: by name; those that need no training are left out.

    Raises:
        UserError: no row needs training; results that are there belong to other settings; a published table would lose
            rows.
    """
    rows = {name: row for name, row in rows.items() if row.trains}
    if not rows:
        raise UserError("rows: expected rows that are trained with --budgets, got none")
    out, name = Path(config.out), f"{config.name}_by_budget"
    refuse_to_drop(out, name, "rows", rows)
    found = Found()
    data = {seconds: Data(replace(config, budget=seconds, budgets="")) for seconds in config.seconds}
    jobs = [(seconds, row, seed) for seconds in config.seconds for row in rows.values() for seed in range(config.seeds)]
    for seconds, row, seed in track(jobs, "budgets", "trainings"):
        title = f"{row.name}, {seconds:g} s, seed {seed}"
        folder = Path(config.runs) / "by_budget" / f"{row.name}-{seconds:g}-{seed}"
        result = measure(row, data[seconds], seed, folder, title)
        print(f"{title}: {outcome(result)}", file=sys.stderr)
        before = found.setdefault(row.name, {}).get(seconds, Outcomes([]))
        found[row.name][seconds] = Outcomes([*before.results, result])
        if not dropped(out, name, "rows", list(found)):
            _write(config, found, rows)
    files = _write(config, found, rows)
    print("\n".join(text(*_table(config, found))))
    print(f"written: {', '.join(map(str, files))}")


def _write(config: CompareConfig, found: Found, rows: Mapping[str, Row]) -> list[Path]:
    name, device = f"{config.name}_by_budget", pick_device(config.device)
    clock = clock_name(device)
    code = sorted({version for by in found.values() for outcomes in by.values() for version in outcomes.code})
    summary: dict[str, Any] = {
        "command": config.command,
        "code": code,
        "machine": machine(device),
        "rows": {row: {f"{seconds:g}": _describe(o) for seconds, o in by.items()} for row, by in found.items()},
    }
    errors = {row: [(s, mean[LAST]) for s, o in by.items() if (mean := o.mean("mean"))] for row, by in found.items()}
    errors = {row: points for row, points in errors.items() if points}
    pictures = {f"{name}.png": to_png(error_by_time(errors, rows, clock))} if errors else {}
    lines = [
        "# Error against time",
        "",
        f"`{config.command}`: mean squared error at k = {LAST}, px², on held-out games, by",
        f"seconds of {clock} that a training was given, summed over cores; each has a schedule of that length. In",
        "brackets the least and the largest of several seeds; then the updates. Collecting the data is not counted.",
        "",
        f"On {machine(device)}. Made by code of {', '.join(code)}.",
        "",
        *([f"![error against time]({name}.png)", ""] if errors else []),
        *markdown(*_table(config, found)),
    ]
    return publish(Path(config.out), name, summary, "\n".join(lines) + "\n", pictures)


def _describe(found: Outcomes) -> dict[str, Any]:
    return {
        "mean": found.mean("mean"),
        "median": found.mean("median"),
        "seeds": [None if result["mse"] is None else result["mse"]["mean"] for result in found.results],
        "updates": [result["updates"] for result in found.results],
        "train_seconds": found.typical("train_seconds"),
    }


def _table(config: CompareConfig, found: Found) -> tuple[list[str], list[list[str]]]:
    head = ["row", *(f"{seconds:g} s" for seconds in config.seconds)]
    rows = [[name, *(_cell(by.get(seconds)) for seconds in config.seconds)] for name, by in found.items()]
    return head, rows


def _cell(found: Outcomes | None) -> str:
    if found is None:
        return DASH
    mean, updates = found.mean("mean"), found.typical("updates")
    if mean is None or updates is None:
        return "diverged"
    spread = f" ({found.spread()})" if len(found.results) > 1 else ""
    return f"{number(mean[LAST])}{spread}; {updates:,.0f}"
