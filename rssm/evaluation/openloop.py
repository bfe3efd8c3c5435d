"""The open-loop evaluation: everything that is said about a predictor's 6-step error, in one dictionary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.config import HORIZON, EvalConfig
from rssm.data.dataset import Dataset
from rssm.errors import UserError
from rssm.evaluation.action_blind import shuffled_windows
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.evaluation.floor import FloorErrors, measure_floor
from rssm.evaluation.intervals import by_event, ratio, summarize
from rssm.evaluation.off_policy import random_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import Role, code_version, describe_data
from rssm.evaluation.start import NO_GAME, describe_start
from rssm.evaluation.window_errors import WindowErrors, squared_errors
from rssm.evaluation.windows import EpisodeWindows, episode_lengths, window_starts, windows_at
from rssm.game import Game

_MODEL = "model"
_NO_CLONES = "{}: its environment cannot go back to an earlier moment"
_OFF_POLICY, _FLOOR, _ACTION_BLIND = 1, 2, 3  # one stream of random numbers each

#: told of each batch: its windows, the prediction (W, K, F, S), and its errors (W, K), mean over all values
Watch = Callable[[EpisodeWindows, FloatArray, ErrorArray], None]


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    config: EvalConfig,
    prediction: str = "mode",
    role: Role = "held-out",
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Score a predictor on held-out episodes, beside persistence and constant velocity.

    Errors are squared, in px² of raw features, not rounded or clipped; every list has one value per predicted step.

    Args:
        predictor: what is scored.
        dataset: episodes that it was not trained on.
        config: the protocol's settings.
        prediction: what a prediction is, for the record: "mode", or "mean over S samples".
        role: what the data are to the predictor, for the record.
        watch: told of the recorded windows and what the predictor says of them, a batch at a time.

    Returns:
        what ``openloop.json`` holds, but for what ``protocol`` says of a model. ``action_blind`` has the error of the
        predictor told the actions of other windows: ``windows``, ``mse``, ``same_windows`` (its ``mean`` error on these
        with their own actions) and ``ratio`` of the two. It, ``start``, ``off_policy`` and ``floor`` are
        ``{"skipped": reason}`` where not measured.

    Raises:
        UserError: there is no window to score, or the predictor's answer has a wrong shape or is not finite.
        DataError: the emulator does not repeat the recorded episodes.
    """
    game = dataset.game
    constant_velocity = ConstantVelocity(game.positions.values())
    predictors = {_MODEL: predictor, "persistence": Persistence(), "constant_velocity": constant_velocity}
    lengths = episode_lengths(dataset)
    recorded = score_windows(predictors, episode_windows(dataset, lengths), {} if watch is None else {_MODEL: watch})
    result: dict[str, Any] = {
        "protocol": {
            "steps": HORIZON,
            "samples": config.samples,
            "prediction": prediction,
            "episodes": len(np.unique(recorded[_MODEL].episode)),
            "data": describe_data(dataset, role),
            "settings": asdict(config),
            "code": code_version(),
        },
        **_describe(game, recorded, config),
    }
    result["action_blind"] = _describe_action_blind(predictor, dataset, lengths, recorded[_MODEL], config)
    env = None if dataset.env is None else game.make_env(dataset.env)
    clones = None if env is None else game.cloneable(env)
    missing = NO_GAME if env is None else _NO_CLONES.format(game.env_id)
    result["start"] = describe_start(dataset, lengths, recorded[_MODEL])
    if clones is None or config.off_policy_windows == 0:
        result["off_policy"] = {"skipped": missing if clones is None else "off_policy_windows is 0"}
    else:
        rng = np.random.default_rng([config.seed, _OFF_POLICY])
        windows = random_windows(clones, dataset, lengths, config.off_policy_windows, rng)
        random = score_windows(predictors, windows)
        result["off_policy"] = _describe(game, random, config) | _compare(recorded[_MODEL], random[_MODEL])
    if clones is None or config.floor_futures == 0:
        result["floor"] = {"skipped": missing if clones is None else "floor_futures is 0"}
    else:
        rng = np.random.default_rng([config.seed, _FLOOR])
        floor = measure_floor(predictor, clones, dataset, lengths, config.floor_windows, config.floor_futures, rng)
        result["floor"] = _describe_floor(game, floor, config)
    return result


def by_step(name: str, values: Iterable[float]) -> dict[str, float]:
    """One value per predicted step (K,) as scalars to log: ``NAME_k0``, ``NAME_k1``, …"""
    return {f"{name}_k{k}": float(value) for k, value in enumerate(values)}


def episode_windows(dataset: Dataset, lengths: IntArray) -> Iterator[EpisodeWindows]:
    """The recorded windows of every episode's first rows, ``lengths`` (E,) of each."""
    for index, length in enumerate(lengths):
        starts = window_starts(int(length))
        if len(starts):
            yield windows_at(dataset, index, starts)


def score_windows(
    predictors: Mapping[str, Predictor], windows: Iterable[EpisodeWindows], watch: Mapping[str, Watch] | None = None
) -> dict[str, WindowErrors]:
    """The errors of several predictors on the same windows, by the predictor's name; who watches one is by its name.

    Raises:
        UserError: there is no window, or an answer has a wrong shape or is not finite.
    """
    parts: dict[str, list[WindowErrors]] = {name: [] for name in predictors}
    for batch in windows:
        episode = np.full(len(batch.starts), batch.episode)
        for name, predictor in predictors.items():
            predicted = predictor.predict(batch.observations, batch.actions, batch.starts, batch.futures)
            stack, newest = squared_errors(predicted, batch.truth)
            parts[name].append(WindowErrors(stack, newest, episode, batch.starts, batch.events))
            if watch is not None and name in watch:
                watch[name](batch, predicted, stack)
    if not all(parts.values()):
        raise UserError(f"data: expected at least one window of {HORIZON} steps to evaluate on, found none")
    return {name: WindowErrors.join(found) for name, found in parts.items()}


def _describe(game: Game, errors: Mapping[str, WindowErrors], config: EvalConfig) -> dict[str, Any]:
    """Every statistic of the model's errors, and the baselines beside it."""
    model = errors[_MODEL]
    return {
        "windows": len(model),
        "mse": summarize(model.stack, model.episode, config.bootstrap, config.seed),
        "frame_mse": {"mean": model.frame.mean(axis=0).tolist()},
        "mae": {name: np.sqrt(model.newest[..., i]).mean(axis=0).tolist() for name, i in game.positions.items()},
        "baselines": {
            name: summarize(found.stack, found.episode, config.bootstrap, config.seed)
            | {"frame_mse": {"mean": found.frame.mean(axis=0).tolist()}}
            for name, found in errors.items()
            if name != _MODEL
        },
        "events": by_event(model, game.events),
        "features": {name: model.newest[..., i].mean(axis=0).tolist() for i, name in enumerate(game.layout.features)},
    }


def _compare(recorded: WindowErrors, random: WindowErrors) -> dict[str, Any]:
    """Off-policy against on-policy error: over all windows, and from the very same starts."""
    same = _same_starts(recorded, random)
    means = [errors.stack.mean(axis=0).tolist() for errors in (random, recorded, same)]
    return {"ratio": ratio(means[0], means[1]), "same_starts": {"mean": means[2], "ratio": ratio(means[0], means[2])}}


def _same_starts(recorded: WindowErrors, others: WindowErrors) -> WindowErrors:
    """The recorded windows that begin where the others do."""
    length = int(recorded.start.max()) + 1
    return recorded.take(np.isin(recorded.episode * length + recorded.start, others.episode * length + others.start))


def _describe_action_blind(
    predictor: Predictor, dataset: Dataset, lengths: IntArray, recorded: WindowErrors, config: EvalConfig
) -> dict[str, Any]:
    """The predictor told the actions of other windows, beside itself told the right ones."""
    if config.action_blind_windows == 0:
        return {"skipped": "action_blind_windows is 0"}
    rng = np.random.default_rng([config.seed, _ACTION_BLIND])
    windows = list(shuffled_windows(dataset, lengths, config.action_blind_windows, rng))
    if not windows:
        return {"skipped": "a single window has no other one's actions"}
    blind = score_windows({_MODEL: predictor}, windows)[_MODEL]
    mean = _same_starts(recorded, blind).stack.mean(axis=0).tolist()
    mse = summarize(blind.stack, blind.episode, config.bootstrap, config.seed)
    return {
        "windows": len(blind),
        "mse": mse,
        "same_windows": {"mean": mean},
        "ratio": ratio(mse["mean"], mean),
    }


def _describe_floor(game: Game, found: FloorErrors, config: EvalConfig) -> dict[str, Any]:
    names = list(game.events)
    later = [name != game.start_event for name in names]
    return {
        "futures": config.floor_futures,
        **_against_floor(found, np.ones(len(found.event), bool)),
        "after_start": _against_floor(found, np.array(later)[found.event]),
        "events": {
            name: {
                "windows": int(which.sum()),
                "mean": found.floor[which].mean(axis=0).tolist(),
                "model": found.model[which].mean(axis=0).tolist(),
            }
            for index, name in enumerate(names)
            if (which := found.event == index).any()
        },
    }


def _against_floor(found: FloorErrors, which: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Floor and model over some windows.

    Those of a game's start stand apart: the emulator's state knows what no observation shows, the number of no-ops
    before the game, which times the first serve.
    """
    floor, model = (errors[which].sum(axis=0) / max(which.sum(), 1) for errors in (found.floor, found.model))
    return {
        "windows": int(which.sum()),
        "mean": floor.tolist(),
        "model": model.tolist(),
        "ratio": ratio(model.tolist(), floor.tolist()),
    }
