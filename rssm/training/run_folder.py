"""A run's folder belongs to one configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rssm.config.keys import idle_settings
from rssm.config_file import load_config, save_config
from rssm.errors import UserError

CONFIG_FILE = "config.yaml"
#: settings that may change when a run goes on: no result depends on them
FREE = ("device", "threads", "workers", "train.graph", "log", "run", "data.workers", "world.workers")


def claim(run: Path, config: Any, growing: Collection[str] = ()) -> None:
    """Write the run's configuration (a config dataclass), or see that it is the same as the one that is there.

    Args:
        run: the folder.
        config: of the job.
        growing: settings (dotted keys) that may be larger than before, since they say how long the run goes on; the
            folder takes their new values.

    Raises:
        UserError: the folder belongs to another configuration, or cannot be made.
    """
    path = run / CONFIG_FILE
    if path.exists():
        found = load_config(path, type(config))
        differing = difference(asdict(found), asdict(config), growing, idle_settings(config))
        if differing is not None:
            key, before, wanted = differing
            raise UserError(
                f"{path}: {key}: the run there was started with {before}, not {wanted}; expected the same "
                f"settings{' or more updates' * (key in growing)} to go on, or another --run"
            )
        if difference(asdict(found), asdict(config)) is not None:
            save_config(config, path)
    else:
        try:
            run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"run: expected a folder or a new one, {run} cannot be made ({error.strerror})") from None
        save_config(config, path)


def difference(
    found: Mapping[str, Any],
    wanted: Mapping[str, Any],
    growing: Collection[str] = (),
    free: Collection[str] = (),
    group: str = "",
) -> tuple[str, Any, Any] | None:
    """The first setting that differs: its dotted key and both values; None where all agree.

    :data:`FREE` settings and those of ``free`` aside, and those of ``growing`` that are not smaller than before.
    """
    for name, value in wanted.items():
        key, before = group + name, found.get(name)
        if key in FREE or key in free or before == value:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            inner = difference(before, value, growing, free, f"{key}.")
            if inner is not None:
                return inner
        elif not (key in growing and before is not None and value > before):
            return key, before, value
    return None
