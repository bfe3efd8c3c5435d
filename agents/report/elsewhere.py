"""Scores of a job's agents in games that differ from those that they learned from, without further training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.play.record import read_games
from agents.play.scores import GAMES_FILE, WAYS
from agents.report.seeds import SCORES, cells, heads, scores_of
from rssm.storage.shape import MapOf, Record

#: by what differs, and then by policy
SHAPE = MapOf(Record({}, dict.fromkeys(WAYS, SCORES)))


def read_elsewhere(runs: Sequence[Path]) -> dict[str, Any]:
    """The games of ``games-WHAT.json`` that all runs have, as many in each: :data:`SHAPE`."""
    stem = Path(GAMES_FILE).stem + "-"
    names = [{path.stem.removeprefix(stem) for path in run.glob(f"{stem}*.json")} for run in runs]
    found: dict[str, Any] = {}
    for name in sorted(set.intersection(*names)):
        games = [read_games(run / f"{stem}{name}.json") for run in runs]
        ways = {
            way: scores_of([result[way] for result in games])
            for way in WAYS
            if all(way in result for result in games) and len({result[way]["games"] for result in games}) == 1
        }
        if ways:
            found[name] = ways
    return found


def elsewhere_table(jobs: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Head and rows: job, what differs, for each policy the mean and the seeds one by one, games of each seed."""
    head = ["", "what differs", *heads(WAYS), "games"]
    rows = []
    for job in jobs.values():
        for name, ways in job.get("elsewhere", {}).items():
            scores = [cell for way in WAYS for cell in cells(ways[way]["seeds"] if way in ways else [])]
            games = dict.fromkeys(str(part["games"]) for part in ways.values())
            rows.append([job["title"], name.replace("_", " "), *scores, " / ".join(games)])
    return head, rows
