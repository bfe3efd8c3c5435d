"""Charts of an evaluation and of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rssm.numbers import number
from rssm.report.drawing import (
    BLIND,
    COLOURS,
    CONSTANT_VELOCITY,
    FLOOR,
    FONT,
    INK,
    MARKERS,
    MODEL,
    OFF_POLICY,
    PERSISTENCE,
    STYLES,
    Line,
    draw,
    drawn,
    new_axes,
)

#: a line of more points is thinned out
MOST_POINTS = 400


def error_by_step(result: Mapping[str, Any]) -> Figure:
    """Open-loop error by step, px² on a logarithmic axis: model, baselines and what else was measured by step.

    Args:
        result: what ``openloop.json`` holds.
    """
    mse, off_policy, floor = result["mse"], result.get("off_policy", {}), result.get("floor", {})
    blind = result.get("action_blind", {})
    lines = []
    for name, colour, marker in (("constant_velocity", CONSTANT_VELOCITY, "^"), ("persistence", PERSISTENCE, "s")):
        found = result["baselines"][name]
        interval = found.get("ci95", ())
        lines.append(
            Line(name.replace("_", " "), _steps(found["mean"]), colour, marker=marker, interval=interval, width=1.1)
        )
    if "mse" in blind:
        found = blind["mse"]
        lines.append(Line("action-blind", _steps(found["mean"]), BLIND, "-.", 1.1, "D", found["ci95"]))
    lines += [
        Line("90th percentile", _steps(mse["p90"]), MODEL, ":"),
        Line("model, mean", _steps(mse["mean"]), MODEL, width=1.9, marker="o", interval=mse["ci95"]),
        Line("median", _steps(mse["median"]), MODEL, "--"),
    ]
    if "mse" in off_policy:
        lines.append(Line("random actions", _steps(off_policy["mse"]["mean"]), OFF_POLICY, "-.", marker="x"))
    if "mean" in floor:
        lines.append(Line("floor", _steps(floor["mean"]), FLOOR, "--", marker="v"))
    figure, axes = new_axes()
    low, high = ([drawn(ends[i]) for ends in mse["ci95"]] for i in (0, 1))
    axes.fill_between(range(len(low)), low, high, color=MODEL, alpha=0.22, lw=0)
    draw(axes, lines, with_values=True)
    axes.set_xticks(range(len(low)), [f"k = {k}" for k in range(len(low))])
    axes.set_title("squared error, px²", loc="left", color=INK, fontsize=FONT)
    return figure


def errors_by_row(lines: Sequence[Line]) -> Figure:
    """Open-loop error by step of several predictors, px² on a logarithmic axis; each name stands beside its mark.

    Args:
        lines: the error at each step of each.
    """
    figure, axes = new_axes(labels=len(lines))
    draw(axes, lines, with_values=True, with_marks=True)
    steps = max((len(line.points) for line in lines), default=0)
    axes.set_xticks(range(steps), [f"k = {k}" for k in range(steps)])
    axes.set_title("mean squared error, px²", loc="left", color=INK, fontsize=FONT)
    return figure


def training_curves(history: Sequence[Mapping[str, Any]], names: Mapping[str, str], title: str) -> Figure | None:
    """Scalars of ``metrics.jsonl`` over updates, on a logarithmic axis.

    Args:
        history: the file's lines.
        names: what to call each scalar, by its key in ``history``.
        title: what is drawn, and its unit.

    Returns:
        None where none of them was logged.
    """
    lines: list[Line] = []
    for key, name in names.items():
        points = [(row["update"], row[key]) for row in history if row.get(key) is not None]
        if points:
            thinned = points[:: math.ceil(len(points) / MOST_POINTS)]
            kept = thinned if thinned[-1] == points[-1] else [*thinned, points[-1]]
            place = len(lines) % len(COLOURS)
            colour, mark = (PERSISTENCE, "s") if "persistence" in key else (COLOURS[place], MARKERS[place])
            style = STYLES[len(lines) % len(STYLES)]
            lines.append(Line(name, kept, colour, style, marker=mark if len(kept) < 30 else ""))
    return curves(lines, title, "updates") if lines else None


def curves(lines: Sequence[Line], title: str, axis: str, *, log: bool = True) -> Figure:
    """Lines over whole numbers.

    Args:
        lines: what to draw; a line without a name is drawn without a label.
        title: what is drawn, and its unit.
        axis: what is counted along the horizontal axis.
        log: whether the vertical axis is logarithmic.
    """
    figure, axes = new_axes(log)
    draw(axes, lines, with_values=False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(axis, color=INK, fontsize=FONT)
    axes.set_title(title, loc="left", color=INK, fontsize=FONT)
    return figure


def survival_curves(survival: Mapping[str, Any]) -> Figure:
    """The share of long rollouts that are still right, over agent steps.

    Args:
        survival: what ``openloop.json`` holds under that name.
    """
    lines = [
        Line(name, [(0, 1.0), *enumerate(survival[key]["curve"], start=1)], colour, style)
        for name, key, colour, style in (
            ("within 2 px", "within_2px", MODEL, "-"),
            ("within 12 px", "within_12px", FLOOR, "--"),
        )
    ]
    return curves(lines, "share of rollouts that are right for so long", "agent steps", log=False)


def rank_histogram(ranks: Mapping[str, Sequence[float]]) -> Figure:
    """How often the truth has which place among sampled futures, by position, beside an even spread.

    Args:
        ranks: shares of the bins, from below all futures to above them all, by name.
    """
    bins = len(next(iter(ranks.values())))
    lines = [
        Line(name, [((i + 0.5) / bins, share) for i, share in enumerate(shares)], COLOURS[place], marker=MARKERS[place])
        for place, (name, shares) in enumerate(ranks.items())
    ]
    figure, axes = new_axes(log=False)
    axes.set_ylim(0, 1.1 * max(max(shares) for shares in ranks.values()))
    draw(axes, [Line("even", [(0.0, 1 / bins), (1.0, 1 / bins)], PERSISTENCE, "--"), *lines], with_values=False)
    axes.set_xlabel("place of the truth among the futures", color=INK, fontsize=FONT)
    axes.set_title("share of windows", loc="left", color=INK, fontsize=FONT)
    return figure


def games_strip(scores: Mapping[str, Sequence[float]]) -> Figure:
    """Every game's score as a mark, a row for each way to play, with a line at the mean.

    Args:
        scores: of the games, by the way they were played.
    """
    figure, axes = new_axes(log=False)
    low, high = min(map(min, scores.values())), max(map(max, scores.values()))
    room = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(len(scores) - 0.4, -0.6)
    for row, (name, values) in enumerate(scores.items()):
        spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(values, row + spread, ls="", marker=MARKERS[row], ms=4, color=COLOURS[row], alpha=0.75)
        axes.vlines(np.mean(values), row - 0.32, row + 0.32, color=COLOURS[row], lw=2)
        axes.text(1.03, row, f"{name}  {number(float(np.mean(values)))}", transform=axes.get_yaxis_transform(),
                  color=COLOURS[row], va="center", fontsize=FONT)  # fmt: skip
    axes.set_yticks([])
    axes.set_title("score of every game", loc="left", color=INK, fontsize=FONT)
    return figure


def _steps(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return list(enumerate(values))
