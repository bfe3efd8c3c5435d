"""Results of a training, kept with everything that they depend on: used again only where all of it is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rssm.errors import DivergedError, UserError
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import code_version
from rssm.evaluation.result_shape import DATA, ERRORS, EVENTS
from rssm.ladder.trained import Trained
from rssm.storage.files import write_json
from rssm.storage.folder_lock import locked
from rssm.storage.shape import ANYTHING, COUNT, NUMBER, TEXT, ListOf, MapOf, Maybe, Record, read_json
from rssm.training.run_folder import CONFIG_FILE

RESULT_FILE = "row.json"
_MEASURED = (
    "mse",
    "events",
    "data",
    "window_ms",
    "prediction",
    "parameters",
    "updates",
    "train_seconds",
    "history",
    "diverged",
)
_ROW = Record(
    {
        "settings": MapOf(ANYTHING),
        "code": TEXT,
        "mse": Maybe(ERRORS),
        "events": Maybe(EVENTS),
        "data": Maybe(DATA),
        "prediction": Maybe(TEXT),
        "parameters": Maybe(COUNT),
        "updates": Maybe(COUNT),
        "train_seconds": Maybe(NUMBER),
        "window_ms": Maybe(NUMBER),
        "history": Maybe(ListOf(ANYTHING)),
        "diverged": Maybe(TEXT),
    }
)


def measured(
    folder: Path,
    settings: Mapping[str, Any],
    train: Callable[[], Trained],
    score: Callable[[Predictor], dict[str, Any]],
) -> dict[str, Any]:
    """Train and score, or read what was found before.

    Args:
        folder: of this training; ``row.json`` goes there when all is done.
        settings: everything that the results depend on, by dotted key.
        train: the training.
        score: of its predictor: ``mse`` (``mean``, ``median`` and ``p90`` of six steps each), ``events`` (see
            :func:`rssm.evaluation.intervals.by_event`), ``data`` (see
            :func:`rssm.evaluation.provenance.describe_data`), ``window_ms``; ``diverged``, if it did.

    Returns:
        what ``row.json`` holds: that, and ``parameters``, ``updates``, ``train_seconds``, ``prediction``, ``history``,
        ``diverged`` (why, in words, or None), ``settings`` and ``code``; None for what could not be measured, because
        the training diverged before.

    Raises:
        BusyError: another process measures it.
        UserError: the results there belong to other settings.
    """
    found = read_kept(folder, settings)
    if found is not None:
        return found
    with locked(folder):
        found = read_kept(folder, settings)  # another process may have measured it meanwhile
        return _measure(folder, settings, train, score) if found is None else found


def _measure(
    folder: Path,
    settings: Mapping[str, Any],
    train: Callable[[], Trained],
    score: Callable[[Predictor], dict[str, Any]],
) -> dict[str, Any]:
    result: dict[str, Any] = {"settings": dict(settings), "code": code_version()} | dict.fromkeys(_MEASURED)
    try:
        trained = train()
        result |= {
            "prediction": trained.prediction,
            "parameters": trained.parameters,
            "updates": trained.updates,
            "train_seconds": trained.seconds,
            "history": list(trained.history),
        }
        result |= score(trained.predictor)
    except DivergedError as error:
        result["diverged"] = str(error)
    write_json(folder / RESULT_FILE, result)
    return result


def read_kept(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """The results of a training that was done before; None if it was not.

    Raises:
        UserError: they belong to other settings; the line names the first that differs. Or the folder is that of a
            whole run, which would be written over.
    """
    path = folder / RESULT_FILE
    if not path.exists():
        if (folder / CONFIG_FILE).exists():
            raise UserError(f"{folder}: holds a run of its own, which says no {RESULT_FILE}; expected another --runs")
        return None
    result = read_json(path, "a row's results", _ROW)
    there = result["settings"]
    for key, value in settings.items():
        if key not in there or there[key] != value:
            raise UserError(
                f"{path}: {key}: the results there are for {there.get(key)}, not {value}; expected the same settings, "
                "or another --runs"
            )
    return result
