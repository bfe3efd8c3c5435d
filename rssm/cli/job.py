"""A command: the settings' own defaults, a preset on top, single settings on top of that, and what is then done.

``--help`` is written from the config dataclass, and what the job does (and with it torch) is imported only once the
settings are known to be right.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from rssm.cli.help import help_text
from rssm.config.keys import build, check_key, defaults, idle_settings, required_settings, setting_types
from rssm.config.presets import find_preset, is_own, preset_folder, preset_names
from rssm.config.settings import expected_type
from rssm.config.values import read_value
from rssm.config.yaml_file import Layer, dump_config, read_layers
from rssm.errors import UserError, shown
from rssm.storage.files import system_error
from rssm.system.stopping import Stopped

T = TypeVar("T")

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_SWITCHES = ("help", "print_config", "version")
_OPTIONS = ("config", *_SWITCHES)


@dataclass(frozen=True)
class Job(Generic[T]):
    """A command.

    Args:
        name: of the script, and of the folder of its presets in ``configs/``.
        config: dataclass of its settings; the docstring says what the job does.
        run: does it; imports what it needs when it is called.
        example: words that stand after the command's name.
        base: from the settings that were given, by dotted key, the preset below all of them; None is none.
    """

    name: str
    config: type[T]
    run: Callable[[T], None]
    example: str
    base: Callable[[Mapping[str, Any]], str | None] = lambda given: None


def run_job(job: Job[Any], argv: Sequence[str] | None = None) -> int:
    """Read the settings from the command line and do the job.

    Args:
        job: what to do.
        argv: the words of the command line; None takes this process's.

    Returns:
        the exit code: 0, 2 for bad input or what this machine could not do (one line on stderr), 130, 143 or 129
        when stopped by Ctrl-C, SIGTERM or SIGHUP.
    """
    try:
        config = parse(job, sys.argv[1:] if argv is None else argv)
        if config is not None:
            job.run(config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except OSError as error:
        print(f"error: {system_error(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def parse(job: Job[T], argv: Sequence[str]) -> T | None:
    """The config that a command line asks for; None if it asked only to be shown something (``--help``, ``--version``,
    ``--print_config``).

    Raises:
        UserError: a file, flag or value that does not fit, in one line.
    """
    kinds = setting_types(job.config)
    given = _read_flags(argv, kinds)
    if "version" in given:
        from rssm import __version__

        print(f"pong-rssm {__version__}")
        return None
    flags = {key: _typed(key, text, kinds[key]) for key, text in given.items() if key in kinds}
    layers = _layers(job, given.get("config"), flags)
    settings = {key: value for layer in layers for key, value in layer.settings.items()} | flags
    if "help" in given:
        print(help_text(_program(job), job.config, job.example, preset_names(job.name), settings), end="")
        return None
    for key in required_settings(job.config):
        if key not in settings:
            raise UserError(f"--{key}: missing; expected {expected_type(kinds[key])}")
    where = {key: f"{layer.path}: " for layer in layers for key in layer.settings} | dict.fromkeys(flags, "--")
    config = _without_idle(build(job.config, settings, where), settings, layers, flags)
    if "print_config" in given:
        print(dump_config(config), end="")
        return None
    return config


def _layers(job: Job[Any], preset: str | None, flags: Mapping[str, Any]) -> list[Layer]:
    """What the files say, from the one below all to the one that was named."""
    folder = preset_folder(job.name)
    named = [] if preset is None else read_layers(find_preset(preset, job.name), job.config, folder)
    given = {key: value for layer in named for key, value in layer.settings.items()}
    base = job.base({**given, **flags})
    below = [] if base is None else read_layers(find_preset(base, job.name), job.config, folder)
    return [*below, *named]


def _without_idle(config: T, settings: Mapping[str, Any], layers: Sequence[Layer], flags: Mapping[str, Any]) -> T:
    """The config with every setting that does nothing back at its default.

    Presets may name such settings. A person may not: except in a file that names all settings, as a run's does, where
    they stand at their defaults.

    Raises:
        UserError: a person gave one.
    """
    idle, default = idle_settings(config), defaults(type(config))
    for key, reason in idle.items():
        files = [layer.path for layer in layers if key in layer.settings and not is_own(layer.path)]
        if key in flags:
            raise UserError(f"--{key}: does nothing {reason}; leave it out")
        if files and settings[key] != default[key]:
            raise UserError(f"{files[-1]}: {key}: does nothing {reason}; leave it out")
    return build(type(config), {key: value for key, value in settings.items() if key not in idle})


def _read_flags(argv: Sequence[str], kinds: Mapping[str, Any]) -> dict[str, str]:
    """The text of every ``--KEY VALUE`` or ``--KEY=VALUE``, by key; only full names, each once.

    ``--world-model`` and ``--world_model`` are the same. ``--KEY`` alone switches on what is true or false.
    """
    given: dict[str, str] = {}
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "-h":
            word = "--help"
        if not word.startswith("--"):
            raise UserError(f"{shown(word)}: not expected here; a setting is given as --NAME VALUE")
        key, equals, text = word[2:].partition("=")
        key = key.replace("-", "_")
        check_key(key, [*kinds, *_OPTIONS], where="--")
        if key in given:
            raise UserError(f"--{key}: given twice")
        if key in _SWITCHES:
            if equals:
                raise UserError(f"--{key}: takes no value, got {shown(text)}")
        elif not equals:
            value_follows = bool(words) and not words[0].startswith("--")
            if not value_follows and kinds.get(key) is not bool:
                raise UserError(f"--{key}: expected a value after it")
            text = words.pop(0) if value_follows else "true"
        given[key] = text
    return given


def _typed(key: str, text: str, kind: Any) -> Any:
    try:
        return read_value(text, kind)
    except ValueError as error:
        raise UserError(f"--{key}: {error}") from None


def _program(job: Job[Any]) -> str:
    """How this process was called; the job's script where that cannot be told."""
    called = Path(sys.argv[0])
    if called.suffix == ".py":
        return f"python {called}"
    return called.name if called.name.startswith("rssm-") else f"python scripts/{job.name}.py"
