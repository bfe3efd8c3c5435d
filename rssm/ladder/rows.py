"""The rows: presets in a folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rssm.config.yaml_file import build, did_you_mean, read_settings, required_settings, setting_types
from rssm.errors import UserError
from rssm.ladder.config import RowConfig

#: presets may set the parts of their own family alone
_FAMILIES = ("baseline", "rssm")


@dataclass(frozen=True)
class Row:
    """A row of the ladder.

    Attributes:
        name: of its preset.
        config: its resolved settings.
        changes: the settings that its preset names, beside its names.
    """

    name: str
    config: RowConfig
    changes: dict[str, Any]

    @property
    def label(self) -> str:
        """What pictures call it."""
        return self.config.label or self.name.replace("_", " ")

    @property
    def trains(self) -> bool:
        """Whether there is anything to train."""
        return self.config.family in _FAMILIES

    def with_learning_rate(self, rate: float) -> Row:
        """The same row, trained with another learning rate, and not beyond the budget."""
        baseline, rssm = self.config.baseline, self.config.rssm
        config = replace(
            self.config,
            baseline=replace(baseline, fit=replace(baseline.fit, learning_rate=rate, stop="budget")),
            rssm=replace(rssm, train=replace(rssm.train, learning_rate=rate)),
        )
        return replace(self, config=config)


def read_rows(folder: Path) -> dict[str, Row]:
    """Every preset of a folder, by name.

    Raises:
        UserError: the folder holds no presets, or one of them does not fit; the line names file and key.
    """
    rows = {path.stem: _read_row(path) for path in sorted(folder.glob("*.yaml"))}
    if not rows:
        raise UserError(f"presets: expected a folder with a YAML file per row, found none in {folder}")
    return rows


def choose_rows(rows: dict[str, Row], names: str) -> list[Row]:
    """The rows named, separated by commas, in that order; all where none is named.

    Raises:
        UserError: there is no such row; names the nearest.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(rows)
    for name in wanted:
        if name not in rows:
            raise UserError(f"rows: no row {name} among {', '.join(rows)}{did_you_mean(name, rows)}")
    return [rows[name] for name in dict.fromkeys(wanted)]


def _read_row(path: Path) -> Row:
    settings = read_settings(path, RowConfig)
    for key in required_settings(RowConfig):
        if key not in settings:
            raise UserError(f"{path}: {key}: missing; expected what the notes call this row")
    config = build(RowConfig, settings, dict.fromkeys(setting_types(RowConfig), f"{path}: "))
    for key in settings:
        group = key.partition(".")[0]
        if group in _FAMILIES and group != config.family:
            raise UserError(f"{path}: {key}: expected family: {group} with it, got family: {config.family}")
    changes = {key: value for key, value in settings.items() if key not in ("notes_name", "label", "family")}
    return Row(path.stem, config, changes)
