"""What an evaluation leaves in the folder of a run: the numbers, single windows, pictures and the page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rssm.arrays import FloatArray
from rssm.config import HORIZON, EvalConfig, WorldModelConfig
from rssm.data.dataset import Dataset
from rssm.data.disjoint import shared_games
from rssm.data.frames import stack_episode
from rssm.evaluation.kept_windows import Predicted, keep_windows, windows_file, write_windows
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.provenance import checksum
from rssm.evaluation.result_shape import PROTOCOL
from rssm.evaluation.score import errors_by_step, score, summary
from rssm.evaluation.windows import episode_lengths
from rssm.jobs.report import REPORT_FILE, report_run
from rssm.model.world_model import WorldModel
from rssm.report.charts import error_by_step
from rssm.report.drawing import to_png
from rssm.report.table import format_table
from rssm.report.verdict import verdict
from rssm.storage.files import file_checksum, replace_file, write_json
from rssm.storage.shape import Record, read_json
from rssm.system.device import machine
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import MODEL_FILE, load_weights
from rssm.training.run_folder import CONFIG_FILE
from rssm.weights import WORLD_MODEL_CONFIG

RESULT_FILE = "openloop.json"
#: agent steps shown in the GIF
_GIF_STEPS = 120


def evaluate_and_report(
    run: Path,
    config: WorldModelConfig,
    model: WorldModel,
    training: Dataset,
    dataset: Dataset,
    tracker: Tracker,
    update: int,
    others: Sequence[Dataset] = (),
) -> dict[str, Any]:
    """The end of a training run: ``openloop.json``, ``media/``, ``report.html``, the table, and all of it logged.

    Returns:
        what ``openloop.json`` holds.
    """
    seen = Predicted()
    result = score(model, dataset, config.eval, others, watch=seen.see)
    say_what_of(result, run, dataset, training, model)
    print(f"{format_table(result)}\n\n{verdict(result)}\n")
    write_result(run / RESULT_FILE, result, seen, model, dataset, config.eval)
    gif, chart = write_pictures(run, config, model, dataset, result, run / CONFIG_FILE)
    shown: dict[str, Path | str] = {"final_error_by_step": chart, "report": (run / REPORT_FILE).read_text("utf-8")}
    tracker.show(shown if gif is None else shown | {"final_real_imagined": gif}, update)
    lines = errors_by_step(result)
    tracker.show_lines("final_error_lines", "squared error by predicted step", lines, "k", update)
    tracker.summary(summary(result), update)
    tracker.keep("model", [run / MODEL_FILE, run / CONFIG_FILE])
    files = [run / name for name in (REPORT_FILE, RESULT_FILE, METRICS_FILE)]
    rows = [[k, *values] for k, values in enumerate(zip(*lines.values(), strict=True))]
    tracker.keep("results", files, {"error_by_step": (["k", *lines], rows)})
    print(f"results: {run / RESULT_FILE}\nweights: {run / MODEL_FILE}")
    print(f"next: python scripts/train_agent.py --world-model {run}")
    return result


def settings_file(run: Path) -> Path:
    """The settings that the world model was trained with; an agent's run has only its own."""
    return run / (WORLD_MODEL_CONFIG if (run / WORLD_MODEL_CONFIG).is_file() else CONFIG_FILE)


def dream(model: WorldModel, dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Frames (T, F) of the longest game, real and as imagined, six steps at a time, from the real state before."""
    episode = dataset.episode(int(np.argmax(episode_lengths(dataset))))
    steps = min(_GIF_STEPS, (len(episode.features) - 1) // HORIZON * HORIZON)
    starts = np.arange(0, steps, HORIZON)
    stacks, actions = stack_episode(episode.features, dataset.game.layout.stack), episode.action.astype(np.int64)
    futures = actions[starts[:, None] + np.arange(HORIZON)]
    predicted = WorldModelPredictor(model).predict(stacks, actions, starts, futures)
    return episode.features[1 : steps + 1], predicted[..., -1].reshape(steps, -1)


def recorded_protocol(path: Path) -> dict[str, Any]:
    """What a result says of its protocol; nothing where there is none."""
    if not path.is_file():
        return {}
    protocol: dict[str, Any] = read_json(path, "the results of an evaluation", Record({"protocol": PROTOCOL}))[
        "protocol"
    ]
    return protocol


def say_what_of(
    result: dict[str, Any], run: Path, dataset: Dataset, training: Dataset | None, model: WorldModel
) -> None:
    """Put into a result's protocol which weights were scored, on which processor, what they were trained on, and what
    is in both data."""
    protocol = result["protocol"]
    protocol["processor"] = machine(next(model.parameters()).device)
    description, _, _ = load_weights(run / MODEL_FILE, "a world model")
    protocol["model"] = {"sha256": file_checksum(run / MODEL_FILE)}
    protocol["model"] |= {key: description.get(key) for key in ("update", "seed")}
    if training is None:
        protocol["trained_on"] = recorded_protocol(run / RESULT_FILE).get("trained_on")
        protocol["games_trained_on"] = None
        return
    protocol["trained_on"] = {"folder": str(training.path), "sha256": checksum(training)}
    protocol["games_trained_on"] = shared = shared_games(dataset, training)
    if shared:
        print(f"warning: {shared} of the games in {dataset.path} are in the training data too", file=sys.stderr)


def write_result(
    target: Path, result: dict[str, Any], seen: Predicted, model: WorldModel, dataset: Dataset, config: EvalConfig
) -> None:
    """The result, and beside it single windows to look at."""
    predictor = WorldModelPredictor(model, config.samples, config.seed)
    write_json(target, result)
    write_windows(windows_file(target), keep_windows(seen, predictor, dataset, config.seed), result["protocol"])


def write_pictures(
    run: Path,
    config: WorldModelConfig,
    model: WorldModel,
    dataset: Dataset,
    result: dict[str, Any],
    settings: Path,
) -> tuple[Path | None, Path]:
    """``media/`` and ``report.html``; returns the animation, where the game has a picture, and the chart.

    ``settings`` is the file of the run's settings, by which it can be made again.
    """
    animation, chart = run / "media" / "openloop.gif", run / "media" / "error_by_step.png"
    gif = animation if model.game.draw(animation, *dream(model, dataset)) else None
    replace_file(chart, lambda path: path.write_bytes(to_png(error_by_step(result))))
    report_run(settings.parent, run / RESULT_FILE, run / REPORT_FILE, config, settings)
    print(f"report: {run / REPORT_FILE}")
    return gif, chart
