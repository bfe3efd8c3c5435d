"""The ladder: every row trained on the same data for the same time, and one table."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

from rssm.config import HORIZON
from rssm.device import set_threads
from rssm.ladder.config import CompareConfig
from rssm.ladder.measure import finished, measure
from rssm.ladder.rows import Row, choose_rows, read_rows
from rssm.ladder.sweep import sweep
from rssm.ladder.table import Standing, write_table
from rssm.ladder.train import Data
from rssm.presets import preset_folder
from rssm.progress import track


def compare(config: CompareConfig) -> None:
    """Train and score every row and seed that is not there yet, and write the table anew after each.

    Raises:
        UserError: there is no such row; a preset does not fit; results that are there belong to other settings.
    """
    set_threads(config.threads)
    rows = read_rows(preset_folder("ladder", config.presets))
    wanted = choose_rows(rows, config.rows)
    if config.rates:
        sweep(config, [row for row in wanted if row.trains])
        return
    _standings(config, rows)  # what is there fits, or nothing is trained
    data = Data(config)
    jobs = [(row, seed) for seed in range(config.seeds) for row in wanted if row.trains or seed == 0]
    for row, seed in track(jobs, "ladder", "trainings"):
        name = f"{row.name}, seed {seed}"
        print(f"{name}: {_outcome(measure(row, data, seed, _folder(config, row, seed), name))}", file=sys.stderr)
        write_table(config, _standings(config, rows))


def _folder(config: CompareConfig, row: Row, seed: int) -> Path:
    return Path(config.runs) / f"{row.name}-{seed}"


def _standings(config: CompareConfig, rows: dict[str, Row]) -> list[Standing]:
    """The rows whose results are there, those of earlier commands too."""
    standings = []
    for row in rows.values():
        found = (finished(row, config, seed, _folder(config, row, seed)) for seed in itertools.count())
        results = [result for result in itertools.takewhile(lambda result: result is not None, found) if result]
        if results:
            standings.append(Standing(row, results))
    return standings


def _outcome(result: dict[str, Any]) -> str:
    if result["mse"] is None:
        return f"diverged, {result['diverged']}"
    mean = result["mse"]["mean"]
    text = f"{mean[0]:.3g} px² at k = 0, {mean[-1]:.3g} at k = {HORIZON - 1}"
    return f"{text}; diverged, {result['diverged']}" if result["diverged"] else text
