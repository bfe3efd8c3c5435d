"""Settings as a run stored them, perhaps before some of today's existed: read by what they name, and by what held then.

A setting that did not exist then says beside itself what held (``before=``); one that has gone, or is called otherwise
today, stands in its group's ``renamed``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from rssm.config.keys import build, check_key, flat_settings, is_group, setting_types
from rssm.config.settings import UNKNOWN, kinds_of, said_of
from rssm.errors import UserError, shown

T = TypeVar("T")


def from_stored(config_class: type[T], stored: Any) -> T:
    """Build a config dataclass from the nested mapping that ``dataclasses.asdict`` gave, perhaps of an older version.

    Raises:
        UserError: as :func:`load_config`; the line begins with the key.
    """
    return build(config_class, upgraded(config_class, stored))


def upgraded(config_class: type, stored: Any) -> dict[str, Any]:
    """The settings of a stored config (nested mapping), by today's dotted keys and with what held before a setting
    existed.

    Raises:
        UserError: a key is unknown, or a setting is missing.
    """
    if not isinstance(stored, Mapping):
        raise UserError(f"expected settings by name, got {shown(stored)}")
    known, renamed = setting_types(config_class), old_names(config_class)
    settings: dict[str, Any] = {}
    for key, value in flat_settings(stored):
        for name in renamed.get(key, (key,)):
            check_key(name, known)
            settings[name] = value
    return with_what_held_before(settings, config_class, where="")


def old_names(config_class: type, prefix: str = "") -> dict[str, tuple[str, ...]]:
    """Today's dotted keys of the settings that have gone or are called otherwise, by their old dotted keys."""
    names: dict[str, tuple[str, ...]] = {}
    for old, new in getattr(config_class, "renamed", {}).items():
        names[prefix + old] = tuple(prefix + name for name in new)
    for name, kind in kinds_of(config_class).items():
        if is_group(kind):
            names |= old_names(kind, f"{prefix}{name}.")
    return names


def with_what_held_before(settings: dict[str, Any], config_class: type, where: str) -> dict[str, Any]:
    """The settings with those added that did not exist when they were written."""
    before = _before(config_class)
    for key in setting_types(config_class):
        if key not in settings and before[key] is UNKNOWN:
            raise UserError(f"{where}{key}: missing; expected every setting, as a run writes them")
    return {key: settings.get(key, value) for key, value in before.items()}


def _before(config_class: type, prefix: str = "") -> dict[str, Any]:
    """What held before a setting existed, by dotted key; UNKNOWN where it is as old as the format."""
    held: dict[str, Any] = {}
    for field in dataclasses.fields(config_class):
        kind = kinds_of(config_class)[field.name]
        if is_group(kind):
            held |= _before(kind, f"{prefix}{field.name}.")
        else:
            held[prefix + field.name] = said_of(field).before
    return held
