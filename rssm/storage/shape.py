"""What a file must hold, declared as data: one check names the key of the first thing that does not fit.

A shape is a :class:`Kind` (a text, a number and the like), a :class:`Record` of named values, a :class:`ListOf` one
shape, a :class:`MapOf` one shape under any name, a :class:`Maybe`, which may also be null, or an :class:`Unless`, which
has either a certain name or a shape.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from rssm.errors import UserError, shown

#: bytes of a JSON file; the largest results are below a hundredth of it
LONGEST_JSON = 256 * 2**20
#: beyond it a whole number is no count, seed or number of steps
_LARGEST_WHOLE = 2**64
#: nor is there anything to measure; sums and means of such numbers are finite
_LARGEST = 1e100
#: control characters, halves of characters and ends of lines
_NO_TEXT = ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Kind:
    """A single value: what to call it, and whether one is of this kind."""

    expected: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True)
class Record:
    """Named values.

    Attributes:
        needed: shapes of those that must be there.
        known: shapes of those that may be there; any others are not looked at.
    """

    needed: Mapping[str, Shape] = field(default_factory=dict)
    known: Mapping[str, Shape] = field(default_factory=dict)


@dataclass(frozen=True)
class ListOf:
    """Values of one shape, ``length`` of them where that is given, at least ``least``."""

    item: Shape
    length: int | None = None
    least: int = 0


@dataclass(frozen=True)
class MapOf:
    """Values of one shape by name."""

    item: Shape


@dataclass(frozen=True)
class Maybe:
    """A value, or null."""

    shape: Shape


@dataclass(frozen=True)
class Unless:
    """Named values of a shape, unless they say by a certain name why there are none."""

    name: str
    shape: Record


Shape: TypeAlias = Kind | Record | ListOf | MapOf | Maybe | Unless


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) < _LARGEST_WHOLE


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and abs(value) < _LARGEST)


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and not any(unicodedata.category(one) in _NO_TEXT for one in value)


ANYTHING = Kind("anything", lambda value: True)
TEXT = Kind("text on one line", _is_line)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
NUMBER = Kind("a finite number", _is_number)
POSITIVE = Kind("a finite number above 0", lambda value: _is_number(value) and value > 0)
WHOLE = Kind("a whole number", _is_whole)
COUNT = Kind("a whole number from 0", lambda value: _is_whole(value) and value >= 0)


def misfit(value: Any, shape: Shape, key: str = "") -> str | None:
    """What does not fit, in one line that begins with its dotted key; None where all does."""
    where = f"{key}: " if key else ""
    if isinstance(shape, Unless):
        excused = isinstance(value, dict) and shape.name in value
        return misfit(value, Record({shape.name: TEXT}) if excused else shape.shape, key)
    if isinstance(shape, Maybe):
        return None if value is None else misfit(value, shape.shape, key)
    if isinstance(shape, Kind):
        return None if shape.fits(value) else f"{where}expected {shape.expected}, got {_written(value)}"
    if isinstance(shape, ListOf):
        if not isinstance(value, list | tuple):  # torch keeps tuples, JSON has none
            return f"{where}expected a list, got {_written(value)}"
        if shape.length not in (None, len(value)) or len(value) < shape.least:
            wanted = f"{shape.length}" if shape.length is not None else f"at least {shape.least}"
            return f"{where}expected {wanted} values, got {len(value)}"
        inside = ((f"{key}[{index}]", one, shape.item) for index, one in enumerate(value))
    elif not isinstance(value, dict):
        return f"{where}expected names with values, got {_written(value)}"
    elif isinstance(shape, MapOf):
        inside = ((_below(key, name), one, shape.item) for name, one in value.items())
    else:
        for name in shape.needed:
            if name not in value:
                return f"{_below(key, name)}: missing"
        shapes = {**shape.known, **shape.needed}
        inside = ((_below(key, name), value[name], one) for name, one in shapes.items() if name in value)
    return next((found for name, one, kind in inside if (found := misfit(one, kind, name)) is not None), None)


def check_shape(value: Any, shape: Shape, where: str, what: str) -> None:
    """Refuse a value that does not fit.

    Args:
        value: as JSON gives it.
        shape: what it must be.
        where: of the value, such as its file; the line begins with it.
        what: it should have been.

    Raises:
        UserError: names ``where``, the key and what was expected.
    """
    found = misfit(value, shape)
    if found is not None:
        raise UserError(f"{where}: {found}; it should be {what}")


def read_json(path: Path, what: str, shape: Shape) -> dict[str, Any]:
    """What a JSON file holds: an object of the declared shape, all of whose numbers are finite.

    Args:
        path: the file.
        what: it should be, for the message.
        shape: of the object.

    Raises:
        UserError: it cannot be read, is no JSON object, or does not fit; the line names the file and the key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_JSON + 1)
        if len(content) > LONGEST_JSON:
            raise ValueError(f"more than {LONGEST_JSON:,} bytes")
        found = parse_json(content.decode("utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: expected {what}, it cannot be read ({(error.strerror or 'damaged').lower()})"
        ) from None
    except ValueError as error:
        raise UserError(f"{path}: expected {what}, it cannot be read ({shown_reason(error)})") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected {what}, a JSON object, got {_written(found)}")
    check_shape(found, shape, str(path), what)
    return found


def parse_json(text: str) -> Any:
    """What a JSON text says; a name given twice, NaN or infinity is refused rather than guessed at.

    Raises:
        ValueError: the text is no JSON, or nested deeper than anything that is written here.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def shown_reason(error: BaseException) -> str:
    """An error's text as part of one line."""
    return shown(" ".join(str(error).split()) or type(error).__name__, longest=200)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{shown(next(name for name in names if names.count(name) > 1))} is given twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _below(key: str, name: str) -> str:
    return f"{key}.{shown(name)}" if key else shown(name)


def _written(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} {'names' if isinstance(value, dict) else 'values'}"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    if type(value) is int and abs(value) >= _LARGEST_WHOLE:
        return "a number of more than 64 bits"
    return json.dumps(value)
