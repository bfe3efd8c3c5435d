"""scripts/report.py: a page from what lies in a run's folder, and nothing else."""

import json
import shutil

import numpy as np
import pytest

from agents.config import AgentConfig
from agents.report_run import report
from agents.show_config import ReportConfig
from rssm.config import EnvConfig, EvalConfig, WorldModelConfig
from rssm.config.yaml_file import save_config
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.play import play_episode
from rssm.errors import UserError
from rssm.evaluation.kept_windows import Predicted, keep_windows, windows_file, write_windows
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import evaluate
from rssm.games.pong.player import Player
from rssm.storage.files import write_json


@pytest.fixture(scope="module")
def scored(make_model, tmp_path_factory):
    """A folder with openloop.json and its windows."""
    folder = tmp_path_factory.mktemp("scored")
    env = EnvConfig(repeat_action_probability=0.25)
    write_dataset(folder / "data", [play_episode(env, Player("tracking"), 1, 80)], env=env, policy={}, seed=0)
    data = Dataset.open(folder / "data")
    predictor, seen = WorldModelPredictor(make_model().eval()), Predicted()
    result = evaluate(predictor, data, EvalConfig(samples=0, bootstrap=5, off_policy_windows=0), watch=seen.see)
    write_json(folder / "openloop.json", result)
    kept = keep_windows(seen, predictor, data, 0)
    write_windows(windows_file(folder / "openloop.json"), kept, result["protocol"])
    return folder


@pytest.fixture
def world_model(model_folder, scored, tmp_path):
    """A world model's run, of a name that would be markup."""
    run = tmp_path / "<script>hurt = 1<"
    shutil.copytree(model_folder, run)
    save_config(WorldModelConfig(run=str(run)), run / "config.yaml")
    for file in scored.glob("openloop*.json"):
        shutil.copy(file, run)
    return run


@pytest.fixture
def agent(agent_folder, tmp_path):
    run = tmp_path / "agent"
    shutil.copytree(agent_folder, run)
    save_config(AgentConfig(run=str(run), online=True), run / "config.yaml")
    scores = {"scores": [3.0, 5.0], "mean": 4.0, "standard_error": 1.0, "min": 3.0, "median": 4.0, "wins": 2.0}
    played = scores | {"length": 900.0, "games": 2, "finished": 2, "code": "0123456 (2026-01-01)"}
    (run / "games.json").write_text(
        json.dumps(
            {"env": {"frameskip": 4, "repeat_action_probability": 0.0}, "sticky": 0.0, "seed": 1, "greedy": played}
        )
    )
    return run


def test_a_world_model_s_page(world_model, capsys):
    report(ReportConfig(run=str(world_model)))
    text = (world_model / "report.html").read_text()
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("On held-out games the prediction 6 steps ahead (k = 5) is off by ")
    assert last.startswith(f"report: {world_model / 'report.html'} (0.")
    assert first.replace("k = ", "k&nbsp;=&nbsp;") in text
    assert '<script type="application/json" id="windows">' in text
    assert "<h1>" in text
    assert "<script>hurt" not in text
    assert "&lt;script&gt;hurt = 1&lt;" in text


def test_made_again_it_is_the_same(world_model):
    pages = []
    for _ in range(2):
        report(ReportConfig(run=str(world_model)))
        pages.append((world_model / "report.html").read_bytes())
    assert pages[0] == pages[1]
    assert len(pages[0]) < 5_000_000


def test_another_result_has_a_page_of_its_own(world_model):
    (world_model / "openloop.json").rename(world_model / "openloop-test.json")
    report(ReportConfig(run=str(world_model), result="openloop-test.json"))
    text = (world_model / "report-test.html").read_text()
    assert "there is no openloop-test.windows.json: it was scored before single windows were kept" in text
    report(ReportConfig(run=str(world_model), result="openloop-test.json", out=str(world_model / "x" / "y.html")))
    assert (world_model / "x" / "y.html").read_text() == text


def test_windows_of_other_weights_are_not_shown(world_model):
    path = world_model / "openloop.json"
    result = json.loads(path.read_text())
    result["protocol"]["model"] = {"sha256": "another"}
    path.write_text(json.dumps(result))
    report(ReportConfig(run=str(world_model)))
    text = (world_model / "report.html").read_text()
    assert "openloop.windows.json is of other weights, data or settings than the result; score it again" in text


def test_an_agent_s_page(agent, capsys):
    report(ReportConfig(run=str(agent)))
    text = (agent / "report.html").read_text()
    assert capsys.readouterr().out.startswith("greedy: the agent wins, +4.0 ± 1.0 points a game; 2 of 2 games won")
    assert "Greedy: the agent wins" in text
    assert f"there is no openloop.json: python scripts/evaluate.py --run {agent} --data DATA scores it" in text


def test_an_agent_s_page_has_its_world_model_s_error_where_that_was_scored(agent, scored, capsys):
    for file in scored.glob("openloop*.json"):
        shutil.copy(file, agent)
    report(ReportConfig(run=str(agent)))
    text = (agent / "report.html").read_text()
    for title in ("Real games", "Watch it predict", "Where the error is", "Error by step"):
        assert f"<h2>{title}</h2>" in text
    assert "World model, its checksum" in text
    assert 'id="windows"' in text


def test_what_cannot_be_read_is_named(world_model, agent, tmp_path):
    wanted = [
        (world_model, "openloop-no.json", None, "no such file: scripts/evaluate.py writes one"),
        (agent, "openloop-no.json", None, "no such file: scripts/evaluate.py writes one"),
        (world_model, "openloop.json", "[", "expected the results of an evaluation, it cannot be read"),
        (world_model, "openloop.json", "{}", "expected the results of an evaluation, with protocol"),
        (agent, "curve.json", '{"points": [3]}', "it should be the scores along a training"),
    ]
    for run, name, text, reason in wanted:
        if text is not None:
            (run / name).write_text(text)
        with pytest.raises(UserError, match=reason) as caught:
            report(ReportConfig(run=str(run), **({} if name == "curve.json" else {"result": name})))
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="run: no run nowhere"):
        report(ReportConfig(run="nowhere"))


def test_the_windows_hold_no_more_than_a_page_can_bear(scored):
    kept = json.loads((scored / "openloop.windows.json").read_text())
    sizes = [len(json.dumps(window)) for window in kept["windows"]]
    # 10 worst, 12 of each of Pong's 8 events, 40 at random
    assert np.mean(sizes) * (10 + 12 * 8 + 40) < 2_000_000
