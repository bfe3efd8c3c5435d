"""One score for each seed: how files hold them, and the two cells that tables show of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rssm.numbers import DASH, points
from rssm.storage.shape import COUNT, NUMBER, ListOf, Record

SEEDS = ListOf(NUMBER, least=1)
#: of one policy: the mean score of each seed, the games that each played, and how many of all were stopped
SCORES = Record({"seeds": SEEDS, "games": COUNT}, {"stopped": COUNT})


def scores_of(games: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The scores of one policy's games, those of each seed as a run keeps them; :data:`SCORES` without ``stopped``."""
    return {"seeds": [part["mean"] for part in games], "games": games[0]["games"]}


def cells(scores: Sequence[float]) -> list[str]:
    """The mean, and the seeds one by one; dashes where there are none."""
    if not scores:
        return [DASH, DASH]
    return [points(statistics.fmean(scores)), ", ".join(map(points, scores))]


def heads(policies: Sequence[str]) -> list[str]:
    """The heads of :func:`cells` of several policies."""
    return [column for policy in policies for column in (policy, "each seed")]
