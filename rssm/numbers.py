"""How numbers are written for people: the same on every page, in every table and on every chart."""

from __future__ import annotations

import math

DASH = "–"


def number(value: float | None) -> str:
    """The digits that matter, whatever the size: three from 1 on, two below; all of a whole number; a dash for none."""
    if value is None or math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:#.2g}"


def short(value: float | None) -> str:
    """As :func:`number`, but with no more than three decimals, so that columns stay narrow: 0.007, <.001."""
    if value is None or isinstance(value, int) or not 0 < abs(value) < 0.1:
        return number(value)
    rounded = f"{value:.3f}"
    if abs(value) >= 0.0005:
        return rounded
    return "<.001" if value > 0 else ">−.001"


def points(value: float | None) -> str:
    """A game's score, points made less points lost, with its sign."""
    return DASH if value is None else f"{value:+.2f}"


def share(value: float | None) -> str:
    """A share from 0 to 1 to three decimals."""
    return DASH if value is None else f"{value:.3f}"


def narrow(value: object) -> str:
    """A cell of a narrow table: a number as :func:`short` writes it, text as it is, a dash for None."""
    return short(value) if value is None or isinstance(value, int | float) else str(value)


def shown(value: object) -> str:
    """A table's cell: a number as :func:`number` writes it, text as it is, a dash for None."""
    return number(value) if value is None or isinstance(value, int | float) else str(value)
