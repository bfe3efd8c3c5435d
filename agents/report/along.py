"""The scores of a job's runs along their real steps, as a table of results has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.play.record import read_curve
from agents.play.scores import POLICIES
from agents.report.seeds import SEEDS, cells, heads
from rssm.storage.shape import COUNT, ListOf, Record

#: the scores after so many real steps, one of each seed
SHAPE = ListOf(Record({"env_steps": COUNT, "games": COUNT, **dict.fromkeys(POLICIES, SEEDS)}))

#: (real steps, mean score) of the evaluations of one run
Curve = list[tuple[int, float]]


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
    head = ["real steps", *heads(POLICIES), "games"]
    rows = [
        [entry["env_steps"], *(cell for policy in POLICIES for cell in cells(entry[policy])), entry["games"]]
        for entry in entries
    ]
    return head, rows


def mean_curve(curves_of_seeds: Sequence[Curve]) -> Curve:
    """The mean of several curves where all of them have values, drawn straight between two evaluations."""
    first = max(curve[0][0] for curve in curves_of_seeds)
    last = min(curve[-1][0] for curve in curves_of_seeds)
    steps = sorted({step for curve in curves_of_seeds for step, _ in curve if first <= step <= last})
    placed = [np.array(curve, np.float64) for curve in curves_of_seeds]  # (N, 2) each
    scores = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in placed]
    return [(step, float(score)) for step, score in zip(steps, np.mean(scores, axis=0), strict=True)]


def steps_to(curve: Curve, score: float) -> int | None:
    """The real steps of the first evaluation that reached a score; None if none did."""
    return next((step for step, reached in curve if reached >= score), None)
