"""A config dataclass by its settings' dotted keys (``train.updates``): list them, check them, build it from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from rssm.config.settings import Settings, kinds_of
from rssm.config.values import did_you_mean
from rssm.errors import UserError, shown

T = TypeVar("T")


def setting_types(config_class: type) -> dict[str, Any]:
    """The type of every setting of a config dataclass, by dotted key, in declaration order."""
    return {
        name if key == "" else f"{name}.{key}": kind
        for name, field_type in kinds_of(config_class).items()
        for key, kind in (setting_types(field_type) if is_group(field_type) else {"": field_type}).items()
    }


def required_settings(config_class: type) -> list[str]:
    """The settings of a job that have no default (never inside a group)."""
    fields = dataclasses.fields(config_class)
    return [field.name for field in fields if field.default is field.default_factory is dataclasses.MISSING]


def defaults(config_class: type) -> dict[str, Any]:
    """The default of every setting, by dotted key; ``dataclasses.MISSING`` for one that has none."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config_class):
        kind = kinds_of(config_class)[field.name]
        inner = {f"{field.name}.{key}": value for key, value in defaults(kind).items()} if is_group(kind) else None
        found |= {field.name: field.default} if inner is None else inner
    return found


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
    raise UserError(f"{where}{shown(key)}: no such setting{_nearest_key(key, known) or '; --help lists them'}")


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


def idle_settings(config: Any, prefix: str = "") -> dict[str, str]:
    """The settings that do nothing as the others stand, by dotted key, and why."""
    reasons: dict[str, str] = {}
    for name in kinds_of(type(config)):
        if is_group(type(getattr(config, name))):
            reasons |= idle_settings(getattr(config, name), f"{prefix}{name}.")
    own = config.idle() if isinstance(config, Settings) else {}
    for key in setting_types(type(config)):
        for name, reason in own.items():
            if key == name or key.startswith(f"{name}."):
                reasons[prefix + key] = reason
    return reasons


def flat_settings(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting of nested groups with the dotted key that the command line knows it by."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def is_group(kind: Any) -> bool:
    """Whether a field's type is a group of settings."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _build(config_class: type[T], settings: Mapping[str, Any], where: Mapping[str, str], prefix: str) -> T:
    values: dict[str, Any] = {}
    for name, kind in kinds_of(config_class).items():
        key = f"{prefix}{name}"
        if is_group(kind):
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
