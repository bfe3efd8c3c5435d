"""Settings as YAML: read strictly, check against a config dataclass, build it, write it back.

A setting is addressed by its dotted key (``train.updates``). Every refusal is one line with the file, the key and
what was expected. A value is read as it is written, by the type of its setting: YAML's own guesses (``1:30`` for 90,
``010`` for 8, ``yes`` for true) are not asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_origin

import yaml

from rssm.config.keys import (
    build,
    check_key,
    flat_settings,
    is_group,
    required_settings,
    setting_types,
)
from rssm.config.settings import expected_type, kinds_of
from rssm.config.stored import old_names, with_what_held_before
from rssm.config.values import did_you_mean, read_value
from rssm.errors import UserError, shown
from rssm.storage.files import replace_file

__all__ = [
    "build",
    "check_key",
    "did_you_mean",
    "dump_config",
    "flat_settings",
    "load_config",
    "read_settings",
    "required_settings",
    "save_config",
    "setting_types",
]

T = TypeVar("T")

#: names the preset that a file builds on
BASED_ON = "based_on"
#: characters of a file of settings; a run's has some five thousand
_LONGEST = 200_000
#: brackets of it; the reader takes the longer for each the more are open
_MOST_BRACKETS = 500
#: files that build on each other
_MOST_LAYERS = 16
_NOTHING = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True)
class Layer:
    """What one file says: value by dotted key."""

    path: Path
    settings: dict[str, Any]


def read_settings(path: Path, config_class: type, presets: Path | None = None) -> dict[str, Any]:
    """Read the settings that a YAML file names, and those of the presets that it builds on below them.

    Args:
        path: the file; groups are nested mappings.
        config_class: dataclass that its keys and values must fit.
        presets: folder of the presets that ``based_on`` may name; None takes the file's own folder.

    Returns:
        value by dotted key, of the type that the dataclass declares.

    Raises:
        UserError: file missing or not YAML; key unknown or given twice; value of another type; ``based_on`` names no
            preset, or goes in a circle.
    """
    settings: dict[str, Any] = {}
    for layer in read_layers(path, config_class, presets):
        settings |= layer.settings
    return settings


def read_layers(path: Path, config_class: type, presets: Path | None = None) -> list[Layer]:
    """As :func:`read_settings`, a layer for each file, from the one that builds on no other to ``path``."""
    layers: list[Layer] = []
    seen = [path]
    while True:
        settings, base = _read_file(seen[-1], config_class)
        layers.insert(0, Layer(seen[-1], settings))
        if base is None:
            return layers
        following = _find_base(seen[-1], base, presets)
        if any(following.resolve() == one.resolve() for one in seen):
            circle = " → ".join(str(one) for one in [*seen, following])
            raise UserError(f"{path}: {BASED_ON}: goes in a circle: {circle}")
        if len(seen) == _MOST_LAYERS:
            raise UserError(f"{path}: {BASED_ON}: expected at most {_MOST_LAYERS} files that build on each other")
        seen.append(following)


def dump_config(config: Any) -> str:
    """All settings of a config dataclass as YAML; :func:`load_config` gives back an equal one."""
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True)


def save_config(config: Any, path: Path) -> None:
    """Write :func:`dump_config` to ``path``, whole or not at all."""
    replace_file(path, lambda temporary: temporary.write_text(dump_config(config), encoding="utf-8"))


def load_config(path: Path, config_class: type[T]) -> T:
    """Read a config that :func:`save_config` wrote, perhaps before some of today's settings existed.

    Raises:
        UserError: as :func:`read_settings`, and for a setting that the file does not give and of which it is not known
            what held before it existed (a default here would be a guess).
    """
    renamed = old_names(config_class)
    settings, _ = _read_file(path, config_class, renamed)
    settings = with_what_held_before(settings, config_class, where=f"{path}: ")
    return build(config_class, settings, dict.fromkeys(settings, f"{path}: "))


def _read_file(
    path: Path, config_class: type, renamed: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[dict[str, Any], str | None]:
    """The settings that one file names, by dotted key, and what it builds on."""
    known, where = setting_types(config_class), f"{path}: "
    text = _read_text(path)
    settings: dict[str, Any] = {}
    base: str | None = None
    for key, node in _leaves(_root(path, text), text, config_class, where):
        if key == BASED_ON:
            base = _scalar(key, node, str, text, where)
            continue
        for name in (renamed or {}).get(key, (key,)):
            check_key(name, known, where)
            if name in settings:  # once nested, once dotted
                raise UserError(f"{where}{name} is given twice")
            settings[name] = _scalar(name, node, known[name], text, where)
    return settings, base


def _read_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected a YAML file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text; expected a YAML file") from error
    if len(text) > _LONGEST:
        raise UserError(f"{path}: expected a YAML file of settings, it has more than {_LONGEST:,} characters")
    return text


def _root(path: Path, text: str) -> yaml.MappingNode:
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        raise UserError(f"{path}: nested too deeply; expected groups of settings")
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{path}: {line}{shown(getattr(error, 'problem', None) or 'not YAML')}") from error
    except RecursionError:
        raise UserError(f"{path}: nested too deeply; expected groups of settings") from None
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path}: expected 'key: value' lines, got {_written(root, text)}")
    return root


def _leaves(
    mapping: yaml.MappingNode, text: str, group: type, where: str, prefix: str = ""
) -> Iterator[tuple[str, yaml.Node]]:
    """(dotted key, value) of every setting; descends only where the dataclass has a group."""
    kinds = kinds_of(group)
    seen: set[str] = set()
    for key_node, node in mapping.value:
        name = key_node.value if isinstance(key_node, yaml.ScalarNode) else _written(key_node, text)
        if name in seen:
            raise UserError(f"{where}line {key_node.start_mark.line + 1}: {shown(name)} is given twice")
        seen.add(name)
        kind = kinds.get(name, object)
        if not is_group(kind):
            yield f"{prefix}{name}", node
        elif isinstance(node, yaml.MappingNode):
            yield from _leaves(node, text, kind, where, f"{prefix}{name}.")
        else:
            raise UserError(f"{where}{prefix}{name}: expected 'key: value' lines below it, got {_written(node, text)}")


def _scalar(key: str, node: yaml.Node, kind: Any, text: str, where: str) -> Any:
    """The value that a node says, by the setting's type."""
    expected = f"{where}{key}: expected {expected_type(kind)}"
    written = _written(node, text)
    if not isinstance(node, yaml.ScalarNode) or not node.tag.startswith("tag:yaml.org,2002:"):
        raise UserError(f"{expected}, got {written}")
    quoted = node.style is not None
    if not quoted and node.value in _NOTHING:
        raise UserError(f"{expected}{' in quotes' * (kind is str and bool(node.value))}, got {written}")
    if quoted and kind is not str and get_origin(kind) is not Literal:
        raise UserError(f"{expected} without quotes, got {written}")
    try:
        return read_value(node.value, kind)
    except ValueError as error:
        raise UserError(f"{where}{key}: {error}") from None


def _written(node: yaml.Node | None, text: str) -> str:
    """A node as it stands in the file."""
    return shown(text[node.start_mark.index : node.end_mark.index].strip() if node is not None else None)


def _find_base(path: Path, base: str, presets: Path | None) -> Path:
    """The file that ``based_on: BASE`` in the file ``path`` means: a preset's name, or a path from where that is."""
    if base.endswith((".yaml", ".yml")) or "/" in base:
        found = path.parent / base
        if not found.is_file():
            raise UserError(f"{path}: {BASED_ON}: no file {found}")
        return found
    folder = presets or path.parent
    found = folder / f"{base}.yaml"
    if not found.is_file():
        names = sorted(file.stem for file in folder.glob("*.yaml"))
        raise UserError(
            f"{path}: {BASED_ON}: no preset {shown(base)} among {', '.join(names)}{did_you_mean(base, names)}"
        )
    return found
