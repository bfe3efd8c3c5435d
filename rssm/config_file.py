"""Settings as YAML: read strictly, check against a config dataclass, build it, write it back.

A setting is addressed by its dotted key (``train.updates``). Every refusal is one line with the file, the key and
what was expected.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from rssm.errors import UserError
from rssm.files import replace_file

T = TypeVar("T")

# YAML 1.1 takes 3e-4 for text; these spellings of a number are numbers here, when reading and when writing.
_EXPONENT = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice (PyYAML would keep the last one)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(self.construct_object(key_node, deep=True))
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"{key} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Writes text that reads as a number here in quotes."""


for _yaml_class in (_Loader, _Dumper):
    _yaml_class.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def setting_types(config_class: type) -> dict[str, Any]:
    """The type of every setting of a config dataclass, by dotted key, in declaration order."""
    return {
        name if key == "" else f"{name}.{key}": kind
        for name, field_type in _fields(config_class).items()
        for key, kind in (setting_types(field_type) if _is_group(field_type) else {"": field_type}).items()
    }


def required_settings(config_class: type) -> list[str]:
    """The settings of a job that have no default (never inside a group)."""
    fields = dataclasses.fields(config_class)
    return [field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING]


def check_key(key: str, known: Iterable[str], where: str = "") -> None:
    """Refuse a key that is no setting, naming the nearest one.

    Raises:
        UserError: ``where`` + the key + the nearest valid key.
    """
    known = list(known)
    if key in known:
        return
    inside = [name for name in known if name.startswith(f"{key}.")]
    if inside:
        raise UserError(f"{where}{key}: expected a setting inside it, such as {inside[0]}")
    raise UserError(f"{where}{key}: no such setting{_nearest_key(key, known) or '; --help lists them'}")


def read_settings(path: Path, config_class: type) -> dict[str, Any]:
    """Read the settings that a YAML file names.

    Args:
        path: the file; groups are nested mappings.
        config_class: dataclass that its keys and values must fit.

    Returns:
        value by dotted key, of the type that the dataclass declares.

    Raises:
        UserError: file missing or not YAML; key unknown or given twice; value of another type.
    """
    known = setting_types(config_class)
    settings: dict[str, Any] = {}
    for key, value in _leaves(_read_mapping(path), config_class, where=f"{path}: "):
        check_key(key, known, where=f"{path}: ")
        if key in settings:  # once nested, once dotted
            raise UserError(f"{path}: {key} is given twice")
        settings[key] = _typed(key, value, known[key], where=f"{path}: ")
    return settings


def build(config_class: type[T], settings: Mapping[str, Any], where: Mapping[str, str] | None = None) -> T:
    """Make the dataclass from values by dotted key; a setting that is left out takes its default.

    Args:
        config_class: frozen dataclass, possibly of groups.
        settings: value by dotted key, those of :func:`required_settings` among them.
        where: for each key what comes before it in an error: ``"FILE: "`` or ``"--"``.

    Raises:
        UserError: the dataclass refuses a value.
    """
    return _build(config_class, settings, where or {}, "")


def dump_config(config: Any) -> str:
    """All settings of a config dataclass as YAML; :func:`load_config` gives back an equal one."""
    return yaml.dump(dataclasses.asdict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def save_config(config: Any, path: Path) -> None:
    """Write :func:`dump_config` to ``path``, whole or not at all."""
    replace_file(path, lambda temporary: temporary.write_text(dump_config(config), encoding="utf-8"))


def load_config(path: Path, config_class: type[T]) -> T:
    """Read a config that :func:`save_config` wrote.

    Raises:
        UserError: as :func:`read_settings`, and for a setting that the file does not give (a resolved config names
            all of them, so a default here would be a guess).
    """
    settings = read_settings(path, config_class)
    for key in setting_types(config_class):
        if key not in settings:
            raise UserError(f"{path}: {key}: missing; expected a file with every setting, as a run writes it")
    return build(config_class, settings, dict.fromkeys(settings, f"{path}: "))


def flat_settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of nested groups with the dotted key that the command line knows it by."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def expected_type(kind: Any) -> str:
    """What a person should write for a setting of this type."""
    if _is_union(kind):
        return " or ".join(expected_type(one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is Literal:
        return " or ".join(str(choice) for choice in typing.get_args(kind))
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}[kind]


def nearest_choice(value: Any, kind: Any) -> str:
    """``; did you mean X?`` where the type is a choice and one of its values is close, else nothing."""
    literals = typing.get_args(kind) if _is_union(kind) else (kind,)
    choices = [str(choice) for literal in literals for choice in typing.get_args(literal)]
    return did_you_mean(str(value), choices)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?`` for the nearest known name, or nothing if none is near."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _fields(config_class: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config_class)
    return {field.name: hints[field.name] for field in dataclasses.fields(config_class)}


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _read_mapping(path: Path) -> dict[Any, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (a SafeLoader)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected a YAML file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text; expected a YAML file") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{path}: {line}{getattr(error, 'problem', None) or 'not YAML'}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected 'key: value' lines, got {_shown(content)}")
    return content


def _leaves(mapping: dict[Any, Any], group: type, where: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of every setting; descends only where the dataclass has a group."""
    fields = _fields(group)
    for name, value in mapping.items():
        kind = fields.get(name, object)
        if not _is_group(kind):
            yield f"{prefix}{name}", value
        elif isinstance(value, dict):
            yield from _leaves(value, kind, where, f"{prefix}{name}.")
        else:
            raise UserError(f"{where}{prefix}{name}: expected 'key: value' lines below it, got {_shown(value)}")


def _typed(key: str, value: Any, kind: Any, where: str) -> Any:
    if not _fits(value, kind):
        quote = " in quotes" if kind is str and isinstance(value, (bool, int, float)) else ""
        hint = nearest_choice(value, kind)
        raise UserError(f"{where}{key}: expected {expected_type(kind)}{quote}, got {_shown(value)}{hint}")
    return float(value) if kind is float else value


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _fits(value: Any, kind: Any) -> bool:
    if _is_union(kind):
        return any(_fits(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is Literal:
        return value in typing.get_args(kind)
    if kind is float:
        return type(value) in (int, float) and not math.isnan(value)
    return type(value) is kind  # a bool is no whole number


def _build(config_class: type[T], settings: Mapping[str, Any], where: Mapping[str, str], prefix: str) -> T:
    values: dict[str, Any] = {}
    for name, kind in _fields(config_class).items():
        key = f"{prefix}{name}"
        if _is_group(kind):
            values[name] = _build(kind, settings, where, f"{key}.")
        elif key in settings:
            values[name] = settings[key]
    try:
        return config_class(**values)
    except ValueError as error:  # the dataclass's own check: "name: expected ..."
        key = f"{prefix}{str(error).partition(':')[0]}"
        raise UserError(f"{where.get(key, '')}{prefix}{error}") from error


def _nearest_key(key: str, known: list[str]) -> str:
    # A key without its group (updates), or in another one (model.updates), is nearest to the same last name.
    last = key.rpartition(".")[2]
    same_last = [name for name in known if name.rpartition(".")[2] == last]
    return f"; did you mean {same_last[0]}?" if same_last else did_you_mean(key, known)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."
