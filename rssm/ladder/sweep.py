"""A sweep over learning rates, scored on validation episodes: what the presets' learning rates were chosen from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rssm.config import HORIZON
from rssm.evaluation.intervals import mean_by_step
from rssm.evaluation.provenance import code_version
from rssm.ladder.config import CompareConfig
from rssm.ladder.measure import measure
from rssm.ladder.rows import Row
from rssm.ladder.train import Data
from rssm.numbers import number
from rssm.progress import track
from rssm.report.publish import dropped, publish, refuse_to_drop
from rssm.report.tables import markdown, text

_LAST = HORIZON - 1

#: by row, by learning rate: six means over the seeds, or None where one diverged before it could be scored
Found = dict[str, dict[float, list[float] | None]]


def sweep(config: CompareConfig, rows: list[Row]) -> None:
    """Train each row with each learning rate and write ``NAME_sweep.md`` and ``NAME_sweep.json``.

    The winner of a row has the least mean over the six steps. The presets keep their learning rates: putting the
    winner in is left to whoever reads the table.

    Raises:
        UserError: results that are there belong to other settings; a published table would lose rows.
    """
    out, name = Path(config.out), f"{config.name}_sweep"
    refuse_to_drop(out, name, "rows", [row.name for row in rows])
    data, found = Data(config), Found()
    jobs = [(row, rate) for row in rows for rate in config.rates]
    for row, rate in track(jobs, "sweep", "learning rates"):
        means: list[list[float]] = []
        for seed in range(config.seeds):
            folder = Path(config.runs) / "sweep" / f"{row.name}-{rate:g}-{seed}"
            title = f"{row.name} at {rate:g}, seed {seed}"
            result = measure(row.with_learning_rate(rate), data, seed, folder, title, validation=True)
            if result["mse"] is not None:
                means.append(result["mse"]["mean"])
        found.setdefault(row.name, {})[rate] = mean_by_step(means) if len(means) == config.seeds else None
        print(f"{row.name} at {rate:g}: {_cell(found[row.name][rate])}", file=sys.stderr)
        if not dropped(out, name, "rows", list(found)):
            _write(config, found)
    files = _write(config, found)
    print("\n".join(text(*_table(config, found))))
    print(f"written: {', '.join(map(str, files))}")


def best_rate(found: dict[float, list[float] | None]) -> float | None:
    """The learning rate with the least mean over the six steps; None where all diverged."""
    scores = {rate: sum(means) for rate, means in found.items() if means is not None}
    return min(scores, key=lambda rate: scores[rate]) if scores else None


def _write(config: CompareConfig, found: Found) -> list[Path]:
    rows: dict[str, Any] = {
        name: {"mean": {f"{rate:g}": means for rate, means in by_rate.items()}, "best": best_rate(by_rate)}
        for name, by_rate in found.items()
    }
    lines = [
        "# Learning rates",
        "",
        f"`{config.command}`: mean squared error at k = 0 and k = {_LAST}, px², on the validation episodes (the",
        "training data's last ones, which are not trained on). Bold: the least mean over the six steps. Made by",
        f"code of {code_version()}.",
        "",
        *markdown(*_table(config, found)),
    ]
    summary = {"command": config.command, "code": code_version(), "rows": rows}
    return publish(Path(config.out), f"{config.name}_sweep", summary, "\n".join(lines) + "\n")


def _table(config: CompareConfig, found: Found) -> tuple[list[str], list[list[str]]]:
    rows = []
    for name, by_rate in found.items():
        best = best_rate(by_rate)
        cells = [f"**{_cell(means)}**" if rate == best else _cell(means) for rate, means in by_rate.items()]
        rows.append([name, *cells, *[""] * (len(config.rates) - len(cells))])
    return ["row", *(f"{rate:g}" for rate in config.rates)], rows


def _cell(means: list[float] | None) -> str:
    return "diverged" if means is None else f"{number(means[0])} … {number(means[_LAST])}"
