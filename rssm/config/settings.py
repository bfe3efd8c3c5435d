"""How a setting is said: once, with its type, default, meaning and range on one line of a frozen dataclass.

Every job's settings are such dataclasses. ``--help``, the reading of YAML and of the command line and the checks all
follow from that one line. A value that cannot be right raises ValueError with one line naming the key.
"""

from __future__ import annotations

import math
import types
import typing
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

from rssm.errors import shown

T = TypeVar("T")

#: ranges that many settings share
SEEDS = 2**63 - 1
COUNTS = 10**9
#: learning rates: what float32 holds; one that is merely too high ends in a line that says so
RATES = 10**38
#: processes, or threads of one
WORKERS = 512
#: units of a layer
WIDTHS = 16_384
#: characters of a text
_LONGEST = 4_096
_KEY = "setting"
#: what :func:`kinds_of` has found; the checks of every value ask for it
_KINDS: dict[type, dict[str, Any]] = {}
#: where it is not known what held before a setting existed
UNKNOWN: Any = object()


@dataclass(frozen=True)
class Said:
    """What is said of a setting beside its type and default; see :func:`setting`."""

    meaning: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    filled: bool = False
    name: bool = False
    before: Any = UNKNOWN

    @property
    def range(self) -> str:
        """The range in words, as ``--help`` shows it; empty for none."""
        ends = [
            f"more than {shown_number(self.above)}" if self.above is not None else None,
            shown_number(self.low) if self.low is not None else None,
            f"below {shown_number(self.below)}" if self.below is not None else None,
            shown_number(self.high) if self.high is not None else None,
        ]
        return " to ".join(end for end in ends if end is not None)

    def refusal(self, value: Any) -> str:
        """What was expected instead of this value of the right type; empty where nothing is wrong."""
        if isinstance(value, str):
            return self._text_refusal(value)
        if isinstance(value, bool):
            return ""
        limits = (
            (self.low, lambda limit: value >= limit, "at least"),
            (self.above, lambda limit: value > limit, "more than"),
            (self.high, lambda limit: value <= limit, "at most"),
            (self.below, lambda limit: value < limit, "less than"),
        )
        for limit, holds, words in limits:
            if limit is not None and not holds(limit):
                return f"{words} {shown_number(limit)}"
        return ""

    def _text_refusal(self, value: str) -> str:
        if self.filled and not value:
            return "some text"
        if len(value) > _LONGEST:
            return f"at most {_LONGEST:,} characters"
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
            return "text without control characters"
        if self.name and (not value or "/" in value or "\\" in value or value.startswith(".")):
            return "a plain name, without folders"
        return ""


def setting(default: T, meaning: str, **said: Any) -> T:
    """A setting of a config dataclass.

    Args:
        default: its value where none is given.
        meaning: what it is, in words that ``--help`` can show: with units, and without markup.
        said: ``low`` and ``high``, the range of a number, or ``above`` and ``below`` where the end itself is left out;
            ``filled``: a text that may not be empty; ``name``: a text that is the name of a file, without folders;
            ``before``: what held in runs that were stored before this setting existed.
    """
    return field(default=default, metadata={_KEY: Said(meaning, **said)})


def required(meaning: str, **said: Any) -> Any:
    """A setting without a default; see :func:`setting`."""
    return field(metadata={_KEY: Said(meaning, **said)})


def group(kind: Callable[[], T], meaning: str = "") -> T:
    """A group of settings, a dataclass of its own; ``meaning`` stands for the first line of its docstring."""
    return field(default_factory=kind, metadata={_KEY: Said(meaning)})


def said_of(one: Field[Any]) -> Said:
    """What is said of a dataclass's field."""
    said = one.metadata.get(_KEY, Said())
    assert isinstance(said, Said)
    return said


@dataclass(frozen=True)
class Settings:
    """A group of settings that checks the type and the range of each when it is made.

    Raises:
        ValueError: a value that cannot be right, in one line that begins with its key.
    """

    #: settings of older stored runs that have other names now, or (no name) are gone
    renamed: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __post_init__(self) -> None:
        for one in fields(self):
            kind, value = kinds_of(type(self))[one.name], getattr(self, one.name)
            if kind is float and type(value) is int:
                value = float(value)
                object.__setattr__(self, one.name, value)
            check(fits(value, kind), f"{one.name}: expected {expected_type(kind)}, got {shown(value)}")
            expected = said_of(one).refusal(value)
            check(not expected, f"{one.name}: expected {expected}, got {shown(value)}")
        self.check_together()

    def check_together(self) -> None:
        """Refuse values that do not go together (ValueError, the line begins with a key)."""

    def idle(self) -> Mapping[str, str]:
        """Settings, or whole groups, that do nothing as the others stand: why, after the words "does nothing"."""
        return {}


def check(condition: bool, message: str) -> None:
    """Raise ValueError with this message where the condition does not hold."""
    if not condition:
        raise ValueError(message)


def kinds_of(config_class: type) -> dict[str, Any]:
    """The type of every field of a dataclass, by name."""
    if config_class not in _KINDS:
        hints = typing.get_type_hints(config_class)
        _KINDS[config_class] = {one.name: hints[one.name] for one in fields(config_class)}
    return _KINDS[config_class]


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a setting's type; a bool is no whole number, and every number is finite."""
    if is_union(kind):
        return any(fits(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is Literal:
        return value in typing.get_args(kind)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    if kind in (int, str, bool):
        return type(value) is kind
    return isinstance(value, kind)


def is_union(kind: Any) -> bool:
    """Whether a setting may be of one of several types."""
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def expected_type(kind: Any) -> str:
    """What a person should write for a setting of this type."""
    if is_union(kind):
        return " or ".join(expected_type(one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in typing.get_args(kind))
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return names.get(kind) or f"a {kind.__name__}"


def shown_number(value: float) -> str:
    """A limit as it is shown: 2^63 - 1, 10^9, 65,536, 0.05."""
    if value == SEEDS:
        return "2^63 - 1"
    power = round(math.log10(value)) if value >= 10**6 else 0
    if power and value == 10**power:
        return f"10^{power}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
