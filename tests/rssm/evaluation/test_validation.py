import dataclasses

import numpy as np
import pytest

from rssm.config import EvalConfig
from rssm.evaluation.calibration import calibration
from rssm.evaluation.model_predictor import FilteredOnce, WorldModelPredictor
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.validation import Validation

SETTINGS = EvalConfig(samples=0, off_policy_windows=6, calibration_windows=8, bootstrap=2, survival_every=0)


@pytest.fixture(scope="module")
def model(make_model):
    return make_model().eval()


def test_it_says_of_its_windows_what_the_full_evaluation_says(model, recorded):
    found = Validation(recorded, recorded.episodes, SETTINGS)(model)
    full = evaluate(WorldModelPredictor(model), recorded, SETTINGS)
    for k in range(6):
        assert found[f"openloop/mse_k{k}"] == pytest.approx(full["mse"]["mean"][k], rel=1e-5)
        assert found[f"openloop/median_k{k}"] == pytest.approx(full["mse"]["median"][k], rel=1e-5)
        assert found[f"openloop/persistence_k{k}"] == pytest.approx(full["baselines"]["persistence"]["mean"][k])
    for name, event in full["events"].items():
        assert found[f"events/{name}"] == pytest.approx(event["mean"][-1], rel=1e-5)
    for name, values in full["features"].items():
        assert found[f"features/{name}"] == pytest.approx(values[-1], rel=1e-5, abs=1e-12)
    for name, values in full["mae"].items():
        assert found[f"distance/{name}"] == pytest.approx(values[-1], rel=1e-5)
    missing = [name for name, value in found.items() if np.isnan(value)]
    assert all(name.startswith("events/") and name.removeprefix("events/") not in full["events"] for name in missing)


def test_only_the_given_episodes_count(model, recorded):
    alone = Validation(recorded, recorded.episodes[1:2], SETTINGS)(model)
    assert alone["openloop/mse_k5"] != pytest.approx(
        Validation(recorded, recorded.episodes, SETTINGS)(model)["openloop/mse_k5"]
    )
    lengths = np.array([0, 100, 0])
    expected = calibration(FilteredOnce(model, seed=0), recorded, 8, 6, 0, lengths)["ratio"]
    assert [alone[f"calibration/ratio_k{k}"] for k in range(6)] == pytest.approx(expected)


def test_the_same_weights_are_scored_the_same_again(model, recorded):
    validation = Validation(recorded, recorded.episodes, SETTINGS)
    first, again = validation(model), validation(model)
    assert first.keys() == again.keys()
    assert np.array_equal([*first.values()], [*again.values()], equal_nan=True)
    fresh = Validation(recorded, recorded.episodes, SETTINGS)(model)
    assert np.array_equal([*first.values()], [*fresh.values()], equal_nan=True)


def test_a_game_is_filtered_once_and_answers_as_ever(model, recorded, monkeypatch):
    games = []
    observe = type(model).observe
    monkeypatch.setattr(
        type(model), "observe", lambda self, *given, **named: games.append(1) or observe(self, *given, **named)
    )
    Validation(recorded, recorded.episodes, SETTINGS)(model)
    assert len(games) == 3  # windows, random actions and calibration of three games


def test_what_is_turned_off_is_left_out(model, recorded):
    off = dataclasses.replace(SETTINGS, off_policy_windows=0, calibration_windows=0)
    families = {name.partition("/")[0] for name in Validation(recorded, recorded.episodes, off)(model)}
    assert families == {"openloop", "events", "features", "distance"}


def test_the_floor_is_measured_where_it_is_asked_for(model, recorded_sticky):
    settings = dataclasses.replace(SETTINGS, floor_futures=4, floor_windows=5)
    found = Validation(recorded_sticky, recorded_sticky.episodes, settings)(model)
    floor = [found[f"floor/mse_k{k}"] for k in range(6)]
    assert min(floor) >= 0
    assert max(floor) > 0
