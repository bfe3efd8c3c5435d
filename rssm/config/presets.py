"""The presets of a job: YAML files in ``configs/JOB``, each of which names only what it changes."""

from __future__ import annotations

from pathlib import Path

from rssm.config.values import did_you_mean
from rssm.errors import UserError, shown
from rssm.places import CONFIG_DIR


def preset_names(job: str) -> list[str]:
    """The names of a job's presets; none for a job that has no folder."""
    return sorted(path.stem for path in preset_folder(job).glob("*.yaml"))


def preset_folder(job: str, given: str = "") -> Path:
    """The folder of a job's presets: the one given, else this project's own."""
    return Path(given) if given else CONFIG_DIR / job


def find_preset(preset: str, job: str) -> Path:
    """The file of a preset: a path, or the bare name of one of the job's presets.

    Raises:
        UserError: there is no such file; names the nearest preset, or the job whose preset it is.
    """
    path = Path(preset)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        if not path.is_file():
            raise UserError(f"--config: no file {shown(preset)}")
        return path
    names = preset_names(job)
    if preset in names:
        return CONFIG_DIR / job / f"{preset}.yaml"
    owners = [folder.name for folder in CONFIG_DIR.iterdir() if preset in preset_names(folder.name)]
    if owners:
        raise UserError(f"--config: {preset} is a preset of {owners[0]}, not of {job}")
    if not names:
        raise UserError(f"--config: {job} has no presets; expected a YAML file, got {shown(preset)}")
    raise UserError(f"--config: no preset {shown(preset)} among {', '.join(names)}{did_you_mean(preset, names)}")


def is_own(path: Path) -> bool:
    """Whether a file is one of this project's presets, not somebody's own."""
    return path.resolve().is_relative_to(CONFIG_DIR)
