"""The part of the page over several runs that goes beyond six steps on the data's own player."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rssm.config import HORIZON
from rssm.evaluation.intervals import mean_by_step, ratio
from rssm.numbers import DASH, number
from rssm.report.further import describe
from rssm.report.tables import STEPS, markdown

#: what each run's result file holds, by the run's name
Results = Mapping[str, Mapping[str, Any]]

_LAST = HORIZON - 1
#: why a part is missing that today's evaluation has
_OLDER = "these results are older than it: scripts/evaluate.py computes it"


def action_blind(results: Results) -> list[str]:
    """What the actions are worth to the model."""
    parts = [result.get("action_blind", {"skipped": _OLDER}) for result in results.values()]
    title = ["## Told other actions than those that were played ÷ told the right ones", ""]
    skipped = next((part["skipped"] for part in parts if "skipped" in part), None)
    if skipped is not None:
        return [*title, *_not_computed(skipped)]
    rows = [[f"`{name}`", *part["ratio"]] for name, part in zip(results, parts, strict=True)]
    return [*title, *markdown(["", *STEPS], rows), ""]


def other_players(results: Results) -> list[str]:
    """A row for each other player, whatever the number of runs; the worst first."""
    parts = [result["players"] for result in results.values() if "players" in result]
    title = ["## Other players", ""]
    skipped = next((part["skipped"] for part in parts if "skipped" in part), None if parts else _OLDER)
    names = (
        [name for name in parts[0]["players"] if all(name in part["players"] for part in parts)] if not skipped else []
    )
    if len(parts) < len(results) or not names:
        return [*title, *_not_computed(skipped or "the runs were not scored on the same players")]
    main = mean_by_step([result["mse"]["mean"] for result in results.values()])
    rows: list[list[Any]] = []
    for name in names:
        found = [part["players"][name] for part in parts]
        means = mean_by_step([player["mse"]["mean"] for player in found])
        row = [name, *means, _range([player["mse"]["mean"][_LAST] for player in found])]
        row.append(ratio(means, main)[_LAST])
        if all("after_start" in player for player in found):
            later = [player["after_start"]["ratio"][_LAST] for player in found]
            row.append(None if None in later else statistics.fmean(later))
        else:
            row.append(None)
        for event in ("serve", "player_hit"):
            seen = [player["events"][event]["mean"][_LAST] for player in found if event in player["events"]]
            row.append(statistics.fmean(seen) if seen else None)
        rows.append(row)
    rows.sort(key=lambda row: -row[_LAST + 1])
    games = sum(player["games"] for player in parts[0]["players"].values())
    last = f"k = {_LAST}"
    heads = [*STEPS, f"runs at {last}", "÷ main games", "÷ without starts", "serves", "our hits"]
    return [
        *title,
        f"{games} games by players of their own: the mean of the runs, px², and the least and the largest run.",
        f"The last four columns are of {last}: against the main games, the same without starts of games, windows",
        "with a serve, windows in which our paddle hits.",
        "",
        *markdown(["player", *heads], rows),
        "",
    ]


def further(results: Results, key: str) -> list[str]:
    """A part of all runs: the mean of the runs, and the least and the largest of them in the last column."""
    found = [describe(result, key) for result in results.values()]
    present = [section for section in found if section is not None]
    if not present:
        return []
    title = present[0].title
    lines = [f"## {title[:1].upper()}{title[1:]}", ""]
    missing = next((section.note for section in present if not section.rows), _OLDER if None in found else "")
    if missing:
        return [*lines, *_not_computed(missing)]
    rows: list[list[Any]] = []
    for label in (label for label, _ in present[0].rows):
        each = [values for section in present for other, values in section.rows if other == label]
        columns = [[value for value in column if value is not None] for column in zip(*each, strict=True)]
        means = [statistics.fmean(column) if column else None for column in columns]
        rows.append([label.strip(), *means, _range(columns[-1])])
    heads = ["mean of the runs", *present[0].heads, "runs, last column"]
    notes = [f"`{name}`: {section.note}." for name, section in zip(results, present, strict=True) if section.note]
    return [*lines, *markdown(heads, rows), "", *([" ".join(notes), ""] if notes else [])]


def _not_computed(reason: str) -> list[str]:
    return [f"Not computed, because {reason}.", ""]


def _range(values: Sequence[float]) -> str:
    """The least and the largest."""
    return f"{number(min(values))} … {number(max(values))}" if len(values) > 1 else DASH
