"""Evaluate a run: the numbers, the table and the pictures."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rssm.arrays import FloatArray
from rssm.config import HORIZON, EvalConfig, EvaluateConfig, WorldModelConfig
from rssm.config_file import load_config
from rssm.data.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import by_step, episode_lengths, evaluate
from rssm.evaluation.provenance import Role, checksum, file_checksum, refuse_training_data, shared_games
from rssm.evaluation.windows import count_windows
from rssm.files import replace_file, write_json
from rssm.games.pong.drawing import side_by_side_gif
from rssm.games.pong.features import newest_frame, stack_episode
from rssm.model.world_model import WorldModel
from rssm.progress import QUIET, Progress
from rssm.report.charts import error_by_step, to_png
from rssm.report.history import read_history
from rssm.report.report import write_report
from rssm.report.table import format_table
from rssm.tracker import METRICS_FILE, Tracker
from rssm.training.checkpoint import MODEL_FILE, load_model, load_weights
from rssm.training.run_folder import CONFIG_FILE

RESULT_FILE, REPORT_FILE = "openloop.json", "report.html"
#: agent steps shown in the GIF
_GIF_STEPS = 120


def evaluate_run(config: EvaluateConfig) -> None:
    """Score a run's world model on a data set, print the table and write the results as JSON.

    With the run's own held-out data and settings its ``openloop.json``, pictures and report are made anew; see
    :class:`rssm.config.EvaluateConfig` for everything else.

    Raises:
        UserError: the run, its model or the data set cannot be read; the data are what the model was trained on; a file
            is there that holds results of other data.
    """
    set_threads(config.threads)
    run = Path(config.run)
    job = _read_job(run, bool(config.data))
    model = load_model(run / MODEL_FILE, pick_device(config.device))
    if job is None:
        dataset, own, settings, training = Dataset.open(config.data), False, config.eval.over(EvalConfig()), None
    else:
        dataset = Dataset.open(config.data or job.data.heldout)
        own = _is_heldout(dataset, config, run, job)
        settings = config.eval.over(job.eval)
        training = _training_data(dataset, run, job)
    if training is not None:
        refuse_training_data(dataset, training)
    as_trained = job is not None and own and settings == job.eval
    target = _target(config, run, dataset, as_trained)
    role: Role = config.role if config.role != "auto" else ("held-out" if own else "other")
    result = score(model, dataset, settings, role)
    _say_what_of(result, run, dataset, training)
    print(format_table(result))
    write_json(target, result)
    print(f"results: {target}")
    if job is not None and target == run / RESULT_FILE:
        _write_pictures(run, job, model, dataset, result)


def evaluate_and_report(
    run: Path, config: WorldModelConfig, model: WorldModel, dataset: Dataset, tracker: Tracker, update: int
) -> dict[str, Any]:
    """The end of a training run: ``openloop.json``, ``media/``, ``report.html``, the table, and all of it logged.

    Returns:
        what ``openloop.json`` holds.
    """
    result = score(model, dataset, config.eval)
    _say_what_of(result, run, dataset, Dataset.open(config.data.train))
    print(format_table(result))
    write_json(run / RESULT_FILE, result)
    gif, chart = _write_pictures(run, config, model, dataset, result)
    tracker.log_gif("real_imagined", gif, update)
    tracker.log_image("error_by_step", chart, update)
    tracker.summary(summary(result), update)
    return result


def score(model: WorldModel, dataset: Dataset, config: EvalConfig, role: Role = "held-out") -> dict[str, Any]:
    """The open-loop evaluation of a model; see :func:`rssm.evaluation.openloop.evaluate`."""
    windows = count_windows(episode_lengths(dataset))
    total = windows + min(config.off_policy_windows, windows)
    total += min(config.floor_windows, windows) if config.floor_futures else 0
    with Progress("scoring", total, "windows", every=QUIET) as progress:
        predictor = WorldModelPredictor(model, config.samples, config.seed, progress.advance)
        return evaluate(predictor, dataset, config, predictor.description, role)


def dream(model: WorldModel, dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Frames (T, 14) of the longest game, real and as imagined, six steps at a time, from the real state before."""
    lengths = [rows.stop - rows.start for rows in dataset.episodes]
    episode = dataset.episode(int(np.argmax(lengths)))
    steps = min(_GIF_STEPS, (len(episode.features) - 1) // HORIZON * HORIZON)
    starts = np.arange(0, steps, HORIZON)
    stacks, actions = stack_episode(episode.features), episode.action.astype(np.int64)
    futures = actions[starts[:, None] + np.arange(HORIZON)]
    predicted = WorldModelPredictor(model).predict(stacks, actions, starts, futures)
    return episode.features[1 : steps + 1], newest_frame(predicted).reshape(steps, -1)


def summary(result: dict[str, Any]) -> dict[str, float]:
    """The headline numbers by name."""
    values = {"openloop/windows": float(result["windows"])}
    for statistic, name in (("mean", "mse"), ("median", "median")):
        values |= by_step(f"openloop/{name}", result["mse"][statistic])
    for name, baseline in result["baselines"].items():
        values |= by_step(f"openloop/{name}", baseline["mean"])
    return values


def _read_job(run: Path, other_data: bool) -> WorldModelConfig | None:
    """The settings of a world model's run; None for a run of another kind, which is only scored on data given."""
    path = run / CONFIG_FILE
    if not path.is_file():
        raise UserError(f"{run}: expected the folder of a run with a {CONFIG_FILE}")
    try:
        return load_config(path, WorldModelConfig)
    except UserError:
        if not other_data:
            raise
        print(
            f"{run}: not a run of scripts/train_wm.py: the default evaluation, training data unknown", file=sys.stderr
        )
        return None


def _recorded(path: Path) -> dict[str, Any]:
    """What a result says of its protocol; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        protocol: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["protocol"]
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: expected the results of an evaluation, it cannot be read ({error})") from None
    return protocol


def _is_heldout(dataset: Dataset, config: EvaluateConfig, run: Path, job: WorldModelConfig) -> bool:
    """Whether the data are those that the run was scored on after its training, wherever they lie now."""
    known = _recorded(run / RESULT_FILE).get("data")
    if known is not None:
        return bool(checksum(dataset) == known["sha256"])
    heldout = Path(job.data.heldout)
    return not config.data or (heldout.is_dir() and checksum(dataset) == checksum(Dataset.open(heldout)))


def _training_data(dataset: Dataset, run: Path, job: WorldModelConfig) -> Dataset | None:
    """The run's training data; None where they are not there, which is said, and all that is left is their checksum.

    Raises:
        UserError: the data to score have that checksum.
    """
    if Path(job.data.train).is_dir():
        return Dataset.open(job.data.train)
    if checksum(dataset) == (_recorded(run / RESULT_FILE).get("trained_on") or {}).get("sha256"):
        raise UserError(f"data: expected games that the model was not trained on, {dataset.path} are its training data")
    print(f"{job.data.train}: not there, so games that the model was trained on are not looked for", file=sys.stderr)
    return None


def _target(config: EvaluateConfig, run: Path, dataset: Dataset, as_trained: bool) -> Path:
    """Where the results go: never into the place of those of other data."""
    if as_trained and not config.json:
        return run / RESULT_FILE
    path = Path(config.json) if config.json else run / f"openloop-{dataset.path.resolve().name}.json"
    if path.exists() and path.resolve() == (run / RESULT_FILE).resolve() and not as_trained:
        raise UserError(f"json: expected another file than {path}, which holds the run's own evaluation")
    if path.exists() and not config.json:
        there = _recorded(path).get("data", {"folder": "which it does not name", "sha256": None})
        if there["sha256"] != checksum(dataset):
            raise UserError(
                f"{path}: holds the results of other data, {there['folder']}; expected another file (--json)"
            )
    return path


def _say_what_of(result: dict[str, Any], run: Path, dataset: Dataset, training: Dataset | None) -> None:
    """Put into a result's protocol which weights were scored, what they were trained on, and what is in both data."""
    protocol = result["protocol"]
    description, _ = load_weights(run / MODEL_FILE, "a world model")
    protocol["model"] = {"sha256": file_checksum(run / MODEL_FILE)}
    protocol["model"] |= {key: description.get(key) for key in ("update", "seed")}
    if training is None:
        protocol["trained_on"] = _recorded(run / RESULT_FILE).get("trained_on")
        protocol["games_trained_on"] = None
        return
    protocol["trained_on"] = {"folder": str(training.path), "sha256": checksum(training)}
    protocol["games_trained_on"] = shared = shared_games(dataset, training)
    if shared:
        print(f"warning: {shared} of the games in {dataset.path} are in the training data too", file=sys.stderr)


def _write_pictures(
    run: Path, config: WorldModelConfig, model: WorldModel, dataset: Dataset, result: dict[str, Any]
) -> tuple[Path, Path]:
    """``media/`` and ``report.html``; returns the animation and the chart."""
    gif, chart = run / "media" / "openloop.gif", run / "media" / "error_by_step.png"
    real, imagined = dream(model, dataset)
    side_by_side_gif(gif, real, imagined)
    replace_file(chart, lambda path: path.write_bytes(to_png(error_by_step(result))))
    command = f"python scripts/train_wm.py --config {run / CONFIG_FILE} --run {run}-again"
    history = read_history(run / METRICS_FILE) if (run / METRICS_FILE).is_file() else None
    write_report(run / REPORT_FILE, result, config=asdict(config), history=history, gif=gif, command=command)
    print(f"report: {run / REPORT_FILE}")
    return gif, chart
