"""Score a run's world model: on its own held-out games, its test games, or others that are given."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

from rssm.config import EvalConfig, EvaluateConfig, WorldModelConfig
from rssm.config.yaml_file import load_config
from rssm.data.dataset import Dataset
from rssm.errors import UserError
from rssm.evaluation.kept_windows import Predicted
from rssm.evaluation.provenance import Role, checksum, refuse_training_data
from rssm.evaluation.score import score
from rssm.jobs.data_sets import open_heldout, open_others, open_test_sets
from rssm.jobs.run_results import (
    RESULT_FILE,
    recorded_protocol,
    say_what_of,
    settings_file,
    write_pictures,
    write_result,
)
from rssm.report.table import format_table
from rssm.report.verdict import verdict
from rssm.storage.folder_lock import locked
from rssm.system.device import pick_device, set_threads
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.training.run_folder import CONFIG_FILE
from rssm.weights import run_and_results

TEST_RESULT_FILE = "openloop-test.json"


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
        say_what_of(result, run, dataset, training, model)
        print(f"{format_table(result)}\n\n{verdict(result)}\n")
        write_result(target, result, seen, model, dataset, settings)
        print(f"results: {target}")
        if job is not None and target == out / RESULT_FILE:
            write_pictures(out, job, model, dataset, result, settings_file(run))


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


def _is_heldout(dataset: Dataset, config: EvaluateConfig, run: Path, job: WorldModelConfig) -> bool:
    """Whether the data are those that the run was scored on after its training, wherever they lie now."""
    known = recorded_protocol(run / RESULT_FILE).get("data")
    if known is not None:
        return bool(checksum(dataset) == known.get("sha256"))
    heldout = Path(job.data.heldout)
    return not config.data or (heldout.is_dir() and checksum(dataset) == checksum(Dataset.open(heldout)))


def _refuse_recorded_training_data(dataset: Dataset, run: Path, job: WorldModelConfig) -> None:
    """Where the run's training data are not there, which is said, all that is left of them is their checksum.

    Raises:
        UserError: the data to score have that checksum.
    """
    if checksum(dataset) == (recorded_protocol(run / RESULT_FILE).get("trained_on") or {}).get("sha256"):
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
        there = recorded_protocol(path).get("data", {"folder": "which it does not name", "sha256": None})
        if there["sha256"] != checksum(dataset):
            raise UserError(
                f"{path}: holds the results of other data, {there['folder']}; expected another file (--json)"
            )
    return path
