import dataclasses
import json

import numpy as np
import pytest

from rssm.config import EvalConfig, EvaluateConfig
from rssm.data.dataset import Dataset
from rssm.errors import CheckpointError, DataError, UserError
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.files import write_json
from rssm.games.pong.features import newest_frame, stack_episode
from rssm.jobs.evaluate import dream, evaluate_run, score, summary
from rssm.training.checkpoint import load_model


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the finished run without what the evaluation writes."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.yaml", "model.safetensors"):
        (folder / name).write_bytes((finished_run / name).read_bytes())
    return folder


def test_a_run_evaluated_again_gives_what_its_training_wrote(run, finished_run, tiny_job, capsys):
    evaluate_run(EvaluateConfig(run=str(run), device="cpu", eval=tiny_job.eval))
    assert (run / "openloop.json").read_text() == (finished_run / "openloop.json").read_text()
    table = capsys.readouterr().out
    result = json.loads((run / "openloop.json").read_text())
    assert f"{result['windows']} windows" in table
    assert "persistence" in table


def test_other_data_and_another_file(run, pong_data, capsys):
    target = run.parent / "elsewhere" / "result.json"
    config = EvalConfig(bootstrap=10, off_policy_windows=0, samples=2)
    evaluate_run(
        EvaluateConfig(run=str(run), data=str(pong_data.path), json=str(target), device="cpu", threads=1, eval=config)
    )
    result = json.loads(target.read_text())
    starts = [max(0, (rows.stop - rows.start - 1) // 6) for rows in pong_data.episodes]
    assert result["windows"] == sum(starts)
    assert result["protocol"]["prediction"] == "mean over 2 samples"
    assert result["off_policy"] == {"skipped": "off_policy_windows is 0"}
    assert not (run / "openloop.json").exists()
    assert "mean over 2 samples" in capsys.readouterr().out


def test_what_is_not_there_is_refused_in_one_line(run, tmp_path):
    cases = [
        (
            EvaluateConfig(run=str(tmp_path / "none")),
            UserError,
            "none: expected the folder of a run with a config.yaml",
        ),
        (EvaluateConfig(run=str(run), data=str(tmp_path / "no")), DataError, "no: no such folder; expected a data set"),
    ]
    for config, kind, message in cases:
        with pytest.raises(kind, match=message) as caught:
            evaluate_run(config)
        assert "\n" not in str(caught.value)
    (run / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="expected a world model, there is no such file"):
        evaluate_run(EvaluateConfig(run=str(run)))
    assert [path.name for path in run.iterdir()] == ["config.yaml"]


def test_score_says_how_the_model_was_asked(make_model, recorded):
    config = EvalConfig(samples=0, bootstrap=5, off_policy_windows=0)
    one = score(make_model(), recorded, config)
    assert one["protocol"]["prediction"] == "mode"
    other = score(make_model(), recorded, dataclasses.replace(config, samples=3))
    assert other["protocol"]["prediction"] == "mean over 3 samples"
    assert other["mse"]["mean"] != one["mse"]["mean"]
    assert other["baselines"] == one["baselines"]


def test_a_dream_is_the_longest_game_six_steps_at_a_time(make_model, pong_data):
    model = make_model()
    real, imagined = dream(model, pong_data)
    game = pong_data.episode(3)
    assert np.array_equal(real, game.features[1 : len(real) + 1])
    assert imagined.shape == real.shape
    assert len(real) % 6 == 0
    stacks, actions = stack_episode(np.array(game.features)), game.action.astype(np.int64)
    for start in (0, 12, len(real) - 6):
        window = np.array([start])
        predicted = WorldModelPredictor(model).predict(stacks, actions, window, actions[None, start : start + 6])
        assert np.allclose(imagined[start : start + 6], newest_frame(predicted)[0], atol=1e-3)


def test_the_summary_has_every_step_beside_the_baselines(finished_run):
    result = json.loads((finished_run / "openloop.json").read_text())
    values = summary(result)
    assert values["openloop/windows"] == result["windows"]
    assert values["openloop/mse_h1"] == result["mse"]["mean"][0]
    assert values["openloop/median_h6"] == result["mse"]["median"][5]
    assert values["openloop/persistence_h3"] == result["baselines"]["persistence"]["mean"][2]
    assert values["openloop/constant_velocity_h6"] == result["baselines"]["constant_velocity"]["mean"][5]


def test_a_result_that_is_no_number_is_not_written(tmp_path):
    path = tmp_path / "openloop.json"
    write_json(path, {"mse": 1.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"mse": float("nan")})
    assert json.loads(path.read_text()) == {"mse": 1.5}
    assert list(tmp_path.iterdir()) == [path]


def test_the_finished_model_can_be_loaded_anywhere(finished_run, tiny_job):
    model = load_model(finished_run / "model.safetensors")
    assert model.config == tiny_job.model
    real, imagined = dream(model, Dataset.open(tiny_job.data.heldout))
    assert np.isfinite(imagined).all()
    assert len(real) == 120
