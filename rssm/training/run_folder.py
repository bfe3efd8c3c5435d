"""A run's folder belongs to one configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rssm.config.keys import idle_settings
from rssm.config.yaml_file import load_config, save_config
from rssm.errors import UserError
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE

CONFIG_FILE = "config.yaml"
#: settings that may change when a run goes on: no result depends on them
FREE = (
    "device",
    "threads",
    "workers",
    "train.graph",
    "log",
    "run",
    "data.workers",
    "world.workers",
    "evaluation.workers",
)


class Claim:
    """A run's folder, held against a configuration and taken for it when the first thing worth keeping is written.

    So a command that is refused on its settings leaves nothing, and the corrected one runs. A folder belongs to the
    configuration in its ``config.yaml`` as soon as there is a checkpoint beside it.

    Args:
        run: the folder.
        config: of the job, a config dataclass.
        growing: settings (dotted keys) that may be larger than before, since they say how long the run goes on; the
            folder takes their new values.

    Raises:
        UserError: the folder belongs to another configuration, or something else has its name.
    """

    def __init__(self, run: Path, config: Any, growing: Collection[str] = ()) -> None:
        self.run, self.config = run, config
        self._path = run / CONFIG_FILE
        self._written = False
        if run.exists() and not run.is_dir():
            raise UserError(f"run: expected a folder or a new one, {run} is something else")
        if not self._path.exists() or not any((run / name).exists() for name in (TRAINER_FILE, MODEL_FILE)):
            return
        found = load_config(self._path, type(config))
        differing = difference(asdict(found), asdict(config), growing, idle_settings(config))
        if differing is not None:
            key, before, wanted = differing
            raise UserError(
                f"{self._path}: {key}: the run there was started with {before}, not {wanted}; expected the same "
                f"settings{' or more updates' * (key in growing)} to go on, or another --run"
            )
        self._written = difference(asdict(found), asdict(config)) is None

    def take(self) -> None:
        """Write ``config.yaml``; to be called before anything else that is worth keeping is written."""
        if not self._written:
            save_config(self.config, self._path)
            self._written = True


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
