"""The command line of every job: YAML defaults, a preset on top, single settings on top of that.

A job is a config dataclass and a function that takes it. ``--help`` is written from the dataclass's docstring, and
the function (and with it torch) is imported only once the settings are known to be right.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ArgumentParser

from rssm.config import AblationConfig, CollectConfig, EvaluateConfig, ImportConfig, ResultsConfig, WorldModelConfig
from rssm.config_file import (
    build,
    check_key,
    did_you_mean,
    dump_config,
    expected_type,
    nearest_choice,
    read_settings,
    required_settings,
    setting_types,
)
from rssm.data.inspect_config import InspectConfig
from rssm.errors import UserError
from rssm.ladder.config import CompareConfig

T = TypeVar("T")

#: the folder of the named presets, beside the package (a checkout, or ``pip install -e .``)
CONFIG_DIR = Path(__file__).resolve().parents[1] / "configs"

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_SWITCHES = ("help", "print_config")
_OPTIONS = ("config", *_SWITCHES)


def collect() -> int:
    """Entry point of ``rssm-collect`` and ``scripts/collect.py``."""
    return run_job(CollectConfig, "rssm.data.collect:collect")


def import_data() -> int:
    """Entry point of ``rssm-import`` and ``scripts/import_data.py``."""
    return run_job(ImportConfig, "rssm.games.pong.import_npz:import_npz")


def train_wm() -> int:
    """Entry point of ``rssm-train`` and ``scripts/train_wm.py``."""
    return run_job(WorldModelConfig, "rssm.jobs.train:train_world_model", default="pong")


def evaluate() -> int:
    """Entry point of ``rssm-evaluate`` and ``scripts/evaluate.py``."""
    return run_job(EvaluateConfig, "rssm.jobs.evaluate:evaluate_run")


def ablate() -> int:
    """Entry point of ``rssm-ablate`` and ``scripts/ablate.py``."""
    return run_job(AblationConfig, "rssm.ladder.ablation:ablate")


def compare() -> int:
    """Entry point of ``rssm-compare`` and ``scripts/compare.py``."""
    return run_job(CompareConfig, "rssm.ladder.compare:compare")


def summarize() -> int:
    """Entry point of ``rssm-summarize`` and ``scripts/summarize.py``."""
    return run_job(ResultsConfig, "rssm.report.results:summarize")


def inspect_data() -> int:
    """Entry point of ``rssm-inspect-data`` and ``scripts/inspect_data.py``."""
    return run_job(InspectConfig, "rssm.data.inspection:inspect_data")


def run_job(config_class: type[Any], job: str, argv: Sequence[str] | None = None, default: str | None = None) -> int:
    """Read the settings from the command line and do the job.

    Args:
        config_class: dataclass of the job's settings.
        job: ``"module:function"``; imported after the settings were read.
        argv: the words of the command line; None takes this process's.
        default: preset below everything else.

    Returns:
        the exit code: 0, 2 for bad input (one line on stderr), 130 when interrupted from the keyboard.
    """
    try:
        config = parse(config_class, sys.argv[1:] if argv is None else argv, default)
        if config is not None:
            module, _, name = job.partition(":")
            function: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
            function(config)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def parse(config_class: type[T], argv: Sequence[str], default: str | None = None) -> T | None:
    """The config that a command line asks for; None if it asked only to be shown (``--help``, ``--print_config``).

    Raises:
        UserError: a file, flag or value that does not fit, in one line.
    """
    kinds = setting_types(config_class)
    given = _read_flags(argv, kinds)
    settings: dict[str, Any] = {}
    where: dict[str, str] = {}
    for preset in (default, given.get("config")):
        if preset is not None:
            path = find_preset(preset)
            layer = read_settings(path, config_class)
            settings |= layer
            where |= dict.fromkeys(layer, f"{path}: ")
    parser = _make_parser(config_class, default)
    parser.set_defaults(settings)  # what --help shows
    if "help" in given:
        parser.print_help()
        return None
    for key in required_settings(config_class):
        if key not in settings and key not in given:
            raise UserError(f"--{key}: missing; expected {expected_type(kinds[key])}")
    flags = {key: text for key, text in given.items() if key in kinds}
    settings |= _convert(parser, flags, kinds)
    where |= dict.fromkeys(flags, "--")
    config = build(config_class, settings, where)
    if "print_config" in given:
        print(dump_config(config), end="")
        return None
    return config


def find_preset(preset: str) -> Path:
    """The file of a preset: a path, or the bare name of a file in ``configs/``.

    Raises:
        UserError: there is no such file; names the nearest preset.
    """
    path = Path(preset)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise UserError(f"--config: no file {preset}")
        return path
    named = CONFIG_DIR / f"{preset}.yaml"
    if not named.is_file():
        names = sorted(file.stem for file in CONFIG_DIR.glob("*.yaml"))
        raise UserError(f"--config: no preset {preset} among {', '.join(names)}{did_you_mean(preset, names)}")
    return named


def _read_flags(argv: Sequence[str], kinds: Mapping[str, Any]) -> dict[str, str]:
    """The text of every ``--KEY VALUE`` or ``--KEY=VALUE``, by key; only full names, each once.

    ``--world-model`` and ``--world_model`` are the same. A setting that is true or false is switched on by ``--KEY``
    alone; ``--KEY=false`` switches it off.
    """
    given: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        if word == "-h":
            word = "--help"
        if not word.startswith("--"):
            raise UserError(f"{word}: not expected here; a setting is given as --NAME VALUE")
        key, equals, text = word[2:].partition("=")
        key = key.replace("-", "_")
        check_key(key, [*kinds, *_OPTIONS], where="--")
        if key in given:
            raise UserError(f"--{key}: given twice")
        if kinds.get(key) is bool and not equals:
            text = "true"
        elif key not in _SWITCHES and not equals:
            text = next(words, "--")
            if text.startswith("--"):
                raise UserError(f"--{key}: expected a value after it")
        elif key in _SWITCHES and equals:
            raise UserError(f"--{key}: takes no value, got {text}")
        given[key] = text
    return given


def _make_parser(config_class: type, default: str | None) -> ArgumentParser:
    below = f", on top of configs/{default}.yaml" if default else ""
    parser = ArgumentParser(usage="%(prog)s [--NAME VALUE ...]", exit_on_error=False, allow_abbrev=False)
    parser.add_argument(
        "--config", metavar="PRESET", help=f"a YAML file or the name of one in configs/; sets what it names{below}"
    )
    parser.add_argument("--print_config", action="store_true", help="print every setting as YAML and stop")
    parser.add_class_arguments(config_class)
    for action in parser._actions:
        if action.metavar == "CONFIG":  # one flag per group that takes a whole YAML file: not offered here
            action.help = argparse.SUPPRESS
    return parser


def _convert(parser: ArgumentParser, flags: Mapping[str, str], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The typed values of the flags' texts, by key."""
    try:
        parsed = parser.parse_args([f"--{key}={text}" for key, text in flags.items()])
    except argparse.ArgumentError as error:
        match = re.search(r'key "([\w.]+)"', str(error))
        if match is None or match[1] not in flags:
            raise UserError(" ".join(str(error).split())) from error
        key, text = match[1], flags[match[1]]
        hint = nearest_choice(text, kinds[key])
        raise UserError(f"--{key}: expected {expected_type(kinds[key])}, got {text or 'nothing'}{hint}") from error
    return {key: parsed[key] for key in flags}
