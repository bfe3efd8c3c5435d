"""Write the page about a world model's run from what lies in its folder; nothing is computed anew."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rssm.config import WorldModelConfig
from rssm.errors import UserError
from rssm.evaluation.kept_windows import read_windows, windows_file
from rssm.evaluation.provenance import lookup
from rssm.evaluation.result_shape import RESULT
from rssm.game import Game, load_game
from rssm.report.about import Run
from rssm.report.history import read_history
from rssm.report.report import write_report
from rssm.report.verdict import verdict
from rssm.storage.shape import ANYTHING, MapOf, check_shape, read_json
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.training.checkpoint import TRAINER_FILE, training_seconds

REPORT_FILE = "report.html"


def report_run(run: Path, result: Path, path: Path, config: WorldModelConfig, settings: Path) -> str:
    """Write a report; returns its verdict.

    Args:
        run: folder of the run.
        result: file of its evaluation; single windows are looked for beside it.
        path: of the page.
        config: the run's settings.
        settings: the file that they are from, by which the run can be made again.

    Raises:
        UserError: a file cannot be read, or is something else.
    """
    scored = read_result(result)
    name = run.resolve().name
    write_report(
        path,
        scored,
        run=Run(
            name,
            asdict(config),
            asdict(WorldModelConfig()),
            f"python scripts/train_wm.py --config {settings} --run {run}-again",
            # beside shipped weights there is no trainer's state
            training_seconds(run / TRAINER_FILE) if (run / TRAINER_FILE).is_file() else None,
        ),
        game=game_of(scored),
        windows=read_windows(windows_file(result), scored["protocol"]),
        history=read_history(run / METRICS_FILE) if (run / METRICS_FILE).is_file() else None,
    )
    return verdict(scored)


def read_result(path: Path) -> dict[str, Any]:
    """The result of an evaluation.

    Raises:
        UserError: there is none, or the file is something else.
    """
    what = "the results of an evaluation"
    if not path.is_file():
        raise UserError(f"{path}: expected {what}; there is no such file: scripts/evaluate.py writes one")
    result = read_json(path, what, MapOf(ANYTHING))
    for key in ("protocol", "mse", "baselines", "events", "features"):
        if not isinstance(result.get(key), dict):
            raise UserError(f"{path}: expected {what}, with {key}")
    check_shape(result, RESULT, str(path), what)
    for key in ("data", "settings", "prediction"):
        lookup(result, f"protocol.{key}", str(path), key)
    return result


def game_of(result: dict[str, Any]) -> Game:
    """The game that a result is of."""
    return load_game(result["protocol"]["data"]["env_id"])
