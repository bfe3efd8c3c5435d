import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rssm.errors import DivergedError, UserError
from rssm.evaluation.persistence import Persistence
from rssm.ladder import measure as module
from rssm.ladder.measure import finished, measure
from rssm.ladder.rows import read_rows
from rssm.ladder.train import Data, train_row
from rssm.ladder.trained import Trained


class Shifted:
    """Persistence, off by some pixels; remembers which episodes it was asked about."""

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self.lengths: list[int] = []

    def predict(self, observations, actions, starts, futures):
        self.lengths.append(len(observations))
        return Persistence().predict(observations, actions, starts, futures) + np.float32(self.offset)


@pytest.fixture
def row(job):
    return lambda name: read_rows(Path(job.presets))[name]


@pytest.fixture
def stub(monkeypatch):
    """Has a predictor take the place of every training."""

    def put(predictor):
        monkeypatch.setattr(module, "train_row", lambda *_: Trained(predictor, "a stub", 5, 6, 7.0))

    return put


def test_a_row_is_scored_on_the_held_out_windows(job, row, stub, tmp_path):
    data = Data(job)
    stub(Shifted(0.0))
    exact = measure(row("mlp"), data, 0, tmp_path / "exact", "test")
    none = measure(row("none"), data, 0, tmp_path / "none", "test")
    assert exact["mse"] == none["mse"]
    assert all(len(values) == 6 for values in exact["mse"].values())
    assert exact["mse"]["mean"][0] < exact["mse"]["mean"][5] < exact["mse"]["p90"][5]
    assert (exact["prediction"], exact["parameters"], exact["updates"], exact["train_seconds"]) == ("a stub", 5, 6, 7.0)
    windows = sum(event["windows"] for event in exact["events"].values())
    total = sum(event["windows"] * event["mean"][5] for event in exact["events"].values())
    assert total / windows == pytest.approx(exact["mse"]["mean"][5])
    assert exact["window_ms"] > 0
    assert exact["diverged"] is None
    assert json.loads((tmp_path / "exact" / "row.json").read_text()) == exact


def test_held_out_games_and_validation_games_are_not_confused(job, row, stub, tmp_path):
    data = Data(job)
    train, heldout = data.open(row("mlp").config)
    learned, validation = data.split(row("mlp").config)
    for chosen, episodes in ((False, heldout.episodes), (True, validation)):
        predictor = Shifted(0.0)
        stub(predictor)
        measure(row("mlp"), data, 0, tmp_path / str(chosen), "test", validation=chosen)
        assert predictor.lengths == [e.stop - e.start for e in episodes if e.stop - e.start > 6]
    assert learned[-1].stop == validation[0].start < len(train)


def test_an_error_far_above_persistence_has_diverged(job, row, stub, tmp_path):
    stub(Shifted(1000.0))
    result = measure(row("mlp"), Data(job), 0, tmp_path / "run", "test")
    assert result["diverged"].endswith("more than 100 times persistence")
    assert result["mse"]["mean"][0] > 9e5


@pytest.mark.parametrize("offset", [np.nan, np.inf])
def test_a_prediction_that_is_no_number_has_diverged(job, row, stub, tmp_path, offset):
    stub(Shifted(offset))
    result = measure(row("mlp"), Data(job), 0, tmp_path / "run", "test")
    assert result["diverged"].startswith("prediction: expected finite values")
    assert result["mse"] is None
    assert result["parameters"] == 5


def test_a_training_that_diverges_is_a_result_too(job, row, tmp_path):
    result = measure(row("wild"), Data(job), 0, tmp_path / "run", "test")
    assert result["diverged"].startswith("loss: ")
    assert result["mse"] is None
    assert finished(row("wild"), job, 0, tmp_path / "run") == result


def test_a_world_model_that_diverges_is_one_as_well(job, row, tmp_path):
    with pytest.raises(DivergedError, match="loss"):
        train_row(row("world").with_learning_rate(1e30), Data(replace(job, budget=0)), 0, tmp_path / "run", "test")


def test_what_is_there_is_not_measured_again(job, row, stub, tmp_path):
    folder = tmp_path / "run"
    assert finished(row("mlp"), job, 0, folder) is None
    stub(Shifted(0.0))
    first = measure(row("mlp"), Data(job), 0, folder, "test")
    stub(Shifted(9.0))
    assert measure(row("mlp"), Data(job), 0, folder, "test") == first
    free = replace(
        job, rows="none", seeds=9, threads=0, out="elsewhere", more_steps=5, data=replace(job.data, workers=2)
    )
    assert finished(row("mlp"), free, 0, folder) == first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda job, row: (replace(job, budget=9.0), row), "row.json: budget: the results there are for 0.05, not 9.0"),
        (
            lambda job, row: (replace(job, data=replace(job.data, train_steps=800)), row),
            "data.train_steps: the results there are for 900, not 800",
        ),
        (
            lambda job, row: (job, row.with_learning_rate(0.5)),
            "baseline.fit.learning_rate: the results there are for 0.003, not 0.5",
        ),
    ],
)
def test_results_of_other_settings_are_refused(job, row, stub, tmp_path, change, message):
    stub(Shifted(0.0))
    measure(row("mlp"), Data(job), 0, tmp_path / "run", "test")
    other_job, other_row = change(job, row("mlp"))
    with pytest.raises(UserError) as caught:
        finished(other_row, other_job, 0, tmp_path / "run")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_result_is_one_line(job, row, tmp_path):
    (tmp_path / "row.json").write_text('{"mse": ')
    with pytest.raises(UserError, match=r"row.json: expected a row's results, it cannot be read"):
        finished(row("mlp"), job, 0, tmp_path)
