"""One training of one row, measured once and kept as a small file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from rssm.arrays import FloatArray, IntArray
from rssm.baselines import Persistence
from rssm.config_file import flat_settings
from rssm.errors import DivergedError, UserError
from rssm.evaluation.intervals import by_event
from rssm.evaluation.openloop import episode_windows, first_rows, score_windows
from rssm.evaluation.predictor import Predictor
from rssm.files import write_json
from rssm.ladder.config import CompareConfig
from rssm.ladder.rows import Row
from rssm.ladder.train import Data, episode_lengths, train_row

RESULT_FILE = "row.json"
#: an error that is this many times that of repeating the newest frame counts as diverged
_FAR = 100.0
#: what a comparison may change without making its finished rows worthless
_FREE = ("rows", "seeds", "learning_rates", "presets", "threads", "device", "runs", "out", "name", "data.workers")


class Timed:
    """A predictor whose CPU time is measured on the way.

    Attributes:
        seconds: CPU time spent.
        windows: windows predicted.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.seconds, self.windows = 0.0, 0

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        """See :class:`rssm.evaluation.predictor.Predictor`."""
        begin = process_time()
        predicted = self.predictor.predict(observations, actions, starts, futures)
        self.seconds += process_time() - begin
        self.windows += len(starts)
        return predicted


def measure(row: Row, data: Data, seed: int, folder: Path, title: str, *, validation: bool = False) -> dict[str, Any]:
    """Train and score a row, or read what was found before.

    Args:
        row: which one.
        data: the comparison's data.
        seed: of the training.
        folder: of this training; ``row.json`` goes there when all is done.
        title: of the progress display.
        validation: score on the validation episodes instead of the held-out ones.

    Returns:
        what ``row.json`` holds: ``mse`` (``mean``, ``median`` and ``p90`` of six steps each), ``events`` (see
        :func:`rssm.evaluation.intervals.by_event`), ``diverged`` (why, in words), ``parameters``, ``updates``,
        ``train_seconds``, ``window_ms``, ``prediction``, ``history``; None for what could not be measured, because the
        row diverged before, and ``diverged: None`` if it did not. Beside them the ``settings`` that all of it belongs
        to.

    Raises:
        UserError: the results there belong to other settings.
    """
    found = finished(row, data.config, seed, folder)
    if found is not None:
        return found
    settings = _settings(row, data.config, seed)
    measured = ("mse", "events", "window_ms", "prediction", "parameters", "updates", "train_seconds", "history")
    result: dict[str, Any] = {"settings": settings} | dict.fromkeys((*measured, "diverged"))
    try:
        trained = train_row(row, data, seed, folder, title)
        result |= {
            "prediction": trained.prediction,
            "parameters": trained.parameters,
            "updates": trained.updates,
            "train_seconds": trained.seconds,
            "history": list(trained.history),
        }
        result |= _score(row, data, trained.predictor, validation)
    except DivergedError as error:
        result["diverged"] = str(error)
    write_json(folder / RESULT_FILE, result)
    return result


def finished(row: Row, config: CompareConfig, seed: int, folder: Path) -> dict[str, Any] | None:
    """The results of a training that was done before; None if it was not.

    Raises:
        UserError: they belong to other settings; the line names the first that differs.
    """
    path = folder / RESULT_FILE
    if not path.exists():
        return None
    try:
        result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        there = result["settings"]
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: expected a row's results, it cannot be read ({error})") from None
    for key, value in _settings(row, config, seed).items():
        if key not in there or there[key] != value:
            raise UserError(
                f"{path}: {key}: the results there are for {there.get(key)}, not {value}; expected the same settings, "
                "or another --runs"
            )
    return result


def _settings(row: Row, config: CompareConfig, seed: int) -> dict[str, Any]:
    """Everything that a row's results depend on, by dotted key."""
    comparison = {key: value for key, value in flat_settings(asdict(config)) if key not in _FREE}
    if row.config.data == "common":
        comparison = {key: value for key, value in comparison.items() if not key.startswith("more_")}
    family = row.config.family
    parts: dict[str, Any] = {family: asdict(getattr(row.config, family))} if row.trains else {}
    return comparison | {"row.family": family, "row.data": row.config.data, **dict(flat_settings(parts)), "seed": seed}


def _score(row: Row, data: Data, predictor: Predictor, validation: bool) -> dict[str, Any]:
    train, heldout = data.open(row.config)
    if validation:
        dataset, lengths = train, episode_lengths(train, data.split(row.config)[1])
    else:
        dataset, lengths = heldout, first_rows(heldout, 0)
    timed = Timed(predictor)
    errors = score_windows({"row": timed, "persistence": Persistence()}, episode_windows(dataset, lengths))
    stack, persistence = errors["row"].stack, errors["persistence"].stack.mean(axis=0)
    mean = stack.mean(axis=0)
    result = {
        "window_ms": 1e3 * timed.seconds / timed.windows,
        "mse": {
            "mean": mean.tolist(),
            "median": np.median(stack, axis=0).tolist(),
            "p90": np.quantile(stack, 0.9, axis=0).tolist(),
        },
        "events": by_event(errors["row"]),
    }
    if (mean > _FAR * persistence).any():
        step = int(np.argmax(mean > _FAR * persistence))
        result["diverged"] = f"error {mean[step]:.3g} px² at k = {step}, more than {_FAR:g} times persistence"
    return result
