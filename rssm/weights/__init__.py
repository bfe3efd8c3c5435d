"""Weights that come with the package, and which folder a run's name stands for.

``rssm/weights/NAME/`` holds a world model (``model.safetensors``), its run's settings (``config.yaml``) and a model
card (``README.md``). Where an agent lies beside it (``agent.safetensors``), ``config.yaml`` is that of the agent's run
and ``world_model.yaml`` that of the world model's. Wherever a run's folder is asked for and none is given, the weights
of :data:`DEFAULT` are taken.
"""

from __future__ import annotations

import difflib
from dataclasses import asdict
from pathlib import Path

import yaml

from rssm.config import EnvConfig
from rssm.config.stored import from_stored
from rssm.errors import UserError

#: where shipped weights lie, a folder each
FOLDER = Path(__file__).resolve().parent
#: taken where no run is named
DEFAULT = "pong"

#: settings of the world model's run, where those of an agent's lie beside it
WORLD_MODEL_CONFIG = "world_model.yaml"

_MODEL_FILE, _CONFIG_FILE = "model.safetensors", "config.yaml"
#: where runs are written by default
_RUNS = Path("runs")


def shipped() -> list[str]:
    """The names of the weights that come with the package."""
    return sorted(file.parent.name for file in FOLDER.glob(f"*/{_MODEL_FILE}"))


def find_run(run: str | Path = "") -> Path:
    """The folder with the ``model.safetensors`` that a run, or the name of shipped weights, stands for.

    Args:
        run: a folder, the name of one below ``runs/``, or a name among :func:`shipped`, looked for in this order; empty
            takes :data:`DEFAULT`.

    Raises:
        UserError: there is no such run, or no model in it; the line says which there are.
    """
    names = shipped()
    text = str(run)
    if not text:
        if DEFAULT in names:
            return FOLDER / DEFAULT
        raise UserError("run: expected --run FOLDER; no weights come with this installation to take in its place")
    folder = Path(text)
    for place in (folder, _RUNS / folder):
        if (place / _MODEL_FILE).is_file():
            return place
    if text in names:
        return FOLDER / text
    if folder.is_dir():
        raise UserError(f"{folder}: expected a run with a {_MODEL_FILE}, it holds none (is it still in training?)")
    known = [str(file.parent) for file in sorted(_RUNS.glob(f"*/{_MODEL_FILE}"))] + names
    near = difflib.get_close_matches(text, known + [Path(name).name for name in known], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""
    raise UserError(f"run: no run {text}; expected the folder of a run or the name of shipped weights{hint}")


def run_and_results(run: str) -> tuple[Path, Path]:
    """The folder of a run that is to be scored, and the folder for what comes out: the same one.

    Only shipped weights are left as they are. What comes out of them goes into ``runs/NAME``.

    Raises:
        UserError: no run is given, and no weights come with this installation.
    """
    if run and (Path(run).is_dir() or run not in shipped()):
        return Path(run), Path(run)
    folder = FOLDER / run if run else find_run()
    return folder, results_folder(folder)


def results_folder(folder: Path) -> Path:
    """Where what comes out of a run goes: the run's own folder; shipped weights are left as they are."""
    return _RUNS / folder.name if folder.parent == FOLDER else folder


def run_env(folder: Path) -> EnvConfig:
    """The game that a run's model was made for: what its ``config.yaml`` says, the default without one.

    Raises:
        UserError: the settings cannot be read.
    """
    path = folder / _CONFIG_FILE
    if not path.is_file():
        return EnvConfig()
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        return from_stored(EnvConfig, {**asdict(EnvConfig()), **settings.get("env", {})})
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError, UserError) as error:
        raise UserError(f"{path}: env: cannot be read ({' '.join(str(error).split())})") from None
