import dataclasses
import json

from rssm.config import EvalConfig
from rssm.evaluation.score import score, summary


def test_score_says_how_the_model_was_asked(make_model, recorded):
    config = EvalConfig(samples=0, bootstrap=5, off_policy_windows=0, calibration_windows=0)
    one = score(make_model(), recorded, config)
    assert one["protocol"]["prediction"] == "mode"
    other = score(make_model(), recorded, dataclasses.replace(config, samples=3))
    assert other["protocol"]["prediction"] == "mean over 3 samples"
    assert other["mse"]["mean"] != one["mse"]["mean"]
    assert other["baselines"] == one["baselines"]


def test_the_summary_has_every_step_beside_the_baselines(finished_run):
    result = json.loads((finished_run / "openloop.json").read_text())
    values = summary(result)
    assert values["openloop/windows"] == result["windows"]
    assert values["openloop/mse_k0"] == result["mse"]["mean"][0]
    assert values["openloop/median_k5"] == result["mse"]["median"][5]
    assert values["openloop/persistence_k2"] == result["baselines"]["persistence"]["mean"][2]
    assert values["openloop/constant_velocity_k5"] == result["baselines"]["constant_velocity"]["mean"][5]
    assert values["players/sweeping_k5"] == result["players"]["players"]["sweeping"]["mse"]["mean"][5]
    assert values["survival/within_2px_median"] == result["survival"]["within_2px"]["median"]
    assert values["survival/within_12px_100"] == result["survival"]["within_12px"]["share"]["100"]
    assert values["calibration/ratio_k5"] == result["calibration"]["ratio"][5]
