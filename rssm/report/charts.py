"""Charts of an evaluation and of a training, as SVG text for a page or PNG bytes for a tracker."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rssm.numbers import number, short

#: errors and losses below this are drawn on this line of the logarithmic axis
LEAST = 1e-3
#: a line of more points is thinned out
MOST_POINTS = 400

_INK = "#71767f"
_MODEL, _PERSISTENCE, _CONSTANT_VELOCITY, _FLOOR, _OFF_POLICY = "#2f7df0", "#80868f", "#c2711c", "#1f9d55", "#9a5fe0"
_BLIND, _TEAL, _OLIVE = "#d1457a", "#1a9aa8", "#a08a1c"
#: of lines that need no colour of their own, in order
COLOURS = (_MODEL, _CONSTANT_VELOCITY, _FLOOR, _OFF_POLICY, _BLIND, _TEAL, _OLIVE)
#: marks of the same, by which they are told apart without colours
MARKERS = ("o", "^", "v", "x", "D", "s", "P")
#: what page.css calls them: on a page they are darker on white than on black
_NAMES = {
    _MODEL: "model",
    _PERSISTENCE: "persistence",
    _CONSTANT_VELOCITY: "velocity",
    _FLOOR: "floor",
    _OFF_POLICY: "off-policy",
    _BLIND: "blind",
    _TEAL: "teal",
    _OLIVE: "olive",
}
#: the colour of each of these
COLOUR_OF = {name: colour for colour, name in _NAMES.items()}
#: of lines, likewise
STYLES = ("-", "--", ":", "-.")
_FONT = 8.8
_LABEL_HEIGHT = 0.19  # inches


@dataclass(frozen=True)
class Line:
    """One line: ``points`` (x, y), where a y that is None or not finite leaves a gap; ``name`` stands at its end.

    ``interval`` (low, high) of each point is drawn as a vertical bar.
    """

    name: str
    points: Sequence[tuple[float, float | None]]
    colour: str
    style: str = "-"
    width: float = 1.4
    marker: str = ""
    interval: Sequence[Sequence[float]] = ()


def error_by_step(result: Mapping[str, Any]) -> Figure:
    """Open-loop error by step, px² on a logarithmic axis: model, baselines and what else was measured by step.

    Args:
        result: what ``openloop.json`` holds.
    """
    mse, off_policy, floor = result["mse"], result.get("off_policy", {}), result.get("floor", {})
    blind = result.get("action_blind", {})
    lines = []
    for name, colour, marker in (("constant_velocity", _CONSTANT_VELOCITY, "^"), ("persistence", _PERSISTENCE, "s")):
        found = result["baselines"][name]
        interval = found.get("ci95", ())
        lines.append(
            Line(name.replace("_", " "), _steps(found["mean"]), colour, marker=marker, interval=interval, width=1.1)
        )
    if "mse" in blind:
        found = blind["mse"]
        lines.append(Line("action-blind", _steps(found["mean"]), _BLIND, "-.", 1.1, "D", found["ci95"]))
    lines += [
        Line("90th percentile", _steps(mse["p90"]), _MODEL, ":"),
        Line("model, mean", _steps(mse["mean"]), _MODEL, width=1.9, marker="o", interval=mse["ci95"]),
        Line("median", _steps(mse["median"]), _MODEL, "--"),
    ]
    if "mse" in off_policy:
        lines.append(Line("random actions", _steps(off_policy["mse"]["mean"]), _OFF_POLICY, "-.", marker="x"))
    if "mean" in floor:
        lines.append(Line("floor", _steps(floor["mean"]), _FLOOR, "--", marker="v"))
    figure, axes = _axes()
    low, high = ([drawn(ends[i]) for ends in mse["ci95"]] for i in (0, 1))
    axes.fill_between(range(len(low)), low, high, color=_MODEL, alpha=0.22, lw=0)
    _draw(axes, lines, with_values=True)
    axes.set_xticks(range(len(low)), [f"k = {k}" for k in range(len(low))])
    axes.set_title("squared error, px²", loc="left", color=_INK, fontsize=_FONT)
    return figure


def errors_by_row(lines: Sequence[Line]) -> Figure:
    """Open-loop error by step of several predictors, px² on a logarithmic axis; each name stands beside its mark.

    Args:
        lines: the error at each step of each.
    """
    figure, axes = _axes(labels=len(lines))
    _draw(axes, lines, with_values=True, with_marks=True)
    steps = max((len(line.points) for line in lines), default=0)
    axes.set_xticks(range(steps), [f"k = {k}" for k in range(steps)])
    axes.set_title("mean squared error, px²", loc="left", color=_INK, fontsize=_FONT)
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
            colour, mark = (_PERSISTENCE, "s") if "persistence" in key else (COLOURS[place], MARKERS[place])
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
    figure, axes = _axes(log)
    _draw(axes, lines, with_values=False)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(axis, color=_INK, fontsize=_FONT)
    axes.set_title(title, loc="left", color=_INK, fontsize=_FONT)
    return figure


def survival_curves(survival: Mapping[str, Any]) -> Figure:
    """The share of long rollouts that are still right, over agent steps.

    Args:
        survival: what ``openloop.json`` holds under that name.
    """
    lines = [
        Line(name, [(0, 1.0), *enumerate(survival[key]["curve"], start=1)], colour, style)
        for name, key, colour, style in (
            ("within 2 px", "within_2px", _MODEL, "-"),
            ("within 12 px", "within_12px", _FLOOR, "--"),
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
    figure, axes = _axes(log=False)
    axes.set_ylim(0, 1.1 * max(max(shares) for shares in ranks.values()))
    _draw(axes, [Line("even", [(0.0, 1 / bins), (1.0, 1 / bins)], _PERSISTENCE, "--"), *lines], with_values=False)
    axes.set_xlabel("place of the truth among the futures", color=_INK, fontsize=_FONT)
    axes.set_title("share of windows", loc="left", color=_INK, fontsize=_FONT)
    return figure


def games_strip(scores: Mapping[str, Sequence[float]]) -> Figure:
    """Every game's score as a mark, a row for each way to play, with a line at the mean.

    Args:
        scores: of the games, by the way they were played.
    """
    figure, axes = _axes(log=False)
    low, high = min(map(min, scores.values())), max(map(max, scores.values()))
    room = 0.06 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(len(scores) - 0.4, -0.6)
    for row, (name, values) in enumerate(scores.items()):
        spread = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
        axes.plot(values, row + spread, ls="", marker=MARKERS[row], ms=4, color=COLOURS[row], alpha=0.75)
        axes.vlines(np.mean(values), row - 0.32, row + 0.32, color=COLOURS[row], lw=2)
        axes.text(1.03, row, f"{name}  {number(float(np.mean(values)))}", transform=axes.get_yaxis_transform(),
                  color=COLOURS[row], va="center", fontsize=_FONT)  # fmt: skip
    axes.set_yticks([])
    axes.set_title("score of every game", loc="left", color=_INK, fontsize=_FONT)
    return figure


def to_svg(figure: Figure, name: str) -> str:
    """The figure as an ``<svg>`` element for an HTML page; its ids start with ``name``.

    It is inked in the text's colour, and its lines in the page's own colours, which change with light and dark.
    """
    buffer = io.StringIO()
    # the same chart is the same text; letters stay letters
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box is not None
    body = body.replace("xlink:href", "href").replace(_INK, "currentColor")
    for colour, themed in _NAMES.items():
        body = body.replace(colour, f"var(--{themed})")
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    return f"<svg {box.group()}>{body}"


def to_png(figure: Figure, dpi: int = 200) -> bytes:
    """The figure as a PNG on white, of so many pixels an inch."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def drawn(value: float | None) -> float:
    """Where a value is drawn on a logarithmic axis: at least at :data:`LEAST`; nowhere (nan) if it is not a number."""
    if value is None or not math.isfinite(value):
        return math.nan
    return max(LEAST, value)


def _finite(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value


def _steps(values: Sequence[float | None]) -> list[tuple[float, float | None]]:
    return list(enumerate(values))


def _axes(log: bool = True, labels: int = 0) -> tuple[Figure, Axes]:
    """Empty axes with room for names on the right; taller than usual where many are to be written."""
    height = max(2.57, labels * _LABEL_HEIGHT)  # of the axis, in inches
    figure = Figure(figsize=(4.8, height + 0.73))
    axes = figure.add_axes((0.115, 0.46 / (height + 0.73), 0.55, height / (height + 0.73)))
    if log:
        axes.set_yscale("log")
    axes.grid(color=_INK, alpha=0.22, lw=0.6)
    axes.tick_params(colors=_INK, which="both", labelsize=_FONT, length=2)
    axes.tick_params(which="minor", left=False, labelleft=False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    return figure, axes


def _draw(axes: Axes, lines: Sequence[Line], with_values: bool, with_marks: bool = False) -> None:
    """Draw the lines and write each one's name at its end, moved apart where two would overlap."""
    ends = []
    # None and infinite values are gaps on any axis; only a logarithmic one has a least value
    place_of = drawn if axes.get_yscale() == "log" else _finite
    for line in lines:
        xs, ys = [x for x, _ in line.points], [place_of(y) for _, y in line.points]
        axes.plot(
            xs, ys, color=line.colour, ls=line.style, lw=line.width, marker=line.marker, ms=3.6, solid_capstyle="round"
        )
        for x, (low, high) in zip(xs, line.interval, strict=False):
            axes.vlines(x, place_of(low), place_of(high), color=line.colour, lw=0.9)
        last = next((y for _, y in reversed(line.points) if y is not None and math.isfinite(y)), None)
        if last is not None and line.name:
            ends.append((place_of(last), f"{line.name}  {short(last)}" if with_values else line.name, line))
    scale = axes.yaxis.get_transform().transform
    bottom, top = scale(np.array(axes.get_ylim()))
    ends.sort(key=lambda end: end[0])
    gap = _LABEL_HEIGHT * axes.figure.dpi / axes.get_window_extent().height
    places = _apart(((scale(np.array([end[0] for end in ends])) - bottom) / (top - bottom)).tolist(), gap)
    for place, (_, name, line) in zip(places, ends, strict=True):
        if with_marks:
            axes.scatter(1.035, place, s=14, c=line.colour, marker=line.marker, transform=axes.transAxes, clip_on=False)
        left = 1.06 if with_marks else 1.03
        axes.text(left, place, name, transform=axes.transAxes, color=line.colour, va="center", fontsize=_FONT)


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Ascending places, moved as little as needed to stand ``gap`` apart."""
    moved = list(places)
    for _ in range(1000):
        for i in range(len(moved) - 1):
            overlap = gap - (moved[i + 1] - moved[i])
            if overlap > 0:
                moved[i] -= overlap / 2
                moved[i + 1] += overlap / 2
    last = len(moved) - 1
    if last * gap <= 1:  # all of them have room beside the axis, none below or above it
        moved = [max(place, i * gap) for i, place in enumerate(moved)]
        moved = [min(place, 1 - (last - i) * gap) for i, place in enumerate(moved)]
    return moved
