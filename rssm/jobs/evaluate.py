"""Evaluate a run: the numbers, the table and the pictures."""

from __future__ import annotations

import json
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
from rssm.evaluation.openloop import evaluate
from rssm.files import replace_file, write_json
from rssm.games.pong.drawing import side_by_side_gif
from rssm.games.pong.features import newest_frame, stack_episode
from rssm.model.world_model import WorldModel
from rssm.report.charts import error_by_step, to_png
from rssm.report.report import write_report
from rssm.report.table import format_table
from rssm.tracker import METRICS_FILE, Tracker
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.training.run_folder import CONFIG_FILE

RESULT_FILE, REPORT_FILE = "openloop.json", "report.html"
#: agent steps shown in the GIF
_GIF_STEPS = 120


def evaluate_run(config: EvaluateConfig) -> None:
    """Score a run's world model on a data set, print the table and write the results as JSON.

    Raises:
        UserError: the run, its model or the data set cannot be read.
    """
    set_threads(config.threads)
    run = Path(config.run)
    if not (run / CONFIG_FILE).is_file():
        raise UserError(f"{run}: expected the folder of a run with a {CONFIG_FILE}")
    model = load_model(run / MODEL_FILE, pick_device(config.device))
    dataset = Dataset.open(config.data or load_config(run / CONFIG_FILE, WorldModelConfig).data.heldout)
    result = score(model, dataset, config.eval)
    print(format_table(result))
    write_json(Path(config.json) if config.json else run / RESULT_FILE, result)


def evaluate_and_report(
    run: Path, config: WorldModelConfig, model: WorldModel, dataset: Dataset, tracker: Tracker, update: int
) -> dict[str, Any]:
    """The end of a training run: ``openloop.json``, ``media/``, ``report.html``, the table, and all of it logged.

    Returns:
        what ``openloop.json`` holds.
    """
    result = score(model, dataset, config.eval)
    print(format_table(result))
    write_json(run / RESULT_FILE, result)
    gif, chart = run / "media" / "openloop.gif", run / "media" / "error_by_step.png"
    real, imagined = dream(model, dataset)
    side_by_side_gif(gif, real, imagined)
    replace_file(chart, lambda path: path.write_bytes(to_png(error_by_step(result))))
    command = f"python scripts/train_wm.py --config {run / CONFIG_FILE} --run {run}-again"
    history = [json.loads(line) for line in (run / METRICS_FILE).read_text().splitlines()]
    write_report(run / REPORT_FILE, result, config=asdict(config), history=history, gif=gif, command=command)
    tracker.log_gif("real_imagined", gif, update)
    tracker.log_image("error_by_step", chart, update)
    tracker.summary(summary(result), update)
    print(f"report: {run / REPORT_FILE}")
    return result


def score(model: WorldModel, dataset: Dataset, config: EvalConfig) -> dict[str, Any]:
    """The open-loop evaluation of a model; see :func:`rssm.evaluation.openloop.evaluate`."""
    predictor = WorldModelPredictor(model, config.samples, config.seed)
    return evaluate(predictor, dataset, config, predictor.description)


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
    for k in range(HORIZON):
        values[f"openloop/mse_h{k + 1}"] = result["mse"]["mean"][k]
        values[f"openloop/median_h{k + 1}"] = result["mse"]["median"][k]
        for name, baseline in result["baselines"].items():
            values[f"openloop/{name}_h{k + 1}"] = baseline["mean"][k]
    return values
