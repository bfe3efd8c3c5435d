"""The ladder's page: JSON, Markdown and the picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import Any

from rssm.config import HORIZON
from rssm.errors import UserError
from rssm.evaluation.provenance import refuse_unlike
from rssm.ladder.config import CompareConfig
from rssm.ladder.outcomes import LAST, Outcomes
from rssm.ladder.picture import MOST_ROWS, draw, rows_that_matter
from rssm.ladder.rows import Row
from rssm.numbers import DASH, number
from rssm.report.publish import publish
from rssm.report.tables import STEPS, markdown, text
from rssm.storage.files import replace_file
from rssm.storage.shape import COUNT, NUMBER, ListOf, MapOf, Maybe, Record, read_json
from rssm.system.device import pick_device
from rssm.training.timing import clock_name

#: the row that the others are measured against
_REFERENCE = "rssm"
#: what a picture needs of a table
_TABLE = Record({"rows": MapOf(Record({"mean": Maybe(ListOf(NUMBER, HORIZON)), "diverged": COUNT}))})
#: what is written by hand under this heading is kept when the tables above it are written anew
LESSONS = "## The notes' lessons"


@dataclass(frozen=True)
class Standing(Outcomes):
    """A row and the results of each of its seeds."""

    row: Row


def write_table(config: CompareConfig, standings: Sequence[Standing]) -> list[Path]:
    """Write ``OUT/NAME.json``, ``OUT/NAME.md`` and, of rows that did not diverge, ``OUT/NAME.png``.

    The worst row stands first.

    Raises:
        UserError: the rows were scored on different data.
    """
    ordered, out = _ordered(standings), Path(config.out)
    rows = {standing.row.name: _describe(standing) for standing in ordered}
    summary = {
        "command": config.command,
        "budget": config.budget,
        "code": _code(ordered),
        "heldout": _heldout(ordered),
        "data": asdict(config.data)
        | {"more_data": config.more_data, "more_steps": config.more_steps}
        | asdict(config.env),
        "rows": rows,
    }
    pictures = {f"{config.name}.png": draw(*_drawable(ordered))}
    page = "\n".join(_page(config, ordered)) + "\n" + _kept(out / f"{config.name}.md")
    return publish(out, config.name, summary, page, pictures)


def redraw(path: Path, rows: Mapping[str, Row]) -> Path:
    """Draw the picture of a table that was written before, beside it.

    Args:
        path: the table's JSON.
        rows: by name, for what they are and what to call them.

    Raises:
        UserError: the file is no such table, or has none of these rows.
    """
    found = read_json(path, "a ladder's table", _TABLE)["rows"]
    drawn = {name: row["mean"] for name, row in found.items() if row["mean"] is not None and not row["diverged"]}
    if not drawn.keys() & rows.keys():
        raise UserError(f"{path}: rows: expected some of {', '.join(rows)}, got {', '.join(found) or 'none'}")
    picture = path.with_suffix(".png")
    replace_file(picture, partial(Path.write_bytes, data=draw(drawn, rows)))
    print("\n".join(caption(drawn, rows)))
    return picture


def show_table(standings: Sequence[Standing]) -> str:
    """The mean error by step for a terminal, the worst row first."""
    return "\n".join(text(*_mean(_ordered(standings), notes=False)))


def caption(errors: Mapping[str, Sequence[float]], rows: Mapping[str, Row]) -> list[str]:
    """What the picture shows, and by what rule."""
    chosen = rows_that_matter(errors, rows)
    names = ", ".join(f"`{name}`" for name in chosen)
    return wrap(
        f"Drawn, {MOST_ROWS} at most: the rows whose presets change nothing, then the best and the worst of each kind "
        f"of network. From the top, {len(chosen)} of {len(errors)}: {names}.",
        width=120,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _drawable(standings: Sequence[Standing]) -> tuple[dict[str, list[float]], dict[str, Row]]:
    """The mean error of each row that did not diverge, and the rows."""
    errors = {s.row.name: mean for s in standings if not s.diverged and (mean := s.mean("mean")) is not None}
    return errors, {standing.row.name: standing.row for standing in standings}


def _ordered(standings: Sequence[Standing]) -> list[Standing]:
    return sorted(standings, key=lambda standing: -(standing.mean("mean") or [math.inf])[-1])


def _scored(standings: Sequence[Standing]) -> dict[str, dict[str, Any]]:
    """A result of every row and seed that was scored, by what to call it."""
    return {
        f"{standing.row.name}, seed {seed}": result
        for standing in standings
        for seed, result in enumerate(standing.results)
        if result["mse"] is not None
    }


def _heldout(standings: Sequence[Standing]) -> dict[str, Any] | None:
    """What all rows were scored on; None where nothing was scored."""
    scored = _scored(standings)
    if not scored:
        return None
    refuse_unlike(list(scored), list(scored.values()), {"data.sha256": "data", "data.role": "data's role"})
    described: dict[str, Any] = next(iter(scored.values()))["data"]
    return described


def _code(standings: Sequence[Standing]) -> list[str]:
    return sorted({version for standing in standings for version in standing.code})


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


def _page(config: CompareConfig, standings: Sequence[Standing]) -> list[str]:
    clock = clock_name(pick_device(config.device))
    time = f"{config.budget:g} s of {clock} each" if config.budget else "each to its own stop"
    heldout = _heldout(standings)
    games = f"{heldout['games']} {heldout['role']} games ({heldout['folder']})" if heldout else "held-out games"
    lines = [
        "# The ladder: every attempt and idea of the notes, a row each",
        "",
        "An earlier project predicted the same six steps with an MLP and left notes on what failed, what worked and",
        f"what to try next. Here is all of it on the same data, {time}, scored on {games},",
        "goals and serves included: squared pixels over all 56 values, means over seeds, the worst row first. The",
        "notes' own figures were taken on training data. Rows stop by the clock and their schedules follow the share",
        "of the time that is spent, so another machine gives other numbers of updates.",
        "",
        f"`{config.command}`; made by code of {', '.join(_code(standings))}.",
        "",
        f"![error by step]({config.name}.png)",
        "",
        *caption(*_drawable(standings)),
        "",
        "## Mean",
        "",
        *markdown(*_mean(standings)),
    ]
    for title, statistic in (("Median", "median"), ("90th percentile", "p90")):
        rows = [[standing.row.name, *standing.steps(statistic)] for standing in standings]
        lines += ["", f"## {title}", "", *markdown(["row", *STEPS], rows)]
    lines += _events(standings)
    lines += ["", "## What each row is, and what it costs", ""]
    head = ["row", "changes", "prediction", "parameters", "updates", "training, s", "prediction, ms per window"]
    return lines + markdown(head, map(_cost, standings))


def _mean(standings: Sequence[Standing], notes: bool = True) -> tuple[list[str], list[list[Any]]]:
    """Head and rows of the table of means."""
    reference = next((s.mean("mean") for s in standings if s.row.name == _REFERENCE), None)
    head = ["row", *["in the notes"] * notes, *STEPS, f"spread at k = {LAST}", f"÷ {_REFERENCE}, k = {LAST}"]
    rows = []
    for standing in standings:
        mean = standing.mean("mean")
        times = None if mean is None or reference is None else mean[LAST] / reference[LAST]
        name = [standing.row.name, *[standing.row.config.notes_name] * notes]
        rows.append([*name, *standing.steps("mean"), standing.spread(), times])
    return head, rows


def _cost(standing: Standing) -> list[Any]:
    changes = ", ".join(f"`{key.partition('.')[2] or key}: {value}`" for key, value in standing.row.changes.items())
    found = _describe(standing)
    cost = [found["parameters"], standing.typical("updates"), found["train_seconds"]]
    whole = [f"{value:,.0f}" if value else DASH for value in cost]
    return [standing.row.name, changes or DASH, found["prediction"] or DASH, *whole, found["window_ms"]]


def _events(standings: Sequence[Standing]) -> list[str]:
    """Where the error at the last step is, for the rows that were scored, all on the same windows."""
    found = {standing.row.name: standing.events() for standing in standings}
    found = {name: events for name, events in found.items() if events}
    if not found:
        return []
    first = next(iter(found.values()))
    heads = [f"{name.replace('_', ' ')} ({event['windows']:,})" for name, event in first.items()]
    title = f"## Where the error is: mean at k = {LAST} by what happens in the window (how many these are)"
    rows = [[name, *(number(events[e]["mean"][LAST]) for e in first)] for name, events in found.items()]
    return ["", title, "", *markdown(["row", *heads], rows)]


def _kept(page: Path) -> str:
    """What was written by hand under the tables."""
    if not page.is_file():
        return ""
    _, heading, lessons = page.read_text(encoding="utf-8").partition(f"\n{LESSONS}\n")
    return heading + lessons
