"""Evaluate a run: the numbers, the table and the pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rssm.arrays import FloatArray
from rssm.config import HORIZON, EvalConfig, EvaluateConfig, WorldModelConfig
from rssm.config_file import load_config
from rssm.data.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.calibration import calibration
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.other_players import score_others
from rssm.evaluation.survival import survival
from rssm.files import replace_file, write_json
from rssm.games.pong.drawing import side_by_side_gif
from rssm.games.pong.features import newest_frame, stack_episode
from rssm.jobs.data_sets import open_others, open_test_sets
from rssm.model.world_model import WorldModel
from rssm.report.charts import error_by_step, to_png
from rssm.report.report import write_report
from rssm.report.table import format_table
from rssm.tracker import METRICS_FILE, Tracker
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.training.run_folder import CONFIG_FILE

RESULT_FILE, TEST_RESULT_FILE, REPORT_FILE = "openloop.json", "openloop-test.json", "report.html"
#: tries, published figures, or data that somebody named
SetName = Literal["development", "test", "other"]
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
    dataset, others, kind = _open(config, load_config(run / CONFIG_FILE, WorldModelConfig))
    result = score(model, dataset, config.eval, others, kind)
    print(format_table(result))
    file = TEST_RESULT_FILE if config.test else RESULT_FILE
    write_json(Path(config.json) if config.json else run / file, result)


def _open(config: EvaluateConfig, job: WorldModelConfig) -> tuple[Dataset, list[Dataset], SetName]:
    """The games to score on, those by other players, and what they are."""
    others = [Dataset.open(folder) for folder in config.others.split(",") if folder]
    if config.data:
        return Dataset.open(config.data), others, "other"
    train = Dataset.open(job.data.train) if Path(job.data.train).exists() else None
    if config.test:
        main, unseen = open_test_sets(job, train)
        return main, [unseen], "test"
    if not others and (found := open_others(job, train)) is not None:
        others = [found]
    return Dataset.open(job.data.heldout), others, "development"


def evaluate_and_report(
    run: Path,
    config: WorldModelConfig,
    model: WorldModel,
    dataset: Dataset,
    tracker: Tracker,
    update: int,
    others: Sequence[Dataset] = (),
) -> dict[str, Any]:
    """The end of a training run: ``openloop.json``, ``media/``, ``report.html``, the table, and all of it logged.

    Returns:
        what ``openloop.json`` holds.
    """
    result = score(model, dataset, config.eval, others)
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


def score(
    model: WorldModel,
    dataset: Dataset,
    config: EvalConfig,
    others: Sequence[Dataset] = (),
    kind: SetName = "development",
) -> dict[str, Any]:
    """Everything that is said about a model.

    Args:
        model: the world model.
        dataset: games that it was not trained on.
        config: the protocol's settings.
        others: games by other players.
        kind: what the games are for.

    Returns:
        the dictionary of :func:`rssm.evaluation.openloop.evaluate` and beside it ``data`` (which games),
        ``players`` (:func:`rssm.evaluation.other_players.score_others`), ``survival``
        (:func:`rssm.evaluation.survival.survival`) and ``calibration``
        (:func:`rssm.evaluation.calibration.calibration`), each ``{"skipped": reason}`` where it was not measured.
    """
    predictor = WorldModelPredictor(model, config.samples, config.seed)
    result = evaluate(predictor, dataset, config, predictor.description)
    result["data"] = {"set": kind, **dataset.identity()}
    result["players"] = {"skipped": "no games by other players were given"}
    if others:
        result["players"] = score_others(predictor, others, result["mse"]["mean"], config)
    result["survival"] = {"skipped": "survival_every is 0"}
    if config.survival_every:
        result["survival"] = survival(WorldModelPredictor(model), dataset, config.survival_every)
    result["calibration"] = {"skipped": "calibration_windows is 0"}
    if config.calibration_windows:
        sizes = config.calibration_windows, config.calibration_samples
        result["calibration"] = calibration(predictor, dataset, *sizes, config.seed)
    return result


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
    for name, player in result["players"].get("players", {}).items():
        values[f"players/{name.replace(' ', '_')}_h{HORIZON}"] = player["mse"]["mean"][-1]
    for limit in ("within_2px", "within_12px"):
        if limit in result["survival"]:
            found = result["survival"][limit]
            values |= {f"survival/{limit}_median": found["median"], f"survival/{limit}_100": found["share"]["100"]}
    ratio = result["calibration"].get("ratio", [None])[-1]
    if ratio is not None:
        values[f"calibration/ratio_h{HORIZON}"] = ratio
    return values
