"""What ``--help`` prints: what a job does, an example, and every setting with its meaning, default and range."""

from __future__ import annotations

import dataclasses
import inspect
import shutil
import textwrap
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from rssm.config.keys import is_group
from rssm.config.settings import kinds_of, said_of, shown_number

#: columns: of the explanations, and of the whole on a terminal that is wider
_INDENT, _WIDEST = 24, 100
_OPTIONS = (
    ("--config PRESET", "a YAML file of settings, or the name of a preset"),
    ("--print_config", "print every setting as YAML, as it would be used, and stop"),
    ("--version", "print the version and stop"),
    ("-h, --help", "print this and stop; after --config, with that preset's values"),
)


def help_text(program: str, config_class: type, example: str, presets: Sequence[str], values: Mapping[str, Any]) -> str:
    """The help of a job.

    Args:
        program: how the job is called.
        config_class: its settings; the docstring says what it does.
        example: words that stand after the program's name.
        presets: the names of its presets.
        values: the values that hold where none is given, by dotted key, where they are not the dataclass's own.
    """
    width = max(40, min(shutil.get_terminal_size().columns, _WIDEST))
    paragraphs = (inspect.getdoc(config_class) or "").split("\n\n")
    blocks = [
        f"usage: {program} [--NAME VALUE ...]",
        *("\n".join(textwrap.wrap(" ".join(text.split()), width)) for text in paragraphs),
        f"example: {program} {example}",
        "\n".join(line for name, text in _options(presets) for line in _entry(name, text, width)),
        *_groups(config_class, values, width),
    ]
    return "\n\n".join(blocks) + "\n"


def _options(presets: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name, text in _OPTIONS:
        if name.startswith("--config") and presets:
            text += f": {', '.join(presets)}"
        yield name, text


def _groups(config_class: type, values: Mapping[str, Any], width: int) -> Iterator[str]:
    """The settings of a dataclass, then those of each of its groups, with a title."""
    inner = []
    lines: list[str] = []
    for field in dataclasses.fields(config_class):
        kind = kinds_of(config_class)[field.name]
        if is_group(kind):
            inner.append((field, kind))
        else:
            lines += _setting(field.name, field, kind, values, width)
    yield "\n".join(["settings:", *lines])
    for field, kind in inner:
        yield from _group(field.name, kind, said_of(field).meaning, values, width)


def _group(prefix: str, config_class: type, title: str, values: Mapping[str, Any], width: int) -> Iterator[str]:
    lines = textwrap.wrap(f"{prefix}: {title or ' '.join((inspect.getdoc(config_class) or '').split())}", width)
    inner = []
    for field in dataclasses.fields(config_class):
        kind, key = kinds_of(config_class)[field.name], f"{prefix}.{field.name}"
        if is_group(kind):
            inner.append((key, kind, said_of(field).meaning))
        else:
            lines += _setting(key, field, kind, values, width)
    yield "\n".join(lines)
    for key, kind, meaning in inner:
        yield from _group(key, kind, meaning, values, width)


def _setting(
    key: str, field: dataclasses.Field[Any], kind: Any, values: Mapping[str, Any], width: int
) -> Iterator[str]:
    said = said_of(field)
    default = values.get(key, field.default)
    notes = ["required" if default is dataclasses.MISSING else f"default {_shown_default(default)}"]
    if said.range:
        notes.append(said.range)
    yield from _entry(f"--{key} {_placeholder(kind)}", f"{said.meaning} ({'; '.join(notes)})", width)


def _entry(name: str, text: str, width: int) -> Iterator[str]:
    """A name and its explanation beside it, or below where the name is long."""
    lines = textwrap.wrap(text, width - _INDENT)
    first = f"  {name}"
    if len(first) + 2 <= _INDENT:
        yield f"{first:<{_INDENT}}{lines[0]}"
        lines = lines[1:]
    else:
        yield first
    for line in lines:
        yield " " * _INDENT + line


def _placeholder(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "{" + ",".join(str(choice) for choice in typing.get_args(kind)) + "}"
    return {int: "N", float: "X", bool: "[true|false]"}.get(kind, "TEXT")


def _shown_default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return shown_number(value)
    return str(value) or "empty"
