import dataclasses
import hashlib
import json
import shutil

import pytest

from rssm.config import EnvConfig, EvalConfig, EvalOverrides, EvaluateConfig, WorldModelConfig
from rssm.config.yaml_file import load_config, save_config
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.play import play_episode
from rssm.errors import CheckpointError, DataError, UserError
from rssm.evaluation.provenance import checksum
from rssm.games.pong.player import Player
from rssm.jobs.evaluate import evaluate_run


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the finished run without what the evaluation writes."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.yaml", "model.safetensors"):
        (folder / name).write_bytes((finished_run / name).read_bytes())
    return folder


@pytest.fixture
def scored(run, finished_run):
    """The same with the result of its training."""
    (run / "openloop.json").write_bytes((finished_run / "openloop.json").read_bytes())
    return run


@pytest.fixture(scope="module")
def other_data(tmp_path_factory):
    """Two beginnings of games by another player, with sticky actions."""
    path = tmp_path_factory.mktemp("other") / "random"
    env = EnvConfig(repeat_action_probability=0.25)
    episodes = [play_episode(env, Player("random"), seed, 40) for seed in (5, 6)]
    write_dataset(path, episodes, env=env, policy={"name": "random"}, seed=5)
    return Dataset.open(path)


def evaluate(run, **settings):
    evaluate_run(EvaluateConfig(run=str(run), device="cpu", **settings))


def protocol(path):
    return json.loads(path.read_text())["protocol"]


def test_a_run_evaluated_again_gives_what_its_training_wrote(run, finished_run, tiny_job, capsys):
    evaluate(run)
    assert (run / "openloop.json").read_text() == (finished_run / "openloop.json").read_text()
    out = capsys.readouterr().out
    result = json.loads((run / "openloop.json").read_text())
    assert result["protocol"]["settings"] == dataclasses.asdict(tiny_job.eval)
    assert f"{result['windows']} windows" in out
    assert "persistence" in out
    assert f"results: {run / 'openloop.json'}" in out
    assert {path.name for path in run.iterdir()} == {
        "config.yaml",
        "model.safetensors",
        "openloop.json",
        "openloop.windows.json",
        "media",
        "report.html",
    }


def test_the_result_says_which_weights_it_is_of_and_what_they_learned_from(finished_run, tiny_job):
    found = protocol(finished_run / "openloop.json")
    weights = hashlib.sha256((finished_run / "model.safetensors").read_bytes()).hexdigest()
    assert found["model"] == {"sha256": weights, "update": 12, "seed": 0}
    train, heldout = Dataset.open(tiny_job.data.train), Dataset.open(tiny_job.data.heldout)
    assert found["trained_on"] == {"folder": tiny_job.data.train, "sha256": checksum(train)}
    assert (found["data"]["sha256"], found["data"]["role"]) == (checksum(heldout), "held-out")
    assert (found["data"]["seed"], found["games_trained_on"]) == (2, 0)


def test_other_data_go_into_another_file(scored, other_data, capsys):
    before = (scored / "openloop.json").read_bytes()
    evaluate(scored, data=str(other_data.path), role="development")
    assert (scored / "openloop.json").read_bytes() == before
    found = protocol(scored / "openloop-random.json")
    assert (found["data"]["role"], found["data"]["player"]) == ("development", {"name": "random"})
    assert found["data"]["env"]["repeat_action_probability"] == 0.25
    assert found["settings"] == protocol(scored / "openloop.json")["settings"]
    assert "development games" in capsys.readouterr().out
    assert not (scored / "report.html").exists()  # the report is of the run's own result


def test_the_run_s_own_data_are_known_by_their_content(run, tiny_job, tmp_path):
    shutil.copytree(tiny_job.data.heldout, tmp_path / "moved")
    evaluate(run, data=str(tmp_path / "moved"))
    assert protocol(run / "openloop.json")["data"]["role"] == "held-out"


def test_other_settings_go_into_another_file_and_the_rest_stays_the_run_s(scored, tiny_job):
    before = (scored / "openloop.json").read_bytes()
    evaluate(scored, eval=EvalOverrides(samples=2, off_policy_windows=0))
    assert (scored / "openloop.json").read_bytes() == before
    found = protocol(scored / "openloop-heldout.json")
    assert found["settings"] == dataclasses.asdict(dataclasses.replace(tiny_job.eval, samples=2, off_policy_windows=0))
    assert found["data"]["role"] == "held-out"


def test_a_file_of_one_s_own_choice(run, pong_data, capsys):
    target = run.parent / "elsewhere" / "result.json"
    settings = EvalOverrides(bootstrap=10, off_policy_windows=0, samples=2, calibration_windows=0)
    evaluate(run, data=str(pong_data.path), json=str(target), eval=settings)
    result = json.loads(target.read_text())
    starts = [max(0, (rows.stop - rows.start - 1) // 6) for rows in pong_data.episodes]
    assert result["windows"] == sum(starts)
    assert result["protocol"]["prediction"] == "mean over 2 samples"
    assert result["off_policy"] == {"skipped": "off_policy_windows is 0"}
    assert result["protocol"]["data"]["role"] == "other"
    assert result["players"] == {"skipped": "no games by other players were given"}
    assert not (run / "openloop.json").exists()
    assert "mean over 2 samples" in capsys.readouterr().out


def test_training_data_are_refused_whatever_they_are_called(scored, tiny_job, tmp_path):
    before = sorted(path.name for path in scored.iterdir())
    shutil.copytree(tiny_job.data.train, tmp_path / "fresh")
    with pytest.raises(UserError, match=r"fresh are its training data") as caught:
        evaluate(scored, data=str(tmp_path / "fresh"))
    assert "\n" not in str(caught.value)
    # where they are gone, the run's result still knows them
    config = load_config(scored / "config.yaml", WorldModelConfig)
    gone = dataclasses.replace(config, data=dataclasses.replace(config.data, train=str(tmp_path / "gone")))
    save_config(gone, scored / "config.yaml")
    with pytest.raises(UserError, match=r"fresh are its training data"):
        evaluate(scored, data=str(tmp_path / "fresh"))
    assert sorted(path.name for path in scored.iterdir()) == before


def test_where_the_training_data_are_gone_it_is_said_that_nothing_was_compared(run, tmp_path, capsys):
    config = load_config(run / "config.yaml", WorldModelConfig)
    gone = dataclasses.replace(config, data=dataclasses.replace(config.data, train=str(tmp_path / "gone")))
    save_config(gone, run / "config.yaml")
    for _ in range(2):  # the second time with a record that does not know either
        evaluate(run)
        found = protocol(run / "openloop.json")
        assert (found["trained_on"], found["games_trained_on"]) == (None, None)
        assert "gone: not there, so games that the model was trained on are not looked for" in capsys.readouterr().err


def test_results_of_other_data_are_not_written_over(scored, other_data, pong_data, tmp_path):
    shutil.copytree(pong_data.path, tmp_path / "random")
    cheap = EvalOverrides(bootstrap=2, off_policy_windows=0, samples=0, survival_every=0, calibration_windows=0)
    with pytest.raises(UserError, match=r"json: expected another file than .*openloop.json, which holds the run's own"):
        evaluate(scored, data=str(other_data.path), json=str(scored / "openloop.json"), eval=cheap)
    evaluate(scored, data=str(other_data.path), eval=cheap)
    with pytest.raises(UserError, match=r"openloop-random.json: holds the results of other data, .*random"):
        evaluate(scored, data=str(tmp_path / "random"), eval=cheap)
    assert protocol(scored / "openloop-random.json")["data"]["sha256"] == checksum(other_data)


def test_a_run_of_another_kind_is_scored_on_data_that_are_given(run, other_data, capsys):
    (run / "config.yaml").write_text("actor_critic: {hidden: 3}\n")
    evaluate(
        run,
        data=str(other_data.path),
        eval=EvalOverrides(bootstrap=2, off_policy_windows=0, samples=0, survival_every=0, calibration_windows=0),
    )
    found = protocol(run / "openloop-random.json")
    assert (found["trained_on"], found["games_trained_on"]) == (None, None)
    assert "training data unknown" in capsys.readouterr().err
    with pytest.raises(UserError, match="actor_critic"):
        evaluate(run)


def test_an_evaluation_is_never_silent_for_long(run, monkeypatch, capsys):
    """A clock that goes on by a second whenever anybody looks: a line comes before the tenth."""
    now = [0.0]

    def tick():
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr("rssm.progress.time.monotonic", tick)
    monkeypatch.setattr("rssm.model.futures.BATCH", 1)
    evaluate(run, eval=EvalOverrides(samples=16, off_policy_windows=0))
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if line.startswith("scoring: ")]) >= 4  # 16 futures of three games


def test_threads_are_those_of_a_training_and_every_setting_can_be_changed():
    assert EvaluateConfig(run="x").threads == WorldModelConfig().threads
    names = [[field.name for field in dataclasses.fields(kind)] for kind in (EvalConfig, EvalOverrides)]
    assert names[0] == names[1]
    own = EvalConfig(floor_futures=32, samples=8)
    assert EvalOverrides().over(own) == own
    assert EvalOverrides(samples=0).over(own) == dataclasses.replace(own, samples=0)
    with pytest.raises(ValueError, match=r"^samples: expected at least -1"):
        EvalOverrides(samples=-2)
    with pytest.raises(ValueError, match=r"^floor_futures: expected 0 \(off\) or at least 2"):
        EvalOverrides(floor_futures=1)


def test_the_test_set_is_scored_into_a_file_of_its_own(run, tiny_job, capsys):
    evaluate(run, test=True)
    assert not (run / "openloop.json").exists()
    result = json.loads((run / "openloop-test.json").read_text())
    data = result["protocol"]["data"]
    assert data["role"] == "test"
    assert data["folder"] == f"{tiny_job.data.test.path}/main"
    assert result["windows"] == 3 * 24
    assert {name: player["games"] for name, player in result["players"]["players"].items()} == {
        "random": 1,
        "sweeping": 1,
    }
    assert "72 windows of 3 test games" in capsys.readouterr().out


def test_more_games_of_other_players_can_be_named(run, tiny_job, pong_data):
    settings = EvalOverrides(bootstrap=10, off_policy_windows=0, samples=0, survival_every=0, calibration_windows=0)
    folders = {"data": tiny_job.data.heldout, "others": f"{pong_data.path},{tiny_job.data.others.path}"}
    evaluate(run, **folders, json=str(run / "named.json"), eval=settings)
    result = json.loads((run / "named.json").read_text())
    assert result["players"]["players"].keys() == {"tracking epsilon=0.5", "random", "sweeping"}
    assert result["survival"] == {"skipped": "survival_every is 0"}
    assert result["calibration"] == {"skipped": "calibration_windows is 0"}


def test_shipped_weights_are_scored_where_no_run_is_named_and_stay_as_they_are(
    finished_run, tmp_path, monkeypatch, capsys
):
    shelf, here = tmp_path / "shelf" / "pong", tmp_path / "here"
    shelf.mkdir(parents=True)
    here.mkdir()
    job = load_config(finished_run / "config.yaml", WorldModelConfig)
    data = dataclasses.replace(
        job.data,
        train=str(here / "none"),
        heldout="data/heldout",
        heldout_steps=60,
        others=dataclasses.replace(job.data.others, games=0),
    )
    save_config(dataclasses.replace(job, data=data), shelf / "world_model.yaml")
    (shelf / "config.yaml").write_text("the settings: of an agent\n")
    shutil.copy(finished_run / "model.safetensors", shelf)
    before = sorted(path.name for path in shelf.iterdir())
    monkeypatch.setattr("rssm.weights.FOLDER", shelf.parent)
    monkeypatch.chdir(here)
    evaluate("")
    assert sorted(path.name for path in shelf.iterdir()) == before
    result = json.loads((here / "runs" / "pong" / "openloop.json").read_text())
    assert (
        result["protocol"]["model"]["sha256"] == hashlib.sha256((shelf / "model.safetensors").read_bytes()).hexdigest()
    )
    assert len(Dataset.open(here / "data" / "heldout")) >= 60
    assert f"--config {shelf / 'world_model.yaml'}" in (here / "runs" / "pong" / "report.html").read_text()


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
