"""Tables from the same rows, as Markdown for a page and as aligned text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rssm.config import HORIZON
from rssm.numbers import shown

#: a cell is text, a number, or None where there is no value
Row = Sequence[object]

#: heads of the columns for the steps of a prediction
STEPS = tuple(f"k = {k}" for k in range(HORIZON))


def markdown(head: Row, rows: Iterable[Row]) -> list[str]:
    """The lines of a Markdown table; see :func:`rssm.numbers.shown` for how cells are written."""
    return [_line(head), "|---" * len(head) + "|", *map(_line, rows)]


def text(head: Row, rows: Iterable[Row], widths: tuple[int, int] | None = None) -> list[str]:
    """The lines of a table for a terminal: first column to the left, the others to the right, a rule below the head.

    Args:
        head: of the columns.
        rows: of cells.
        widths: of the first column and of each other one; None takes what the widest cells need.
    """
    cells = [[shown(cell) for cell in row] for row in (head, *rows)]
    if widths is None:
        needed = [max(map(len, column)) for column in zip(*cells, strict=True)]
        columns = [needed[0], *(width + 2 for width in needed[1:])]
    else:
        columns = [widths[0], *[widths[1]] * (len(head) - 1)]
    lines = ["".join([f"{row[0]:<{columns[0]}}", *map("{:>{}}".format, row[1:], columns[1:])]) for row in cells]
    return [lines[0], "─" * sum(columns), *lines[1:]]


def _line(cells: Row) -> str:
    return "| " + " | ".join(shown(cell).replace("|", "\\|") for cell in cells) + " |"
