"""What an evaluation says beyond six steps on the data's own player, as rows: other players, long rollouts, doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rssm.config import HORIZON
from rssm.evaluation.survival import MARKS

_K = tuple(f"k = {k}" for k in range(HORIZON))


@dataclass(frozen=True)
class Section:
    """A table of six columns.

    Attributes:
        title: what it shows.
        rows: (label, six values or None where there is none); empty where it was not measured.
        heads: of the columns.
        note: what has no place in a column, or why nothing was measured.
    """

    title: str
    rows: Sequence[tuple[str, Sequence[float | None]]]
    heads: Sequence[str] = _K
    note: str = ""


def sections(result: Mapping[str, Any]) -> list[Section]:
    """The sections of a result; none for a part that an older result does not have."""
    return [section for key in _PARTS if (section := describe(result, key)) is not None]


def describe(result: Mapping[str, Any], key: str) -> Section | None:
    """The section of one part, ``players``, ``survival`` or ``calibration``; None where an older result has none."""
    part = result.get(key)
    if part is None:
        return None
    title, lay_out = _PARTS[key]
    return Section(title, [], note=part["skipped"]) if "skipped" in part else lay_out(part)


def _players(part: Mapping[str, Any]) -> Section:
    rows: list[tuple[str, Sequence[float | None]]] = []
    for name, player in part["players"].items():
        rows.append((name, player["mse"]["mean"]))
        rows.append(("      ÷ the main games", player["ratio"]))
        if "after_start" in player:
            rows.append(("      the same without starts of games", player["after_start"]["ratio"]))
        if "serve" in player["events"]:
            rows.append(("      serves", player["events"]["serve"]["mean"]))
        if "player_hit" in player["events"]:
            rows.append(("      our paddle hits", player["events"]["player_hit"]["mean"]))
    games = sum(player["games"] for player in part["players"].values())
    return Section(f"other players, {games} games", rows, note=f"worst: {part['worst']['player']}")


def _survival(part: Mapping[str, Any]) -> Section:
    rows = [
        (f"share within {pixels} px", [part[key]["share"][str(mark)] for mark in MARKS])
        for pixels, key in ((2, "within_2px"), (12, "within_12px"))
    ]
    near, far = (part[key]["median"] for key in ("within_2px", "within_12px"))
    note = f"right for a median of {near:g} steps (2 px) and {far:g} steps (12 px) of {part['steps']}"
    return Section(f"{part['rollouts']} rollouts, after steps", rows, [str(mark) for mark in MARKS], note)


def _calibration(part: Mapping[str, Any]) -> Section:
    rows: list[tuple[str, Sequence[float | None]]] = [
        ("spread of the futures", part["spread"]),
        ("error of their mean", part["error"]),
        ("spread ÷ error", part["ratio"]),
        *((f"truths in the central {width} %", shares) for width, shares in part["coverage"].items()),
        ("truths beyond all futures", part["outside"]),
    ]
    if part["surprise"] is not None:
        rows.append(("surprise, nats", part["surprise"]))
    rows += [
        (f"      spread ÷ error, {name.replace('_', ' ')}", event["ratio"]) for name, event in part["events"].items()
    ]
    return Section(f"doubt, {part['windows']} windows x {part['samples']}", rows)


#: of each part of a result what it is called where it was skipped, and how it is laid out
_PARTS = {
    "players": ("games by other players", _players),
    "survival": ("long rollouts", _survival),
    "calibration": ("doubt", _calibration),
}
