"""Pieces of a self-contained HTML page: no request to anywhere, light and dark, wide and narrow, on screen and paper.

Text arguments are escaped; arguments called ``html`` are put in as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rssm.numbers import narrow

_FOLDER = Path(__file__).resolve().parent
#: the browser itself refuses whatever is not in the page
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class BarRow:
    """A row of :func:`bar_table`.

    Attributes:
        name: what it is of.
        sizes: length of the bar at each step, relative to the longest one of the table; the rows are ordered by it.
        cells: of the further columns: a value of every step, or one for all of them.
    """

    name: str
    sizes: Sequence[float]
    cells: Sequence[Sequence[object] | object]


def page(title: str, html: str) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{source('page.css')}</style></head>\n<body><main>\n{html}\n</main>"
        f"{script(source('steps.js'))}</body></html>\n"
    )


def source(name: str) -> str:
    """The text of a file beside this module."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def script(code: str) -> str:
    """A script of our own, as it is."""
    return f"<script>{code}</script>\n"


def data(name: str, values: Any) -> str:
    """Values for a script, as JSON in an element of that id; no text in them can end the element."""
    text = json.dumps(values, separators=(",", ":"), allow_nan=False, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{escape(name)}">{text}</script>\n'


def section(title: str, html: str) -> str:
    """A titled box; nothing if it would be empty."""
    return f"<section><h2>{escape(title)}</h2>{html}</section>\n" if html else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of class ``kind``."""
    return f"<p{_class(kind)}>{_text(text)}</p>"


def missing(reason: str) -> str:
    """What stands in the place of something that there is not."""
    return paragraph(f"Not computed, because {reason}.", "soft")


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """Headline numbers: (value, unit, what it is)."""
    boxes = (
        f'<div class="card"><b>{escape(value)} <small>{escape(unit)}</small></b><span>{_text(text)}</span></div>'
        for value, unit, text in entries
    )
    return f'<div class="cards">{"".join(boxes)}</div>\n'


def chart(svg: str, name: str, caption: str) -> str:
    """A chart with its caption; ``name`` is read out where the chart cannot be seen."""
    named = svg.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
    return f'<figure class="chart">{named}<figcaption>{_text(caption)}</figcaption></figure>'


def steps_table(corner: str, rows: Mapping[str, Sequence[object]], strong: Sequence[str] = ()) -> str:
    """A table with a column for each step k; values are numbers, None, or text."""
    steps = max((len(values) for values in rows.values()), default=0)
    head = [corner, *(f"k = {k}" for k in range(steps))]
    body = (_row(name, [_cell(value) for value in values], name in strong) for name, values in rows.items())
    return _table(head, body)


def table(head: Sequence[str], rows: Mapping[str, Sequence[object]], kind: str = "") -> str:
    """A table whose columns have these titles; values are numbers, None, or text, which ``words`` as kind may break."""
    body = (_row(name, [_cell(value) for value in values], strong=False) for name, values in rows.items())
    return _table(head, body, kind)


def step_choice(steps: int) -> str:
    """The choice of one step, the last at first, that all of the page's :func:`bar_table` follow."""
    boxes = (
        f'<label><input type="radio" name="k" value="{k}"{" checked" * (k == steps - 1)}><span>k&nbsp;=&nbsp;{k}</span>'
        "</label>"
        for k in range(steps)
    )
    return f"<fieldset><legend>Show the step</legend>{''.join(boxes)}</fieldset>"


def bar_table(head: Sequence[str], rows: Sequence[BarRow]) -> str:
    """A table whose second column is a bar; bars, values and the order of rows follow :func:`step_choice`."""
    last = len(rows[0].sizes) - 1 if rows else 0
    body = []
    for row in sorted(rows, key=lambda row: -row.sizes[last]):
        widths = [round(100 * size, 1) for size in row.sizes]
        bar = f'<td class="bar"><i data-w="{escape(json.dumps(widths))}" style="width:{widths[last]}%"></i></td>'
        cells = [bar, *(_step_cell(cell, last) for cell in row.cells)]
        order = escape(json.dumps([round(size, 6) for size in row.sizes]))
        body.append(_row(row.name, cells, strong=False, more=f' data-order="{order}"'))
    return _table(head, body, "bars", "data-sorted")


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """A list of what is so: (name, value)."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in entries)
    return f"<dl>{items}</dl>"


def details(title: str, html: str) -> str:
    """What opens on a click."""
    return f"<details><summary>{escape(title)}</summary>{html}</details>\n"


def code(text: str) -> str:
    """A command, or other text in lines of its own."""
    return f"<pre><code>{escape(text)}</code></pre>"


def _text(text: str) -> str:
    """Running text, in which "k = 5" is not broken over two lines."""
    return escape(text).replace("k = ", "k&nbsp;=&nbsp;")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cell(value: object) -> str:
    return f"<td>{escape(narrow(value))}</td>"


def _step_cell(cell: Sequence[object] | object, last: int) -> str:
    """A cell that follows the chosen step, or one that stays as it is."""
    if isinstance(cell, str) or not isinstance(cell, Sequence):
        return _cell(cell)
    texts = [narrow(value) for value in cell]
    return f'<td data-k="{escape(json.dumps(texts, ensure_ascii=False))}">{escape(texts[last])}</td>'


def _row(name: str, cells: Iterable[str], strong: bool, more: str = "") -> str:
    return f'<tr{_class("strong" if strong else "")}{more}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _table(head: Sequence[str], body: Iterable[str], kind: str = "", more: str = "") -> str:
    # a column without a title is no header for a screen reader
    titles = "".join(f'<th scope="col">{_text(title)}</th>' if title else "<td></td>" for title in head)
    rows = "".join(body)
    marked = f" {more}" if more else ""
    return (
        f'<div class="wide"><table{_class(kind)}><thead><tr>{titles}</tr></thead><tbody{marked}>{rows}</tbody></table>'
        "</div>"
    )
