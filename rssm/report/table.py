"""The evaluation as text that a person reads at a glance, 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rssm.config import HORIZON
from rssm.report import further, tables

#: widths of the first column and of each other one
_WIDTHS = (31, 11)

#: a line's label and its value at each step
_Row = tuple[str, Sequence[float | None]]


def format_table(result: Mapping[str, Any]) -> str:
    """Lay out the dictionary of :func:`rssm.evaluation.openloop.evaluate`; lines without a last newline."""
    protocol = result["protocol"]
    data = protocol["data"]
    title = f"{result['windows']} windows of {protocol['episodes']} {data['role']} games"
    lines = [f"Open-loop error, squared pixels: {title}", f"Data: {data['folder']}"]
    lines.append(f"Prediction: {protocol['prediction']}")
    lines += _section("recorded actions", _errors(result))
    lines += _section("what happens: windows, share ¹", _events(result))
    lines += _section("feature of the newest frame", result["features"].items())
    start, off_policy, floor = result["start"], result["off_policy"], result["floor"]
    if "skipped" in start:
        lines += ["", f"first 40 steps of a game: skipped, {start['skipped']}"]
    else:
        rows = [("least possible error", start["floor"]), ("model", start["model"])]
        rows.append(("model ÷ least possible", start["ratio"]))
        lines += _section(f"first 40 steps, {start['windows']} windows", rows)
    if "skipped" in off_policy:
        lines += ["", f"random actions: skipped, {off_policy['skipped']}"]
    else:
        rows = [*_errors(off_policy), ("÷ recorded actions", off_policy["ratio"])]
        rows.append(("÷ recorded, same starts", off_policy["same_starts"]["ratio"]))
        lines += _section(f"random actions, {off_policy['windows']} windows", rows)
    blind = result["action_blind"]
    if "skipped" in blind:
        lines += ["", f"told other actions: skipped, {blind['skipped']}"]
    else:
        rows = [("told others: mean", blind["mse"]["mean"]), ("÷ told the right ones", blind["ratio"])]
        lines += _section(f"told other actions, {blind['windows']}", rows)
    if "skipped" in floor:
        lines += ["", f"floor: skipped, {floor['skipped']}"]
    else:
        rows = [("variance of the futures", floor["mean"]), ("model against all futures", floor["model"])]
        rows += [("model ÷ floor", floor["ratio"]), ("the same, but for starts", floor["after_start"]["ratio"])]
        lines += _section(f"floor, {floor['windows']} windows x {floor['futures']}", rows)
    for section in further.sections(result):
        if section.rows:
            lines += _section(section.title, section.rows, section.heads)
            lines += [section.note] if section.note else []
        else:
            lines += ["", f"{section.title}: skipped, {section.note}"]
    lines += ["", f"¹ share of the model's total error at k = {HORIZON - 1}"]
    return "\n".join(lines)


def _errors(result: Mapping[str, Any]) -> list[_Row]:
    """The model's statistics and those of the baselines."""
    mse = result["mse"]
    rows = _distribution("model", mse)
    rows[1:1] = [
        ("      95 % of the mean, from", [low for low, _ in mse["ci95"]]),
        ("                          to", [high for _, high in mse["ci95"]]),
    ]
    rows.append(("      mean, newest frame only", result["frame_mse"]["mean"]))
    for name, baseline in result["baselines"].items():
        rows += _distribution(name.replace("_", " "), baseline)
    return rows + [(f"{name} off by, pixels", values) for name, values in result["mae"].items()]


def _distribution(name: str, statistics: Mapping[str, Any]) -> list[_Row]:
    return [
        (f"{name}: mean", statistics["mean"]),
        ("      median", statistics["median"]),
        ("      90th percentile", statistics["p90"]),
    ]


def _events(result: Mapping[str, Any]) -> list[_Row]:
    total = result["windows"] * result["mse"]["mean"][-1]
    rows: list[_Row] = []
    for name, event in result["events"].items():
        share = event["windows"] * event["mean"][-1] / total if total > 0 else 0.0
        rows.append((f"{name.replace('_', ' '):<14}{event['windows']:>8}{share:>6.0%}", event["mean"]))
    return rows


def _section(title: str, rows: Iterable[_Row], heads: Sequence[str] = tables.STEPS) -> list[str]:
    table = [[_cut(label), *values] for label, values in rows]
    return ["", *tables.text([_cut(title), *heads], table, _WIDTHS)]


def _cut(label: str) -> str:
    """A player's name can be longer than the column."""
    return label if len(label) < _WIDTHS[0] else f"{label[: _WIDTHS[0] - 2]}…"
