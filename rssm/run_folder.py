"""A run's folder belongs to one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rssm.config_file import load_config, save_config
from rssm.errors import UserError

CONFIG_FILE = "config.yaml"
#: settings that may change when a run goes on: no result depends on them
FREE = ("device", "threads", "log", "run")


def claim(run: Path, config: Any) -> None:
    """Write the run's configuration (a config dataclass), or see that it is the same as the one that is there.

    Raises:
        UserError: the folder belongs to another configuration, or cannot be made.
    """
    path = run / CONFIG_FILE
    if path.exists():
        differing = difference(asdict(load_config(path, type(config))), asdict(config))
        if differing is not None:
            key, found, wanted = differing
            raise UserError(
                f"{path}: {key}: the run there was started with {found}, not {wanted}; expected the same "
                "settings to go on, or another --run"
            )
    else:
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"run: expected a folder or a new one, {run} cannot be made ({error.strerror})") from None
        save_config(config, path)


def difference(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first setting that differs, :data:`FREE` aside: its dotted key and both values; None where all agree."""
    for key, value in wanted.items():
        if key not in FREE and found.get(key) != value:
            if isinstance(value, dict) and isinstance(found.get(key), dict):
                inner = next(k for k in value if found[key].get(k) != value[k])
                return f"{key}.{inner}", found[key].get(inner), value[inner]
            return key, found.get(key), value
    return None
