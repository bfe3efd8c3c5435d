"""The charts of a run as pictures and as one page, for viewers that draw one line per chart and no tables."""

from __future__ import annotations

import base64
import functools
import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from rssm.config import HORIZON
from rssm.dashboard.names import REAL_STEPS, UPDATES
from rssm.dashboard.questions import Question
from rssm.numbers import number
from rssm.report.charts import curves
from rssm.report.drawing import COLOURS, Line, to_png
from rssm.storage.files import replace_file

_STYLES = ("-", "--", ":", "-.")
_GREY = "#80868f"
_DPI = 120
#: metrics by step, their name on the chart over the horizon, and how they are drawn there
_HORIZON = {
    "openloop/constant_velocity": ("constant velocity", COLOURS[1], "--"),
    "openloop/persistence": ("persistence", _GREY, "-."),
    "openloop/mse": ("model, mean", COLOURS[0], "-"),
    "openloop/median": ("model, median", COLOURS[0], "--"),
    "off_policy/mse": ("random actions", COLOURS[3], "-."),
    "floor/mse": ("floor", COLOURS[2], "--"),
    "imagination/error": ("on its own behaviour", COLOURS[0], "-"),
}
_STYLE_SHEET = (
    ":root{color-scheme:light dark}body{font:14px system-ui,sans-serif;margin:8px}img{max-width:560px;width:100%}"
    "table{border-collapse:collapse}td,th{padding:2px 10px 2px 0;text-align:left}td+td{text-align:right}"
)

#: the chart of one evaluation, and the page on which all charts are
HORIZON_CHART, PAGE = "error over the horizon", "charts"

History = Sequence[Mapping[str, Any]]


def over_horizon(row: Mapping[str, Any], unit: str) -> Figure:
    """One evaluation's error by step k: model, median, baselines, and random actions and floor where measured.

    Args:
        row: a line of ``metrics.jsonl``.
        unit: of the squared error.
    """
    lines = []
    for metric, (name, colour, style) in _HORIZON.items():
        points = [(float(k), row.get(f"{metric}_k{k}")) for k in range(HORIZON)]
        if any(value is not None for _, value in points):
            strong = metric == "openloop/mse"
            lines.append(Line(name, points, colour, style, width=2.2 if strong else 1.4, marker="o"))
    figure = curves(lines, f"squared error, {unit}", "predicted step k")
    figure.axes[0].set_xticks(range(HORIZON))
    return _readable(figure)


def over_training(questions: Sequence[Question], history: History, axis: str = UPDATES) -> dict[str, Figure]:
    """The charts of questions, by name; those of which nothing was logged are left out.

    Args:
        questions: what is drawn.
        history: lines of ``metrics.jsonl``.
        axis: what is counted, :data:`rssm.dashboard.names.UPDATES` or ``REAL_STEPS``.
    """
    logged = {name for row in history for name, value in row.items() if value is not None}
    charts = {}
    for question in questions:
        if question.needs and not any(name.startswith(question.needs) for name in logged):
            continue
        lines = []
        for metric, (name, colour, style) in _looks(question).items():
            if metric in logged:
                points = [(float(row[axis]), row[metric]) for row in history if metric in row and axis in row]
                lines.append(Line(name, points, colour, style, marker="o"))
        if lines:
            log = question.log and any(value is not None and value > 0 for line in lines for _, value in line.points)
            label = "real steps" if axis == REAL_STEPS else "updates"
            figure = curves(lines, question.title, label, log=log)
            figure.axes[0].set_xlim(0, 1.05 * max(1.0, *(x for line in lines for x, _ in line.points)))
            charts[question.name] = _readable(figure)
    return charts


def chart_key(name: str) -> str:
    """What the picture of a chart is called."""
    return f"chart_{name.replace(' ', '_')}"


def write_charts(
    folder: Path, title: str, charts: Mapping[str, Figure], values: Mapping[str, float | None]
) -> dict[str, Path | str]:
    """Write charts as PNG files, and put them together on one HTML page with a table of numbers.

    The page fetches nothing; names are escaped in it.

    Returns:
        the files' paths as ``chart_NAME``, and the page as ``charts``.
    """
    files: dict[str, Path | str] = {}
    parts = []
    for name, figure in charts.items():
        key = chart_key(name)
        content, path = to_png(figure, _DPI), folder / f"{key}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, functools.partial(_write, content))
        files[key] = path
        encoded, said = base64.b64encode(content).decode(), html.escape(name)
        parts.append(f'<h3>{said}</h3><img alt="{said}" src="data:image/png;base64,{encoded}">')
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(_written(value))}</td></tr>"
        for name, value in values.items()
    )
    files[PAGE] = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE_SHEET}</style><h2>{html.escape(title)}</h2>{''.join(parts)}"
        f"<h3>numbers</h3><table>{rows}</table></html>"
    )
    return files


def _looks(question: Question) -> dict[str, tuple[str, str, str]]:
    """Name, colour and style of each line, by its metric: what has a colour over the horizon has the same here."""
    whats = {metric: metric.rpartition("_k")[0] for metric in question.lines}
    looks, drawn = {}, set[str]()
    known = len({*whats.values()}) > 1 and all(what in _HORIZON for what in whats.values())
    for place, (metric, name) in enumerate(question.lines.items()):
        colour, style = COLOURS[place % len(COLOURS)], _STYLES[place % len(_STYLES)]
        if known:
            _, colour, style = _HORIZON[whats[metric]]
            style = ":" if whats[metric] in drawn else style
            drawn.add(whats[metric])
        looks[metric] = name, colour, style
    return looks


def _readable(figure: Figure) -> Figure:
    """The figure with numbers on its logarithmic axis even where that spans no power of ten."""
    axes = figure.axes[0]
    axes.minorticks_off()  # they are not seen, and take long
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log" and high < 30 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    return figure


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _written(value: float | None) -> str:
    return "–" if value is None or not math.isfinite(value) else number(value)
