"""What all charts are drawn with: colours, lines with a name at their end, axes; SVG for a page, PNG for a tracker."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from rssm.numbers import short

#: an axis that spans less has numbers between the powers of ten too
_FEW_DECADES = 100.0
#: errors and losses below this are drawn on this line of the logarithmic axis
LEAST = 1e-3

INK = "#71767f"
MODEL, PERSISTENCE, CONSTANT_VELOCITY, FLOOR, OFF_POLICY = "#2f7df0", "#80868f", "#c2711c", "#1f9d55", "#9a5fe0"
BLIND, _TEAL, _OLIVE = "#d1457a", "#1a9aa8", "#a08a1c"
#: of lines that need no colour of their own, in order
COLOURS = (MODEL, CONSTANT_VELOCITY, FLOOR, OFF_POLICY, BLIND, _TEAL, _OLIVE)
#: marks of the same, by which they are told apart without colours
MARKERS = ("o", "^", "v", "x", "D", "s", "P")
#: what page.css calls them: on a page they are darker on white than on black
_NAMES = {
    MODEL: "model",
    PERSISTENCE: "persistence",
    CONSTANT_VELOCITY: "velocity",
    FLOOR: "floor",
    OFF_POLICY: "off-policy",
    BLIND: "blind",
    _TEAL: "teal",
    _OLIVE: "olive",
}
#: the colour of each of these
COLOUR_OF = {name: colour for colour, name in _NAMES.items()}
#: of lines, likewise
STYLES = ("-", "--", ":", "-.")
FONT = 8.8
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
    body = body.replace("xlink:href", "href").replace(INK, "currentColor")
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


def new_axes(log: bool = True, labels: int = 0) -> tuple[Figure, Axes]:
    """Empty axes with room for names on the right; taller than usual where many are to be written."""
    height = max(2.57, labels * _LABEL_HEIGHT)  # of the axis, in inches
    figure = Figure(figsize=(4.8, height + 0.73))
    axes = figure.add_axes((0.115, 0.46 / (height + 0.73), 0.55, height / (height + 0.73)))
    if log:
        axes.set_yscale("log")
    axes.grid(color=INK, alpha=0.22, lw=0.6)
    axes.tick_params(colors=INK, which="both", labelsize=FONT, length=2)
    axes.tick_params(which="minor", left=False, labelleft=False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    return figure, axes


def draw(axes: Axes, lines: Sequence[Line], with_values: bool, with_marks: bool = False) -> None:
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
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log" and high < _FEW_DECADES * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    scale = axes.yaxis.get_transform().transform
    bottom, top = scale(np.array(axes.get_ylim()))
    ends.sort(key=lambda end: end[0])
    gap = _LABEL_HEIGHT * axes.figure.dpi / axes.get_window_extent().height
    places = _apart(((scale(np.array([end[0] for end in ends])) - bottom) / (top - bottom)).tolist(), gap)
    for place, (_, name, line) in zip(places, ends, strict=True):
        if with_marks:
            axes.scatter(1.035, place, s=14, c=line.colour, marker=line.marker, transform=axes.transAxes, clip_on=False)
        left = 1.06 if with_marks else 1.03
        axes.text(left, place, name, transform=axes.transAxes, color=line.colour, va="center", fontsize=FONT)


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
