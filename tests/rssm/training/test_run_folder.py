import dataclasses

import pytest

from agents.config import AgentConfig
from agents.online.config import WorldConfig
from rssm.config import LossConfig, ModelConfig, TrainConfig, WorldModelConfig
from rssm.config.yaml_file import load_config
from rssm.errors import UserError
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE
from rssm.training.run_folder import CONFIG_FILE, Claim, difference


@pytest.fixture
def job(tmp_path):
    return WorldModelConfig(run=str(tmp_path / "run"))


def claim(run, config, growing=()):
    """As a job that has something to keep."""
    Claim(run, config, growing).take()
    (run / TRAINER_FILE).touch()


def test_a_new_folder_is_made_and_takes_the_settings(job, tmp_path):
    claim(tmp_path / "run", job)
    assert load_config(tmp_path / "run" / CONFIG_FILE, WorldModelConfig) == job


def test_what_no_result_depends_on_may_change(job, tmp_path):
    claim(tmp_path / "run", job)
    claim(tmp_path / "run", dataclasses.replace(job, threads=2, workers=3, device="cpu"))
    assert load_config(tmp_path / "run" / CONFIG_FILE, WorldModelConfig) == job


def test_the_number_of_processes_may_change(job, tmp_path):
    claim(tmp_path / "run", job)
    claim(tmp_path / "run", dataclasses.replace(job, data=dataclasses.replace(job.data, workers=3)))
    assert load_config(tmp_path / "run" / CONFIG_FILE, WorldModelConfig) == job
    agent = AgentConfig(run=str(tmp_path / "agent"))
    claim(tmp_path / "agent", agent)
    claim(tmp_path / "agent", dataclasses.replace(agent, world=WorldConfig(workers=0)))
    assert load_config(tmp_path / "agent" / CONFIG_FILE, AgentConfig) == agent


def test_settings_that_do_nothing_may_change(job, tmp_path):
    """Runs of before such settings were refused may have them."""
    claim(tmp_path / "run", dataclasses.replace(job, loss=LossConfig(huber_beta=7.0)))
    claim(tmp_path / "run", job)
    huber = dataclasses.replace(job, model=ModelConfig(likelihood="huber"))
    claim(tmp_path / "huber", huber)
    with pytest.raises(UserError, match=r"loss\.huber_beta: the run there was started with 0\.1, not 7\.0"):
        claim(tmp_path / "huber", dataclasses.replace(huber, loss=LossConfig(huber_beta=7.0)))


def test_a_setting_that_came_later_stops_no_run(job, tmp_path):
    held = dataclasses.replace(job, model=ModelConfig(min_p=0.0))
    claim(tmp_path / "run", held)
    path = tmp_path / "run" / CONFIG_FILE
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if "min_p" not in line))
    claim(tmp_path / "run", held)
    with pytest.raises(UserError, match=r"model\.min_p: the run there was started with 0\.0, not 0\.05"):
        claim(tmp_path / "run", job)


def test_other_settings_are_refused_in_one_line(job, tmp_path):
    claim(tmp_path / "run", job)
    other = dataclasses.replace(job, train=TrainConfig(updates=7))
    with pytest.raises(UserError, match=r"train\.updates: the run there was started with \d+, not 7; ") as caught:
        claim(tmp_path / "run", other)
    assert "\n" not in str(caught.value)


def test_a_run_may_go_on_for_longer_where_that_is_said(job, tmp_path):
    longer = dataclasses.replace(job, train=TrainConfig(updates=job.train.updates + 1))
    claim(tmp_path / "run", job, growing=("train.updates",))
    claim(tmp_path / "run", longer, growing=("train.updates",))
    assert load_config(tmp_path / "run" / CONFIG_FILE, WorldModelConfig) == longer
    with pytest.raises(UserError, match=r"train\.updates: the run there was started with \d+, .* or more updates"):
        claim(tmp_path / "run", job, growing=("train.updates",))


def test_nothing_is_made_before_there_is_something_to_keep(job, tmp_path):
    Claim(tmp_path / "run", job)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [TRAINER_FILE, MODEL_FILE])
def test_a_folder_belongs_to_nobody_until_something_is_kept_there(job, tmp_path, kept):
    other = dataclasses.replace(job, train=TrainConfig(updates=7))
    Claim(tmp_path / "run", job).take()
    Claim(tmp_path / "run", other).take()
    assert load_config(tmp_path / "run" / CONFIG_FILE, WorldModelConfig) == other
    (tmp_path / "run" / kept).touch()
    with pytest.raises(UserError, match=r"train\.updates: the run there was started with 7"):
        Claim(tmp_path / "run", job)


def test_a_file_in_the_folder_s_place_is_refused(job, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UserError, match=r"^run: expected a folder or a new one"):
        claim(tmp_path / "run", job)


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1}, {"a": 2}, ("a", 1, 2)),
        ({"a": 1, "g": {"x": 1, "y": 2}}, {"a": 1, "g": {"x": 1, "y": 3}}, ("g.y", 2, 3)),
        ({"g": {}}, {"g": {"x": 1}}, ("g.x", None, 1)),
        ({}, {"a": 1}, ("a", None, 1)),
        ({"run": "a"}, {"run": "b"}, None),
    ],
)
def test_the_first_difference(found, wanted, expected):
    assert difference(found, wanted) == expected


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ({"g": {"x": 1}}, {"g": {"x": 2}}, None),
        ({"g": {"x": 2}}, {"g": {"x": 1}}, ("g.x", 2, 1)),
        ({"g": {"x": 1, "y": 1}}, {"g": {"x": 2, "y": 2}}, ("g.y", 1, 2)),
    ],
)
def test_what_may_grow_is_no_difference(found, wanted, expected):
    assert difference(found, wanted, growing=("g.x",)) == expected
