"""What a written value means: one reading for the command line and for YAML."""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable
from typing import Any, Literal

from rssm.config.settings import expected_type, fits, is_union
from rssm.errors import LONGEST_SHOWN, shown

# Numbers mean what they show: no 010 (eight in YAML, ten elsewhere), no 1:30 (ninety in YAML).
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)")
_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*(_[0-9]+)*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
#: more digits are no number that a setting could have
_LONGEST_NUMBER = 400


def read_value(text: str, kind: Any) -> Any:
    """The value of a setting of this type that a text says.

    Raises:
        ValueError: it says none; the line says what was expected, and the nearest choice.
    """
    value: Any = None
    if is_union(kind):
        return _read_union(text, kind)
    if kind is str:
        return text
    if kind is bool:
        value = {"true": True, "false": False}.get(text.lower())
    elif kind is int and _WHOLE.fullmatch(text) and len(text) < _LONGEST_NUMBER:
        value = int(text)
    elif kind is float and _NUMBER.fullmatch(text) and len(text) < _LONGEST_NUMBER:
        value = float(text)
        if not fits(value, float):
            raise ValueError(f"expected a finite number, got {shown(text)}")
    elif typing.get_origin(kind) is Literal:
        value = {str(choice): choice for choice in typing.get_args(kind)}.get(text)
    if value is None:
        hint = did_you_mean(text, (str(choice) for choice in typing.get_args(kind)))
        raise ValueError(f"expected {expected_type(kind)}, got {shown(text)}{hint}")
    return value


def _read_union(text: str, kind: Any) -> Any:
    for one in typing.get_args(kind):
        try:
            return read_value(text, one)
        except ValueError:
            continue
    choices = (str(choice) for one in typing.get_args(kind) for choice in typing.get_args(one))
    raise ValueError(f"expected {expected_type(kind)}, got {shown(text)}{did_you_mean(text, choices)}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the nearest known name, or nothing if none is near."""
    close = difflib.get_close_matches(name[:LONGEST_SHOWN], list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
