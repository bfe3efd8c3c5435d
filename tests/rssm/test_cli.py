import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

from rssm.cli import CONFIG_DIR, find_preset, parse, run_job
from rssm.config import CollectConfig, EvaluateConfig, WorldModelConfig
from rssm.config_file import dump_config
from rssm.errors import DataError, UserError


@pytest.fixture
def job(monkeypatch):
    """A stand-in job that keeps the configs it was called with, and raises ``module.error`` if that is set."""
    module = types.ModuleType("stand_in_job")
    module.calls = []
    module.error = None

    def run(config):
        module.calls.append(config)
        if module.error is not None:
            raise module.error

    module.run = run
    monkeypatch.setitem(sys.modules, "stand_in_job", module)
    return module


def train(argv):
    config = parse(WorldModelConfig, argv, default="pong")
    assert config is not None
    return config


def refusal(config_class, argv, default=None):
    with pytest.raises(UserError) as caught:
        parse(config_class, argv, default)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_preset_changes_only_what_it_names(tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text("train: {batch_size: 5}\n")
    config = train(["--config", str(preset)])
    assert config.train.batch_size == 5
    assert config.train.updates == WorldModelConfig().train.updates
    assert config.data == WorldModelConfig().data


@pytest.mark.parametrize("order", [0, 1])
def test_the_command_line_goes_before_the_preset_in_either_order(order):
    words = [["--config", "debug"], ["--train.updates", "7"]]
    config = train(words[order] + words[1 - order])
    assert config.train.updates == 7
    assert config.run == "runs/debug"


def test_values_read_as_people_write_them():
    config = train(["--train.learning_rate", "3e-4", "--train.clip=2", "--run", "2026", "--model.unimix=0"])
    assert config.train.learning_rate == 3e-4
    assert (config.train.clip, type(config.train.clip)) == (2.0, float)
    assert config.run == "2026"
    assert (config.model.unimix, type(config.model.unimix)) == (0.0, float)


def test_the_flags_of_collect():
    words = "--out data/x --steps 500 --games 7 --players random --seed 3 --sticky 0.25 --noops 9 --workers 2"
    assert parse(CollectConfig, words.split()) == CollectConfig("data/x", 500, 7, "random", 3, 0.25, 9, 2)
    players = "60% tracking rest, 40% random"
    assert parse(CollectConfig, ["--out", "x", "--players", players]) == CollectConfig("x", players=players)
    message = "--players: tracking has no speed; expected one of epsilon, dead_zone, aim, rest, lag, hold"
    assert refusal(CollectConfig, ["--out", "x", "--players", "tracking speed=2"]) == message


def test_a_required_setting_may_stand_in_a_file(tmp_path):
    preset = tmp_path / "score.yaml"
    preset.write_text("run: runs/a\neval: {samples: 4}\n")
    config = parse(EvaluateConfig, ["--config", str(preset), "--data", "d"])
    assert config is not None
    assert (config.run, config.data, config.eval.samples) == ("runs/a", "d", 4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--train.update 5", "--train.update: no such setting; did you mean train.updates?"),
        ("--updates 5", "--updates: no such setting; did you mean train.updates?"),
        ("--model.updates 5", "--model.updates: no such setting; did you mean train.updates?"),
        ("--confg debug", "--confg: no such setting; did you mean config?"),
        ("--see 1", "--see: no such setting; did you mean seed?"),
        ("--train x.yaml", "--train: expected a setting inside it, such as train.updates"),
        ("--train.updates many", "--train.updates: expected a whole number, got many"),
        ("--train.updates 1.5", "--train.updates: expected a whole number, got 1.5"),
        ("--train.updates=", "--train.updates: expected a whole number, got nothing"),
        ("--train.updates 0", "--train.updates: expected at least 1, got 0"),
        ("--train.updates", "--train.updates: expected a value after it"),
        ("--train.updates --seed 1", "--train.updates: expected a value after it"),
        ("--train.clip .nan", "--train.clip: expected more than 0, got nan"),
        (
            "--model.posterior copled",
            "--model.posterior: expected decoupled or coupled, got copled; did you mean coupled?",
        ),
        ("--seed 1 --seed 2", "--seed: given twice"),
        ("--seed -1", "--seed: expected 0 or more, got -1"),
        ("--print_config=no", "--print_config: takes no value, got no"),
        ("debug", "debug: not expected here; a setting is given as --NAME VALUE"),
        ("-c debug", "-c: not expected here; a setting is given as --NAME VALUE"),
        ("--config no/such.yaml", "--config: no file no/such.yaml"),
    ],
)
def test_refusals(words, message):
    assert refusal(WorldModelConfig, words.split(), "pong") == message


def test_an_unknown_preset_is_refused_with_the_nearest():
    assert refusal(WorldModelConfig, ["--config", "debgu"], "pong").endswith("; did you mean debug?")


def test_a_bad_value_in_a_preset_names_the_file(tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text("train: {updates: 0}\n")
    assert (
        refusal(WorldModelConfig, ["--config", str(preset)]) == f"{preset}: train.updates: expected at least 1, got 0"
    )


def test_a_missing_required_setting_is_named():
    assert refusal(CollectConfig, []) == "--out: missing; expected text"


def test_presets_are_found_by_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_preset("pong") == CONFIG_DIR / "pong.yaml"
    assert train([]) == WorldModelConfig()


def test_print_config_shows_the_resolved_config_and_runs_nothing(job, capsys):
    words = ["--config", "debug", "--seed", "5", "--print_config"]
    assert run_job(WorldModelConfig, "stand_in_job:run", words, default="pong") == 0
    assert capsys.readouterr().out == dump_config(train(["--config", "debug", "--seed", "5"]))
    assert job.calls == []


def test_a_job_gets_its_config(job):
    assert run_job(CollectConfig, "stand_in_job:run", ["--out", "x"]) == 0
    assert job.calls == [CollectConfig("x")]


def test_bad_input_is_one_line_and_exit_code_2(job, capsys):
    job.error = DataError("data/x: meta.json: missing")
    assert run_job(CollectConfig, "stand_in_job:run", ["--out", "x"]) == 2
    assert capsys.readouterr().err == "error: data/x: meta.json: missing\n"
    assert run_job(CollectConfig, "stand_in_job:run", ["--ot", "x"]) == 2
    assert capsys.readouterr().err == "error: --ot: no such setting; did you mean out?\n"
    assert len(job.calls) == 1


def test_an_interrupt_is_exit_code_130(job):
    job.error = KeyboardInterrupt()
    assert run_job(CollectConfig, "stand_in_job:run", ["--out", "x"]) == 130


def test_other_errors_are_not_hidden(job):
    job.error = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        run_job(CollectConfig, "stand_in_job:run", ["--out", "x"])


def test_help_explains_settings_without_loading_torch():
    code = "import sys; from rssm.cli import train_wm; assert train_wm() == 0; assert 'torch' not in sys.modules"
    process = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    text = " ".join(process.stdout.split())
    default = WorldModelConfig().train.updates
    assert f"--train.updates UPDATES optimiser steps. (type: int, default: {default})" in text
    assert "--model.posterior {decoupled,coupled}" in text
    assert "--train CONFIG" not in text


def test_help_shows_the_values_of_the_preset(capsys):
    assert parse(WorldModelConfig, ["--config", "debug", "-h"], default="pong") is None
    assert "default: runs/debug" in " ".join(capsys.readouterr().out.split())


def test_a_setting_that_is_true_or_false_is_switched_on_by_its_name():
    @dataclass(frozen=True)
    class Job:
        """Something to do.

        Args:
            run: where.
            online: whether to play.
        """

        run: str = "x"
        online: bool = False

    assert parse(Job, []) == Job()
    assert parse(Job, ["--online", "--run", "y"]) == Job("y", True)
    assert parse(Job, ["--run", "y", "--online"]) == Job("y", True)
    assert parse(Job, ["--online=true"]) == Job(online=True)
    assert parse(Job, ["--online=false"]) == Job()
    assert refusal(Job, ["--online=perhaps"]) == "--online: expected true or false, got perhaps"
    assert refusal(Job, ["--online", "false"]) == "false: not expected here; a setting is given as --NAME VALUE"
