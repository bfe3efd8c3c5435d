"""One training of one row, measured once and kept as a small file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from rssm.arrays import FloatArray, IntArray
from rssm.config.yaml_file import flat_settings
from rssm.data.dataset import Dataset
from rssm.evaluation.intervals import by_event
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import Role, describe_data
from rssm.evaluation.windows import episode_lengths
from rssm.ladder.config import CompareConfig
from rssm.ladder.kept import measured, read_kept
from rssm.ladder.rows import Row
from rssm.ladder.train import Data, train_row
from rssm.numbers import number
from rssm.system.device import pick_device
from rssm.training.timing import clock_name

#: an error that is this many times that of repeating the newest frame counts as diverged
_FAR = 100.0
#: what a comparison may change without making its finished rows worthless
_FREE = (
    "rows",
    "seeds",
    "learning_rates",
    "budgets",
    "redraw",
    "presets",
    "threads",
    "device",
    "runs",
    "out",
    "name",
    "data.workers",
)


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
        what ``row.json`` holds; see :func:`rssm.ladder.kept.measured`.

    Raises:
        UserError: the results there belong to other settings.
    """

    def score(predictor: Predictor) -> dict[str, Any]:
        train, heldout = data.open(row.config)
        if validation:
            return score_row(predictor, train, episode_lengths(train, data.split(row.config)[1]), "validation")
        return score_row(predictor, heldout, episode_lengths(heldout), "held-out")

    settings = _settings(row, data.config, seed)
    return measured(folder, settings, lambda: train_row(row, data, seed, folder, title), score)


def finished(row: Row, config: CompareConfig, seed: int, folder: Path) -> dict[str, Any] | None:
    """The results of a training that was done before; None if it was not.

    Raises:
        UserError: they belong to other settings; the line names the first that differs.
    """
    return read_kept(folder, _settings(row, config, seed))


def score_row(predictor: Predictor, dataset: Dataset, lengths: IntArray, role: Role) -> dict[str, Any]:
    """What :func:`rssm.ladder.kept.measured` keeps of a predictor's errors.

    Args:
        predictor: what is scored.
        dataset: whose windows.
        lengths: (E,) of the episodes, 0 for those that do not count.
        role: of the data.
    """
    timed = Timed(predictor)
    errors = score_windows({"row": timed, "persistence": Persistence()}, episode_windows(dataset, lengths))
    stack, persistence = errors["row"].stack, errors["persistence"].stack.mean(axis=0)
    mean = stack.mean(axis=0)
    result = {
        "data": describe_data(dataset, role),
        "window_ms": 1e3 * timed.seconds / timed.windows,
        "mse": {
            "mean": mean.tolist(),
            "median": np.median(stack, axis=0).tolist(),
            "p90": np.quantile(stack, 0.9, axis=0).tolist(),
        },
        "events": by_event(errors["row"], dataset.game.events),
    }
    if (mean > _FAR * persistence).any():
        step = int(np.argmax(mean > _FAR * persistence))
        result["diverged"] = f"error {number(mean[step])} px² at k = {step}, more than {_FAR:g} times persistence"
    return result


def _settings(row: Row, config: CompareConfig, seed: int) -> dict[str, Any]:
    """Everything that a row's results depend on, by dotted key."""
    comparison = {key: value for key, value in flat_settings(asdict(config)) if key not in _FREE}
    if row.config.data == "common":
        comparison = {key: value for key, value in comparison.items() if not key.startswith("more_")}
    family = row.config.family
    parts: dict[str, Any] = {family: asdict(getattr(row.config, family))} if row.trains else {}
    comparison["clock"] = clock_name(pick_device(config.device))
    return comparison | {"row.family": family, "row.data": row.config.data, **dict(flat_settings(parts)), "seed": seed}
