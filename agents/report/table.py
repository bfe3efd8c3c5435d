"""Scores of an agent as text that a person reads at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.play.scores import WAYS

_LABEL, _CELL = 12, 11


def format_games(result: Mapping[str, Any]) -> str:
    """The scores as a small table; lines without a last newline."""
    sticky = f"sticky actions {result['sticky']:g}" if result["sticky"] else "no sticky actions"
    heads = ("mean", "± error", "min", "median", "wins", "of", "steps")
    lines = [
        f"Real games, points made less points lost, {sticky}",
        _row("", heads),
        "─" * (_LABEL + len(heads) * _CELL),
    ]
    for name in WAYS:
        if name in result:
            games = result[name]
            values = [f"{games['mean']:+.2f}", f"{games['standard_error']:.2f}", f"{games['min']:+.0f}"]
            values += [
                f"{games['median']:+.1f}",
                f"{games['wins']:.0f}",
                f"{games['games']}",
                f"{games['length']:,.0f}",
            ]
            lines.append(_row(name, values))
            if games["finished"] < games["games"]:
                lines.append(f"{'':{_LABEL}}{games['games'] - games['finished']} stopped before their end")
    return "\n".join(lines)


def format_events(events: Mapping[str, Any], data: str) -> str:
    """The heads' precision and recall as a small table; lines without a last newline."""
    heads = ("events", "precision", "recall", "", "precision", "recall")
    lines = [f"Rewards and ends in {data}: read from the real state, and up to six imagined steps after it"]
    lines += [_row("", heads), "─" * (_LABEL + len(heads) * _CELL)]
    for name, observed in events["observed"].items():
        values = [f"{observed['events']}", _share(observed["precision"]), _share(observed["recall"]), ""]
        imagined = events["imagined"][name]
        values += [_share(imagined["precision"]), _share(imagined["recall"])]
        lines.append(_row(name.replace("_", " "), values))
    return "\n".join(lines)


def _row(label: str, values: tuple[str, ...] | list[str]) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{value:>{_CELL}}" for value in values)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
