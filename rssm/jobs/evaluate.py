"""Evaluate a run: the numbers, the table and the pictures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from rssm.arrays import FloatArray
from rssm.config import HORIZON, EvalConfig, EvaluateConfig, WorldModelConfig
from rssm.config_file import load_config
from rssm.data.dataset import Dataset
from rssm.data.disjoint import shared_games
from rssm.data.frames import stack_episode
from rssm.device import machine, pick_device, set_threads
from rssm.errors import UserError
from rssm.evaluation.calibration import calibration
from rssm.evaluation.head_scores import score_heads
from rssm.evaluation.kept_windows import Predicted, keep_windows, windows_file, write_windows
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import Watch, by_step, evaluate
from rssm.evaluation.other_players import score_others
from rssm.evaluation.provenance import Role, checksum, refuse_training_data
from rssm.evaluation.result_shape import PROTOCOL
from rssm.evaluation.survival import survival
from rssm.evaluation.windows import count_windows, episode_lengths
from rssm.files import file_checksum, replace_file, write_json
from rssm.folder_lock import locked
from rssm.jobs.data_sets import open_heldout, open_others, open_test_sets
from rssm.jobs.report import REPORT_FILE, report_run
from rssm.model.world_model import WorldModel
from rssm.progress import QUIET, Progress
from rssm.report.charts import error_by_step, to_png
from rssm.report.table import format_table
from rssm.report.verdict import verdict
from rssm.shape import Record, read_json
from rssm.tracker import METRICS_FILE, Tracker
from rssm.training.checkpoint import MODEL_FILE, load_model, load_weights
from rssm.training.run_folder import CONFIG_FILE
from rssm.weights import WORLD_MODEL_CONFIG, run_and_results

RESULT_FILE, TEST_RESULT_FILE = "openloop.json", "openloop-test.json"
#: agent steps shown in the GIF
_GIF_STEPS = 120


def evaluate_run(config: EvaluateConfig) -> None:
    """Score a run's world model on a data set, print the table and write the results as JSON.

    With the run's own held-out data and settings its ``openloop.json``, pictures and report are made anew; see
    :class:`rssm.config.EvaluateConfig` for everything else.

    Raises:
        BusyError: the results go into the run's folder, and another process writes there.
        UserError: the run, its model or the data set cannot be read; the data are what the model was trained on; a file
            is there that holds results of other data.
    """
    set_threads(config.threads)
    run, out = run_and_results(config.run)
    job = _read_job(run, bool(config.data))
    model = load_model(run / MODEL_FILE, pick_device(config.device))
    if job is None:
        dataset, others, own = Dataset.open(config.data), _others(config), False
        settings, training = config.eval.over(EvalConfig()), None
    else:
        training = Dataset.open(job.data.train) if Path(job.data.train).is_dir() else None
        dataset, others = _games(config, job, training, collect=out != run)
        own = not config.test and _is_heldout(dataset, config, run, job)
        settings = config.eval.over(job.eval)
        if training is None:
            _refuse_recorded_training_data(dataset, run, job)
    if training is not None:
        for games in (dataset, *others):
            refuse_training_data(games, training)
    as_trained = job is not None and own and settings == job.eval and not config.others
    target = _target(config, out, dataset, as_trained)
    role: Role = "test" if config.test else config.role if config.role != "auto" else ("held-out" if own else "other")
    into_run = target.resolve().parent == out.resolve()
    with locked(out) if into_run else nullcontext():
        seen = Predicted()
        result = score(model, dataset, settings, others, role, seen.see)
        _say_what_of(result, run, dataset, training, model)
        print(f"{format_table(result)}\n\n{verdict(result)}\n")
        _write(target, result, seen, model, dataset, settings)
        print(f"results: {target}")
        if job is not None and target == out / RESULT_FILE:
            _write_pictures(out, job, model, dataset, result, settings_file(run))


def _games(
    config: EvaluateConfig, job: WorldModelConfig, train: Dataset | None, *, collect: bool
) -> tuple[Dataset, list[Dataset]]:
    """The games to score on, and those by other players.

    With ``collect`` held-out games that are not there are played: shipped weights come without.
    """
    others = _others(config)
    if config.data:
        return Dataset.open(config.data), others
    if config.test:
        main, unseen = open_test_sets(job, train)
        return main, [unseen]
    if not others and (found := open_others(job, train)) is not None:
        others = [found]
    return (open_heldout(job) if collect else Dataset.open(job.data.heldout)), others


def _others(config: EvaluateConfig) -> list[Dataset]:
    return [Dataset.open(folder) for folder in config.others.split(",") if folder]


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
    _say_what_of(result, run, dataset, training, model)
    print(f"{format_table(result)}\n\n{verdict(result)}\n")
    _write(run / RESULT_FILE, result, seen, model, dataset, config.eval)
    gif, chart = _write_pictures(run, config, model, dataset, result, run / CONFIG_FILE)
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


def score(
    model: WorldModel,
    dataset: Dataset,
    config: EvalConfig,
    others: Sequence[Dataset] = (),
    role: Role = "held-out",
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Everything that is said about a model.

    Args:
        model: the world model.
        dataset: games that it was not trained on.
        config: the protocol's settings.
        others: games by other players.
        role: what the games are to the model.
        watch: told of the windows and their predictions (:func:`rssm.evaluation.openloop.evaluate`).

    Returns:
        the dictionary of :func:`rssm.evaluation.openloop.evaluate` and beside it ``heads``
        (:func:`rssm.evaluation.head_scores.score_heads`), and ``players``
        (:func:`rssm.evaluation.other_players.score_others`), ``survival``
        (:func:`rssm.evaluation.survival.survival`) and ``calibration``
        (:func:`rssm.evaluation.calibration.calibration`), each of these
        ``{"skipped": reason}`` where it was not measured.
    """
    windows = count_windows(episode_lengths(dataset))
    total = windows + min(config.off_policy_windows, windows)
    total += min(config.action_blind_windows, windows)
    total += min(config.floor_windows, windows) if config.floor_futures else 0
    total += sum(count_windows(episode_lengths(other)) for other in others)
    with Progress("scoring", total, "windows", every=QUIET) as progress:
        predictor = WorldModelPredictor(model, config.samples, config.seed, progress.advance)
        result = evaluate(predictor, dataset, config, predictor.description, role, watch)
        result["heads"] = score_heads(model, dataset)
        result["players"] = {"skipped": "no games by other players were given"}
        if others:
            theirs: Role = "test" if role == "test" else "development"
            result["players"] = score_others(predictor, others, result, config, theirs)
        result["survival"] = {"skipped": "survival_every is 0"}
        if config.survival_every:
            result["survival"] = survival(WorldModelPredictor(model), dataset, config.survival_every)
        result["calibration"] = {"skipped": "calibration_windows is 0"}
        if config.calibration_windows:
            sizes = config.calibration_windows, config.calibration_samples
            result["calibration"] = calibration(predictor, dataset, *sizes, config.seed)
        return result


def dream(model: WorldModel, dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Frames (T, F) of the longest game, real and as imagined, six steps at a time, from the real state before."""
    episode = dataset.episode(int(np.argmax(episode_lengths(dataset))))
    steps = min(_GIF_STEPS, (len(episode.features) - 1) // HORIZON * HORIZON)
    starts = np.arange(0, steps, HORIZON)
    stacks, actions = stack_episode(episode.features, dataset.game.layout.stack), episode.action.astype(np.int64)
    futures = actions[starts[:, None] + np.arange(HORIZON)]
    predicted = WorldModelPredictor(model).predict(stacks, actions, starts, futures)
    return episode.features[1 : steps + 1], predicted[..., -1].reshape(steps, -1)


def errors_by_step(result: dict[str, Any]) -> dict[str, list[float]]:
    """The errors that belong together: of the model, of the baselines and, where it was measured, the floor."""
    lines = {"model, mean": result["mse"]["mean"], "model, median": result["mse"]["median"]}
    lines |= {name.replace("_", " "): found["mean"] for name, found in result["baselines"].items()}
    return lines | ({"floor": result["floor"]["mean"]} if "mean" in result["floor"] else {})


def summary(result: dict[str, Any]) -> dict[str, float]:
    """The headline numbers by name."""
    values = {"openloop/windows": float(result["windows"])}
    for statistic, name in (("mean", "mse"), ("median", "median")):
        values |= by_step(f"openloop/{name}", result["mse"][statistic])
    for name, baseline in result["baselines"].items():
        values |= by_step(f"openloop/{name}", baseline["mean"])
    for name, player in result["players"].get("players", {}).items():
        values[f"players/{name.replace(' ', '_')}_k{HORIZON - 1}"] = player["mse"]["mean"][-1]
    for limit in ("within_2px", "within_12px"):
        if limit in result["survival"]:
            found = result["survival"][limit]
            values |= {f"survival/{limit}_median": found["median"], f"survival/{limit}_100": found["share"]["100"]}
    ratio = result["calibration"].get("ratio", [None])[-1]
    if ratio is not None:
        values[f"calibration/ratio_k{HORIZON - 1}"] = ratio
    return values


def _read_job(run: Path, other_data: bool) -> WorldModelConfig | None:
    """The settings of a world model's run; None for a run of another kind, which is only scored on data given."""
    path = settings_file(run)
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


def settings_file(run: Path) -> Path:
    """The settings that the world model was trained with; an agent's run has only its own."""
    return run / (WORLD_MODEL_CONFIG if (run / WORLD_MODEL_CONFIG).is_file() else CONFIG_FILE)


def _recorded(path: Path) -> dict[str, Any]:
    """What a result says of its protocol; nothing where there is none."""
    if not path.is_file():
        return {}
    protocol: dict[str, Any] = read_json(path, "the results of an evaluation", Record({"protocol": PROTOCOL}))[
        "protocol"
    ]
    return protocol


def _is_heldout(dataset: Dataset, config: EvaluateConfig, run: Path, job: WorldModelConfig) -> bool:
    """Whether the data are those that the run was scored on after its training, wherever they lie now."""
    known = _recorded(run / RESULT_FILE).get("data")
    if known is not None:
        return bool(checksum(dataset) == known.get("sha256"))
    heldout = Path(job.data.heldout)
    return not config.data or (heldout.is_dir() and checksum(dataset) == checksum(Dataset.open(heldout)))


def _refuse_recorded_training_data(dataset: Dataset, run: Path, job: WorldModelConfig) -> None:
    """Where the run's training data are not there, which is said, all that is left of them is their checksum.

    Raises:
        UserError: the data to score have that checksum.
    """
    if checksum(dataset) == (_recorded(run / RESULT_FILE).get("trained_on") or {}).get("sha256"):
        raise UserError(f"data: expected games that the model was not trained on, {dataset.path} are its training data")
    print(f"{job.data.train}: not there, so games that the model was trained on are not looked for", file=sys.stderr)


def _target(config: EvaluateConfig, run: Path, dataset: Dataset, as_trained: bool) -> Path:
    """Where the results go: never into the place of those of other data."""
    if as_trained and not config.json:
        return run / RESULT_FILE
    name = TEST_RESULT_FILE if config.test else f"openloop-{dataset.path.resolve().name}.json"
    path = Path(config.json) if config.json else run / name
    if path.exists() and path.resolve() == (run / RESULT_FILE).resolve() and not as_trained:
        raise UserError(f"json: expected another file than {path}, which holds the run's own evaluation")
    if path.exists() and not config.json:
        there = _recorded(path).get("data", {"folder": "which it does not name", "sha256": None})
        if there["sha256"] != checksum(dataset):
            raise UserError(
                f"{path}: holds the results of other data, {there['folder']}; expected another file (--json)"
            )
    return path


def _write(
    target: Path, result: dict[str, Any], seen: Predicted, model: WorldModel, dataset: Dataset, config: EvalConfig
) -> None:
    """The result, and beside it single windows to look at."""
    predictor = WorldModelPredictor(model, config.samples, config.seed)
    write_json(target, result)
    write_windows(windows_file(target), keep_windows(seen, predictor, dataset, config.seed), result["protocol"])


def _say_what_of(
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
        protocol["trained_on"] = _recorded(run / RESULT_FILE).get("trained_on")
        protocol["games_trained_on"] = None
        return
    protocol["trained_on"] = {"folder": str(training.path), "sha256": checksum(training)}
    protocol["games_trained_on"] = shared = shared_games(dataset, training)
    if shared:
        print(f"warning: {shared} of the games in {dataset.path} are in the training data too", file=sys.stderr)


def _write_pictures(
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
