"""The ladder: every row trained on the same data for the same time, and one table."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from rssm.config.presets import preset_folder
from rssm.ladder.by_budget import by_budget
from rssm.ladder.config import CompareConfig
from rssm.ladder.measure import finished, measure
from rssm.ladder.outcomes import outcome
from rssm.ladder.rows import Row, choose_rows, read_rows
from rssm.ladder.sweep import sweep
from rssm.ladder.table import Standing, redraw, show_table, write_table
from rssm.ladder.train import Data
from rssm.progress import track
from rssm.report.publish import dropped, refuse_to_drop
from rssm.system.device import set_threads
from rssm.system.stopping import goes_on


@goes_on(lambda: "the rows that are finished are kept; start the same command again to go on")
def compare(config: CompareConfig) -> None:
    """Train and score every row and seed that is not there yet, write the table anew after each, and print it.

    With ``redraw``, ``learning_rates`` or ``budgets`` do that instead.

    Raises:
        UserError: there is no such row; a preset does not fit; results that are there belong to other settings; a
            published table would lose rows.
    """
    set_threads(config.threads)
    rows = read_rows(preset_folder("ladder", config.presets))
    if config.redraw:
        print(f"written: {redraw(Path(config.redraw), rows)}")
        return
    wanted = choose_rows(rows, config.rows)
    if config.rates:
        sweep(config, [row for row in wanted if row.trains])
        return
    if config.seconds:
        by_budget(config, {row.name: row for row in wanted})
        return
    data = Data(config)
    for row in wanted:
        row.config.baseline.error.weights(data.game.layout.num_features)  # refused before anything is trained
    standings = _standings(config, rows)  # what is there fits, or nothing is trained
    out, names = Path(config.out), {row.name for row in wanted}
    refuse_to_drop(out, config.name, "rows", names | {standing.row.name for standing in standings})
    jobs = [(row, seed) for seed in range(config.seeds) for row in wanted if row.trains or seed == 0]
    for row, seed in track(jobs, "ladder", "trainings"):
        name = f"{row.name}, seed {seed}"
        print(f"{name}: {outcome(measure(row, data, seed, _folder(config, row, seed), name))}", file=sys.stderr)
        standings = _standings(config, rows)
        # a published table waits until it has all the rows that it had
        if not dropped(out, config.name, "rows", [standing.row.name for standing in standings]):
            write_table(config, standings)
    files = write_table(config, standings)
    print(show_table(standings))
    print(f"written: {', '.join(map(str, files))}")


def _folder(config: CompareConfig, row: Row, seed: int) -> Path:
    return Path(config.runs) / f"{row.name}-{seed}"


def _standings(config: CompareConfig, rows: dict[str, Row]) -> list[Standing]:
    """The rows whose results are there, those of earlier commands too."""
    standings = []
    for row in rows.values():
        found = (finished(row, config, seed, _folder(config, row, seed)) for seed in itertools.count())
        results = [result for result in itertools.takewhile(lambda result: result is not None, found) if result]
        if results:
            standings.append(Standing(results, row))
    return standings
