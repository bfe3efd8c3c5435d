import json
from pathlib import Path

from rssm.config import EvalConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.numbers import number
from rssm.report.table import format_table


def test_other_players_long_rollouts_and_doubt_arenumber(finished_run: Path) -> None:
    result = json.loads((finished_run / "openloop.json").read_text())
    table = format_table(result)
    assert max(map(len, table.splitlines())) <= 100
    rows = [line.split() for line in table.splitlines()]
    assert ["sweeping", *(number(value) for value in result["players"]["players"]["sweeping"]["mse"]["mean"])] in rows
    assert ["2", "rollouts,", "after", "steps", "6", "12", "25", "37", "50", "100"] in rows
    shares = [number(result["survival"]["within_2px"]["share"][mark]) for mark in ("6", "12", "25", "37", "50", "100")]
    assert ["share", "within", "2", "px", *shares] in rows
    assert ["spread", "÷", "error", *(number(value) for value in result["calibration"]["ratio"])] in rows
    assert f"worst: {result['players']['worst']['player']}" in table
    result["survival"] = {"skipped": "survival_every is 0"}
    assert "long rollouts: skipped, survival_every is 0" in format_table(result)


def test_everything_is_shown_in_100_columns(recorded_sticky: Dataset) -> None:
    config = EvalConfig(bootstrap=10, off_policy_windows=5, floor_futures=2, floor_windows=5)
    result = evaluate(Persistence(), recorded_sticky, config, prediction="mean over 128 samples")
    table = format_table(result)
    assert max(map(len, table.splitlines())) <= 100
    rows = [line.split() for line in table.splitlines()]
    assert ["player_y", *(f"{value:,.0f}" for value in result["features"]["player_y"])] in rows
    for name in (
        "mean over 128 samples",
        "persistence: mean",
        "constant velocity: mean",
        "free flight",
        "ball_x off by",
    ):
        assert name in table
    for name in ("÷ recorded actions", "÷ told the right ones", "model ÷ floor"):
        assert name in table


def test_numbers_keep_the_digits_that_matter_and_gaps_are_dashes(
    recorded: Dataset, recording_oracle: Predictor
) -> None:
    config = EvalConfig(bootstrap=10, off_policy_windows=0, floor_futures=2, floor_windows=5)
    result = evaluate(recording_oracle, recorded, config)
    result["mse"]["mean"] = [0.0, 0.00123, 0.456, 7.891, 45.67, 1234.5]
    lines = {line[:31].strip(): line[31:].split() for line in format_table(result).splitlines()}
    assert lines["model: mean"] == ["0", "0.0012", "0.46", "7.89", "45.7", "1,234"]
    assert lines["model ÷ floor"] == ["–"] * 6
    assert lines["model ÷ least possible"][-1] == "0"
    assert "random actions: skipped, off_policy_windows is 0" in format_table(result)
