"""The command that gives the same results again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from rssm.config.keys import flat_settings, required_settings


def command_of(script: str, config: Any, unsaid: Collection[str] = (), first: Mapping[str, Any] | None = None) -> str:
    """``python SCRIPT`` with every setting that is not as by default.

    Args:
        script: the script's path.
        config: dataclass of the job's settings.
        unsaid: settings, or groups of them, that change no result.
        first: settings to name in any case, before the others.
    """
    given = dict(first or {})
    required = {key: getattr(config, key) for key in required_settings(type(config))}
    default = dict(flat_settings(asdict(type(config)(**required))))
    given |= {key: value for key, value in required.items() if key not in given}
    for key, value in flat_settings(asdict(config)):
        if value != default[key] and not {key, key.partition(".")[0]} & set(unsaid):
            given.setdefault(key, value)
    return " ".join([f"python {script}", *(f"--{key}{_written(value)}" for key, value in given.items())])


def _written(value: Any) -> str:
    """A value as it follows its setting's name on a command line."""
    return f"={str(value).lower()}" if isinstance(value, bool) else f" {shlex.quote(str(value))}"
