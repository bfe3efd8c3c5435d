"""Single windows to look at: the worst ones, some of each event, and some at random, with what was predicted in them.

``openloop.json`` says how large the error is; these say what it looks like. They lie beside it, in a file of their own
(:func:`windows_file`), and their errors are the very ones that its means are over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.evaluation.calibration import Sampler
from rssm.evaluation.windows import EpisodeWindows, windows_at
from rssm.storage.files import replace_file
from rssm.storage.shape import ANYTHING, COUNT, TEXT, ListOf, MapOf, Record, read_json

#: windows with the largest error at the last step
WORST = 10
#: windows of each event, and of all, at random
OF_EACH_EVENT, AT_RANDOM = 12, 40
#: futures of each window that are kept beside the prediction
FUTURES = 6
#: groups that are no event; events are called "event:NAME"
WORST_GROUP, RANDOM_GROUP, EVENT_GROUP = "worst", "random", "event:"

_KEPT = Record(
    {
        "features": ListOf(TEXT),
        "actions": ListOf(TEXT),
        "events": MapOf(TEXT),
        "futures": COUNT,
        "windows": ListOf(MapOf(ANYTHING)),
    }
)
_DECIMALS = 2  # of a predicted value; real ones are whole pixels
_DIGITS = 6  # of an error


@dataclass
class Predicted:
    """What was predicted in every window of an evaluation, as it went by.

    Attributes:
        parts: (episode, starts (W,), events (W,), errors (W, K), predicted newest frames (W, K, F)) of each batch.
    """

    parts: list[tuple[int, IntArray, IntArray, ErrorArray, FloatArray]] = field(default_factory=list)

    def see(self, windows: EpisodeWindows, predicted: FloatArray, errors: ErrorArray) -> None:
        """Remember a batch: its prediction (W, K, F, S) and the errors (W, K), mean over all values, px²."""
        frames = np.ascontiguousarray(predicted[..., -1], np.float32)
        self.parts.append((windows.episode, windows.starts, windows.events, errors, frames))


def windows_file(result: Path) -> Path:
    """Where the windows of a result lie: ``openloop.windows.json`` beside ``openloop.json``."""
    return result.with_name(f"{result.stem}.windows.json")


def keep_windows(predicted: Predicted, sampler: Sampler, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Choose windows and put together what is to be seen of each.

    Args:
        predicted: every window of the evaluation.
        sampler: draws the futures that are shown beside the prediction.
        dataset: the episodes.
        seed: of the choice.

    Returns:
        ``features`` and ``actions`` (names), ``events`` (title by name), ``futures`` (how many), and ``windows``, the
        worst first. A window has ``episode``, ``start`` (agent step), ``event``, ``groups`` that it was chosen for,
        ``actions`` (K names' indices), ``error`` (K, px², mean over all values of the stack), ``real`` (S + K, F): the
        stack that was last seen and the K that came, ``imagined`` (K, F) and ``sampled`` (S, K, F).
    """
    game, layout = dataset.game, dataset.game.layout
    names = list(game.events)
    groups = _choose(predicted, names, np.random.default_rng(seed))
    ordered = sorted(groups, key=lambda place: -_error(predicted, place)[-1])
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for part in sorted({part for part, _ in groups}):
        index, starts, events, errors, frames = predicted.parts[part]
        rows = sorted(row for other, row in groups if other == part)
        windows = windows_at(dataset, index, starts[rows])
        futures = sampler.sample_futures(
            windows.observations, windows.actions, windows.starts, windows.futures, windows.truth, FUTURES
        ).frames
        seen = windows.observations[windows.starts].swapaxes(1, 2)
        real = np.concatenate([seen, windows.truth[..., -1]], axis=1)
        for place, row in enumerate(rows):
            found[part, row] = {
                "episode": index,
                "start": int(starts[row]),
                "event": names[events[row]],
                "groups": groups[part, row],
                "actions": windows.futures[place].tolist(),
                "error": [float(f"{error:.{_DIGITS}g}") for error in errors[row]],
                "real": _rounded(real[place]),
                "imagined": _rounded(frames[row]),
                "sampled": _rounded(futures[:, place]),
            }
    return {
        "features": list(layout.features),
        "actions": list(layout.actions),
        "events": {name: game.events[name] for name in names},
        "futures": FUTURES,
        "windows": [found[place] for place in ordered],
    }


def write_windows(path: Path, kept: Mapping[str, Any], of: Mapping[str, Any]) -> None:
    """Write the windows with what they are of: the ``protocol`` of their result, by the checksums in it."""
    whole = {"of": _checksums(of), **kept}
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False) + "\n"
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_windows(path: Path, of: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The windows of a result, and "", or None and why there are none.

    Args:
        path: of the windows.
        of: the ``protocol`` of the result.

    Raises:
        UserError: the file holds something else.
    """
    if not path.is_file():
        return None, f"there is no {path.name}: it was scored before single windows were kept; score it again"
    kept = read_json(path, "windows of an evaluation", _KEPT)
    if kept.get("of") != _checksums(of):
        return None, f"{path.name} is of other weights, data or settings than the result; score it again"
    return kept, ""


def _checksums(protocol: Mapping[str, Any]) -> dict[str, Any]:
    model, data = protocol.get("model", {}), protocol["data"]
    return {"model": model.get("sha256"), "data": data["sha256"], "settings": protocol["settings"]}


def _choose(predicted: Predicted, names: Sequence[str], rng: np.random.Generator) -> dict[tuple[int, int], list[str]]:
    """(part, row) of the chosen windows, and the groups that each is in."""
    places = [(part, row) for part, one in enumerate(predicted.parts) for row in range(len(one[1]))]
    last = np.array([_error(predicted, place)[-1] for place in places])
    event = np.concatenate([events for _, _, events, _, _ in predicted.parts])
    chosen: dict[tuple[int, int], list[str]] = {}

    def add(group: str, which: Sequence[int]) -> None:
        for index in which:
            chosen.setdefault(places[index], []).append(group)

    add(WORST_GROUP, np.argsort(-last, kind="stable")[:WORST].tolist())
    for number, name in enumerate(names):
        of_it = np.flatnonzero(event == number)
        add(f"{EVENT_GROUP}{name}", rng.permutation(of_it)[:OF_EACH_EVENT].tolist())
    add(RANDOM_GROUP, rng.permutation(len(places))[:AT_RANDOM].tolist())
    return chosen


def _error(predicted: Predicted, place: tuple[int, int]) -> ErrorArray:
    errors = predicted.parts[place[0]][3]
    assert errors.shape[1] == HORIZON
    return errors[place[1]]


def _rounded(values: FloatArray) -> Any:
    """As nested lists, whole numbers without a fraction."""
    rounded = np.round(values.astype(np.float64), _DECIMALS)

    def shorten(value: Any) -> Any:
        return [shorten(one) for one in value] if isinstance(value, list) else int(value) if value % 1 == 0 else value

    return shorten(rounded.tolist())
