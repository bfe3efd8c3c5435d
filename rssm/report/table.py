"""The evaluation as text that a person reads at a glance, 100 columns wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rssm.config import HORIZON

_LABEL, _CELL = 31, 11


def format_table(result: Mapping[str, Any]) -> str:
    """Lay out the dictionary of :func:`rssm.evaluation.openloop.evaluate`; lines without a last newline."""
    protocol = result["protocol"]
    title = f"{result['windows']} windows of {protocol['episodes']} held-out episodes"
    lines = [f"Open-loop error, squared pixels: {title}", f"Prediction: {protocol['prediction']}"]
    lines += _section("recorded actions")
    lines += _errors(result)
    lines += _section("what happens: windows, share ¹")
    lines += _events(result)
    lines += _section("feature of the newest frame")
    lines += [_row(name, values) for name, values in result["features"].items()]
    off_policy, floor = result["off_policy"], result["floor"]
    start = result["start"]
    if "skipped" in start:
        lines += ["", f"first 40 steps of a game: skipped, {start['skipped']}"]
    else:
        lines += _section(f"first 40 steps of a game, {start['windows']} windows")
        lines.append(_row("least possible error", start["floor"]))
        lines.append(_row("model", start["model"]))
        lines.append(_row("model ÷ least possible", start["ratio"]))
    if "skipped" in off_policy:
        lines += ["", f"random actions: skipped, {off_policy['skipped']}"]
    else:
        lines += _section(f"random actions, {off_policy['windows']} windows")
        lines += _errors(off_policy)
        lines.append(_row("÷ recorded actions", off_policy["ratio"]))
        lines.append(_row("÷ recorded, same starts", off_policy["same_starts"]["ratio"]))
    if "skipped" in floor:
        lines += ["", f"floor: skipped, {floor['skipped']}"]
    else:
        lines += _section(f"floor, {floor['windows']} windows x {floor['futures']}")
        lines.append(_row("variance of the futures", floor["mean"]))
        lines.append(_row("model against all futures", floor["model"]))
        lines.append(_row("model ÷ floor", floor["ratio"]))
        lines.append(_row("the same, but for starts", floor["after_start"]["ratio"]))
    lines += ["", f"¹ share of the model's total error at k = {HORIZON - 1}"]
    return "\n".join(lines)


def _errors(result: Mapping[str, Any]) -> list[str]:
    """The model's statistics and those of the baselines."""
    mse = result["mse"]
    lines = _distribution("model", mse)
    lines[1:1] = [
        _row("      95 % of the mean, from", [low for low, _ in mse["ci95"]]),
        _row("                          to", [high for _, high in mse["ci95"]]),
    ]
    lines.append(_row("      mean, newest frame only", result["frame_mse"]["mean"]))
    for name, baseline in result["baselines"].items():
        lines += _distribution(name.replace("_", " "), baseline)
    return lines + [_row(f"{name} off by, pixels", values) for name, values in result["mae"].items()]


def _distribution(name: str, statistics: Mapping[str, Any]) -> list[str]:
    return [
        _row(f"{name}: mean", statistics["mean"]),
        _row("      median", statistics["median"]),
        _row("      90th percentile", statistics["p90"]),
    ]


def _events(result: Mapping[str, Any]) -> list[str]:
    total = result["windows"] * result["mse"]["mean"][-1]
    lines = []
    for name, event in result["events"].items():
        share = event["windows"] * event["mean"][-1] / total if total > 0 else 0.0
        label = f"{name.replace('_', ' '):<14}{event['windows']:>8}{share:>6.0%}"
        lines.append(_row(label, event["mean"]))
    return lines


def _section(title: str) -> list[str]:
    heads = "".join(f"{f'k = {step}':>{_CELL}}" for step in range(HORIZON))
    return ["", f"{title:<{_LABEL}}{heads}", "─" * (_LABEL + HORIZON * _CELL)]


def _row(label: str, values: Sequence[float | None]) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{_number(value):>{_CELL}}" for value in values)


def _number(value: float | None) -> str:
    """Three digits that matter, whatever the size; a dash where there is no value."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.2g}"
