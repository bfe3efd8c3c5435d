"""The scores of a job's runs along their real steps, as a table of results has them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.play.record import read_curve
from agents.play.scores import POLICIES
from rssm.numbers import points
from rssm.storage.shape import COUNT, NUMBER, ListOf, Record

_SEEDS = ListOf(NUMBER, least=1)
#: the scores after so many real steps, one of each seed
SHAPE = ListOf(Record({"env_steps": COUNT, "games": COUNT, **dict.fromkeys(POLICIES, _SEEDS)}))


def read_along(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """The evaluations that all runs have at the same real steps: :data:`SHAPE`.

    Of several at the same steps the last one counts, as with updates that follow the last real step. Runs that kept no
    curve have none.
    """
    curves = [{point["env_steps"]: point for point in read_curve(run)} for run in runs]
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    entries = []
    for steps in shared:
        looks = [curve[steps] for curve in curves]
        if all(look.keys() >= set(POLICIES) for look in looks):
            scores = {policy: [look[policy]["mean"] for look in looks] for policy in POLICIES}
            entries.append({"env_steps": steps, "games": min(look[POLICIES[0]]["games"] for look in looks), **scores})
    return entries


def along_table(entries: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Head and rows: real steps, for each policy the mean and the seeds one by one, games of each seed."""
    head = ["real steps", *(column for policy in POLICIES for column in (policy, "each seed")), "games"]
    rows = [
        [
            entry["env_steps"],
            *(
                cell
                for policy in POLICIES
                for cell in (points(statistics.fmean(entry[policy])), ", ".join(map(points, entry[policy])))
            ),
            entry["games"],
        ]
        for entry in entries
    ]
    return head, rows
