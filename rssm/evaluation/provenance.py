"""What a result is of: whose games, which weights, which code. A number that cannot say so is not compared."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from rssm.data.dataset import Dataset
from rssm.data.disjoint import scored_games, shared_games
from rssm.errors import UserError

#: what a data set is to a model: ``held-out`` games are the run's own, ``development`` ones are for tries, and a
#: ``test`` set of fresh seeds gives the figures to publish
Role = Literal["held-out", "validation", "development", "test", "other"]

_ROOT = Path(__file__).resolve().parents[2]


def describe_data(dataset: Dataset, role: Role) -> dict[str, Any]:
    """A data set for the record: folder as given, checksum, role, environment, player, seed, games and steps."""
    meta = dataset.meta
    return {
        "folder": str(dataset.path),
        "sha256": checksum(dataset),
        "role": role,
        "env_id": meta["env_id"],
        "env": meta["env"],
        "player": meta["policy"],
        "seed": meta["seed"],
        "games": len(dataset.episodes),
        "steps": len(dataset),
    }


def checksum(dataset: Dataset) -> str:
    """Of a data set's arrays: the same wherever the folder lies and whatever it is called."""
    return hashlib.sha256(json.dumps(dataset.meta["sha256"], sort_keys=True).encode()).hexdigest()


def refuse_training_data(dataset: Dataset, training: Dataset) -> int:
    """Refuse data of which every game was trained on; returns how many games are (see :func:`shared_games`).

    Raises:
        UserError: the model was trained on these games.
    """
    shared = shared_games(dataset, training)
    if checksum(dataset) == checksum(training) or shared == scored_games(dataset) > 0:
        raise UserError(
            f"data: expected games that the model was not trained on; those of {dataset.path} are its training data, "
            f"{training.path}"
        )
    return shared


def refuse_unlike(names: Sequence[str], records: Sequence[Mapping[str, Any]], keys: Mapping[str, str]) -> None:
    """Refuse records that differ in what must be the same to stand in one table.

    Args:
        names: of the records, for the message.
        records: as nested mappings.
        keys: dotted keys that must agree, and what to call each.

    Raises:
        UserError: a record lacks a key, or differs from the first; the line names both.
    """
    for key, what in keys.items():
        first = lookup(records[0], key, names[0], what)
        for name, record in zip(names, records, strict=True):
            value = lookup(record, key, name, what)
            if value != first:
                raise UserError(f"{name}: expected the {what} of {names[0]}, {_short(first)}; got {_short(value)}")


def refuse_copies(names: Sequence[str], checksums: Sequence[str], what: str) -> None:
    """Refuse the same weights twice: a copy is no second training.

    Raises:
        UserError: two of the checksums are the same; the line names both.
    """
    seen: dict[str, str] = {}
    for name, found in zip(names, checksums, strict=True):
        if found in seen:
            raise UserError(f"{name}: expected another training than {seen[found]}; {what} is the same")
        seen[found] = name


def lookup(record: Mapping[str, Any], key: str, name: str, what: str) -> Any:
    """The value under a dotted key.

    Raises:
        UserError: it is not there.
    """
    value: Any = record
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise UserError(f"{name}: expected a result that says its {what} ({key}); score it again")
        value = value[part]
    return value


@functools.cache
def code_version() -> str:
    """The commit of this checkout and its date, with ``+`` where files differ from it; else the package's release."""
    git = shutil.which("git")
    if git is not None and (_ROOT / ".git").exists():
        try:
            commit, date = _git(git, "log", "-1", "--abbrev=7", "--format=%h %cs").split()
            changed = "+" if _git(git, "status", "--porcelain", "--untracked-files=no").strip() else ""
        except (OSError, subprocess.CalledProcessError, ValueError):
            pass  # not this user's checkout: the release is known all the same
        else:
            return f"{commit}{changed} ({date})"
    return f"release {version('pong-rssm')}"


def _git(git: str, *words: str) -> str:
    words = (git, "-C", str(_ROOT), *words)
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout  # noqa: S603  (nothing of a user's)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
