"""Pieces of a self-contained HTML page: no script, no request to anywhere, light and dark, wide and narrow.

Text arguments are escaped; arguments called ``html`` are put in as they are.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from rssm.numbers import shown

_STYLE = """
:root { color-scheme: light dark; --ground: #f5f6f8; --card: #fff; --ink: #1b1f26; --soft: #5d6571; --line: #dfe3e8;
  --accent: #2f7df0; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #101319; --card: #181c24; --ink: #e8ebf0; --soft: #98a1ae; --line: #2a303b; --accent: #5b9bff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100%; }
main { max-width: 46rem; margin: 0 auto; padding: 2.2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 0 0 .6rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .3rem; }
p { margin: .4rem 0 .8rem; }
.soft, figcaption { color: var(--soft); font-size: .875rem; }
.lead { font-size: 1.06rem; margin: 1rem 0 0; }
section, details { background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.15rem 1.25rem; margin-top: 1rem; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.2rem; }
.card { flex: 1 1 9.6rem; padding: .8rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem; }
.card b { display: block; font-size: 1.65rem; line-height: 1.25; letter-spacing: -.02em; }
.card:first-child b { color: var(--accent); }
.card small { font-size: .9rem; font-weight: 500; color: var(--soft); letter-spacing: 0; }
.card span { display: block; color: var(--soft); font-size: .84rem; line-height: 1.4; }
figure { margin: .4rem 0 0; } figure + figure { margin-top: 1.6rem; } figcaption { margin-top: .5rem; }
.chart svg { display: block; width: 100%; max-width: 43rem; height: auto; color: var(--soft); }
.chart text { font-family: inherit !important; }
img { display: block; width: 100%; max-width: 652px; height: auto; border-radius: .4rem; }
@media (min-width: 46rem) { img { image-rendering: pixelated; } }
.wide { overflow-x: auto; margin: 0 -1.25rem; padding: 0 1.25rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .36rem .55rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--soft); font-weight: 500; }
th:first-child { text-align: left; font-weight: 400; padding-left: 0; position: sticky; left: 0;
  background: var(--card); }
tr.strong > * { font-weight: 650; } tr.strong > td:last-child { color: var(--accent); }
th:last-child, td:last-child { padding-right: 0; }
table.bars th:nth-child(2) { text-align: left; } td.bar { width: 34%; min-width: 5rem; }
td.bar i { display: block; height: .6rem; border-radius: .2rem; background: var(--accent); min-width: 1px; }
code, pre { font: .84rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere;
  margin: .5rem 0; padding: .7rem .9rem; border-radius: .5rem; background: var(--ground); }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 34rem) {
  main { padding: 1.3rem .7rem 3rem; } section, details { padding: .95rem .9rem; }
  .wide { margin: 0 -.9rem; padding: 0 .9rem; } .cards { gap: .5rem; }
  .card { flex-basis: 8.6rem; padding: .65rem .75rem; } .card b { font-size: 1.35rem; }
  table { font-size: .8rem; } th, td { padding: .34rem .4rem; }
  th:first-child { white-space: normal; min-width: 6.4rem; }
}
"""


def page(title: str, html: str) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n{html}\n</main></body></html>\n"
    )


def section(title: str, html: str) -> str:
    """A titled box; nothing if it would be empty."""
    return f"<section><h2>{escape(title)}</h2>{html}</section>\n" if html else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of class ``kind``."""
    return f"<p{_class(kind)}>{_text(text)}</p>"


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """Headline numbers: (value, unit, what it is)."""
    boxes = (
        f'<div class="card"><b>{escape(value)} <small>{escape(unit)}</small></b><span>{escape(text)}</span></div>'
        for value, unit, text in entries
    )
    return f'<div class="cards">{"".join(boxes)}</div>\n'


def chart(svg: str, name: str, caption: str) -> str:
    """A chart with its caption; ``name`` is read out where the chart cannot be seen."""
    named = svg.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)
    return f'<figure class="chart">{named}<figcaption>{_text(caption)}</figcaption></figure>'


def gif(data: bytes, name: str, caption: str) -> str:
    """An animation, put into the page itself."""
    encoded = base64.b64encode(data).decode("ascii")
    return (
        f'<figure><img alt="{escape(name)}" src="data:image/gif;base64,{encoded}">'
        f"<figcaption>{_text(caption)}</figcaption></figure>"
    )


def steps_table(corner: str, rows: Mapping[str, Sequence[object]], strong: Sequence[str] = ()) -> str:
    """A table with a column for each step k; values are numbers, None, or text."""
    steps = max((len(values) for values in rows.values()), default=0)
    head = [corner, *(f"k = {k}" for k in range(steps))]
    body = (_row(name, [_cell(value) for value in values], name in strong) for name, values in rows.items())
    return _table(head, body)


def table(head: Sequence[str], rows: Mapping[str, Sequence[object]]) -> str:
    """A table whose columns have these titles; values are numbers, None, or text."""
    return _table(head, (_row(name, [_cell(value) for value in values], strong=False) for name, values in rows.items()))


def bar_table(head: Sequence[str], rows: Iterable[tuple[str, float, Sequence[object]]]) -> str:
    """A table whose second column is a bar: (name, share from 0 to 1, further values)."""
    body = []
    for name, share, values in rows:
        bar = f'<td class="bar"><i style="width:{100 * share:.1f}%"></i></td>'
        body.append(_row(name, [bar, *map(_cell, values)], strong=False))
    return _table(head, body, "bars")


def details(title: str, text: str) -> str:
    """Preformatted text that opens on a click."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>\n"


def code(text: str) -> str:
    """A command."""
    return f"<pre><code>{escape(text)}</code></pre>"


def _text(text: str) -> str:
    """Running text, in which "k = 5" is not broken over two lines."""
    return escape(text).replace("k = ", "k&nbsp;=&nbsp;")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cell(value: object) -> str:
    return f"<td>{escape(shown(value))}</td>"


def _row(name: str, cells: Iterable[str], strong: bool) -> str:
    return f'<tr{_class("strong" if strong else "")}><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'


def _table(head: Sequence[str], body: Iterable[str], kind: str = "") -> str:
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    rows = "".join(body)
    return f'<div class="wide"><table{_class(kind)}><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table></div>'
