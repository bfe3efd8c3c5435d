"""The ladder's picture: the few rows that matter. The table beside it has them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from rssm.ladder.outcomes import LAST
from rssm.ladder.rows import Row
from rssm.report.charts import curves, errors_by_row
from rssm.report.drawing import COLOUR_OF, STYLES, Line, to_png

#: a picture of more lines is not read
MOST_ROWS = 10
#: of each kind of prediction, as in all other pictures where it stands in one
_COLOURS = {
    "constant_velocity": COLOUR_OF["velocity"],
    "persistence": COLOUR_OF["persistence"],
    "rssm": COLOUR_OF["model"],
    "mlp": COLOUR_OF["olive"],
    "gru": COLOUR_OF["teal"],
    "lstm": COLOUR_OF["teal"],
    "diffusion": "#7a4a3a",
}
#: of the rows that other pictures show too, and of the others, in order
_MARKS = {"constant_velocity": "^", "persistence": "s", "rssm": "o"}
_FURTHER_MARKS = ("v", "D", "x", "P", "*", "<", ">", "h", "d", "+")


def rows_that_matter(errors: Mapping[str, Sequence[float]], rows: Mapping[str, Row]) -> list[str]:
    """Those that the picture shows, the worst first.

    They are, as far as there is room: the rows whose presets change nothing (the two that need no training, our model,
    and the best of the notes), then the best row of each kind of network, then the worst of each.

    Args:
        errors: of each row that has some, at each step.
        rows: by name.
    """
    worst_first = sorted((name for name in errors if name in rows), key=lambda name: -errors[name][-1])
    plain = [name for name in worst_first if not rows[name].changes]
    best = {_kind(rows[name]): name for name in worst_first}  # the last of each kind stays
    worst = {_kind(rows[name]): name for name in reversed(worst_first)}
    chosen = list(dict.fromkeys([*plain, *best.values(), *worst.values()]))[:MOST_ROWS]
    return [name for name in worst_first if name in chosen]


def draw(errors: Mapping[str, Sequence[float]], rows: Mapping[str, Row]) -> bytes:
    """The picture as a PNG: a colour for each kind of network, a mark for each row, a broad line for our model."""
    lines, further, styles = [], iter(_FURTHER_MARKS), {colour: iter(STYLES * 3) for colour in _COLOURS.values()}
    for name in reversed(rows_that_matter(errors, rows)):
        row = rows[name]
        plain, colour = not row.changes, _COLOURS[_kind(row)]
        broad = plain and row.config.family == "rssm"
        style = "-" if broad else next(styles[colour])
        mark = _MARKS.get(row.config.family) if plain else None
        points = list(enumerate(errors[name]))
        lines.append(Line(row.label, points, colour, style, 2.6 if broad else 1.3, mark or next(further)))
    return to_png(errors_by_row(lines))


def error_by_time(errors: Mapping[str, Sequence[tuple[float, float]]], rows: Mapping[str, Row], clock: str) -> Figure:
    """The error at the last step over the seconds of a training.

    Args:
        errors: of each row, pairs of seconds and px².
        rows: by name.
        clock: what the seconds are of.
    """
    marks = iter(_FURTHER_MARKS)
    lines = [
        Line(
            rows[name].label,
            list(points),
            _COLOURS[_kind(rows[name])],
            "-" if rows[name].config.family == "rssm" else "--",
            marker=_MARKS.get(rows[name].config.family) or next(marks),
        )
        for name, points in errors.items()
    ]
    return curves(lines, f"mean squared error at k = {LAST}, px²", f"seconds of {clock}")


def _kind(row: Row) -> str:
    return row.config.baseline.network.kind if row.config.family == "baseline" else row.config.family
