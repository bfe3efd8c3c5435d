import dataclasses
import inspect
import shlex
import subprocess
import sys
import types
from dataclasses import dataclass

import pytest

import rssm
from rssm.cli.job import Job, parse, run_job
from rssm.cli.jobs import ABLATE, COLLECT, COMPARE, EVALUATE, IMPORT_DATA, SUMMARIZE, TRAIN_WM
from rssm.config import CollectConfig, Settings, WorldModelConfig, setting
from rssm.config.presets import find_preset
from rssm.config.yaml_file import dump_config
from rssm.errors import DataError, UserError
from rssm.places import CONFIG_DIR


@pytest.fixture
def job():
    """Makes a job do nothing but keep the configs it was called with, and raise ``job.error`` if that is set."""
    seen = types.SimpleNamespace(calls=[], error=None)

    def run(config):
        seen.calls.append(config)
        if seen.error is not None:
            raise seen.error

    seen.of = lambda job: dataclasses.replace(job, run=run)
    return seen


def train(argv):
    config = parse(TRAIN_WM, argv)
    assert config is not None
    return config


def refusal(job, argv):
    with pytest.raises(UserError) as caught:
        parse(job, argv)
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
    words = "--out data/x --games 7 --players random --seed 3 --sticky 0.25 --noops 9 --workers 2"
    assert parse(COLLECT, words.split()) == CollectConfig("data/x", 100_000, 7, "random", 3, 0.25, 9, 2)
    players = "60% tracking rest, 40% random"
    assert parse(COLLECT, ["--out", "x", "--players", players]) == CollectConfig("x", players=players)
    message = "--players: tracking has no speed; expected one of epsilon, dead_zone, aim, rest, lag, hold, noops"
    assert refusal(COLLECT, ["--out", "x", "--players", "tracking speed=2"]) == message


def test_a_required_setting_may_stand_in_a_file(tmp_path):
    preset = tmp_path / "score.yaml"
    preset.write_text("run: runs/a\neval: {samples: 4}\n")
    config = parse(EVALUATE, ["--config", str(preset), "--data", "d"])
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
        ("--train.clip .nan", "--train.clip: expected a number, got .nan"),
        ("--train.clip inf", "--train.clip: expected a number, got inf"),
        ("--train.clip 1e400", "--train.clip: expected a finite number, got 1e400"),
        ("--train.clip 0", "--train.clip: expected more than 0, got 0.0"),
        ("--seed 9223372036854775808", "--seed: expected at most 2^63 - 1, got 9223372036854775808"),
        ("--data.workers -1", "--data.workers: expected at least 0, got -1"),
        ("--model.deter 99999999", "--model.deter: expected at most 16,384, got 99999999"),
        ("--model.unimix 1", "--model.unimix: expected less than 1, got 1.0"),
        ("--run=", "--run: expected some text, got nothing"),
        ("--run a\x1b[2J", "--run: expected text without control characters, got a\\x1b[2J"),
        ("--run a\udcff", "--run: expected text without control characters, got a\\udcff"),
        (f"--run {'a' * 5000}", f"--run: expected at most 4,096 characters, got {'a' * 57}..."),
        ("--version=1", "--version: takes no value, got 1"),
        (
            "--model.posterior copled",
            "--model.posterior: expected decoupled or coupled, got copled; did you mean coupled?",
        ),
        ("--seed 1 --seed 2", "--seed: given twice"),
        ("--seed -1", "--seed: expected at least 0, got -1"),
        ("--print_config=no", "--print_config: takes no value, got no"),
        ("debug", "debug: not expected here; a setting is given as --NAME VALUE"),
        ("-c debug", "-c: not expected here; a setting is given as --NAME VALUE"),
        ("--config no/such.yaml", "--config: no file no/such.yaml"),
    ],
)
def test_refusals(words, message):
    assert refusal(TRAIN_WM, words.split(" ")) == message


def test_an_unknown_preset_is_refused_with_the_nearest():
    assert refusal(TRAIN_WM, ["--config", "debgu"]).endswith("; did you mean debug?")


def test_a_bad_value_in_a_preset_names_the_file(tmp_path):
    preset = tmp_path / "mine.yaml"
    preset.write_text("train: {updates: 0}\n")
    assert refusal(TRAIN_WM, ["--config", str(preset)]) == f"{preset}: train.updates: expected at least 1, got 0"


def test_a_missing_required_setting_is_named():
    assert refusal(COLLECT, []) == "--out: missing; expected text"


def test_presets_are_found_by_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_preset("pong", "train_wm") == CONFIG_DIR / "train_wm" / "pong.yaml"
    assert train(["--config", "pong"]) == WorldModelConfig()
    assert train([]) == WorldModelConfig()


def test_print_config_shows_the_resolved_config_and_runs_nothing(job, capsys):
    words = ["--config", "debug", "--seed", "5", "--print_config"]
    assert run_job(job.of(TRAIN_WM), words) == 0
    assert capsys.readouterr().out == dump_config(train(["--config", "debug", "--seed", "5"]))
    assert job.calls == []


def test_a_job_gets_its_config(job):
    assert run_job(job.of(COLLECT), ["--out", "x"]) == 0
    assert job.calls == [CollectConfig("x")]


def test_bad_input_is_one_line_and_exit_code_2(job, capsys):
    job.error = DataError("data/x: meta.json: missing")
    assert run_job(job.of(COLLECT), ["--out", "x"]) == 2
    assert capsys.readouterr().err == "error: data/x: meta.json: missing\n"
    assert run_job(job.of(COLLECT), ["--ot", "x"]) == 2
    assert capsys.readouterr().err == "error: --ot: no such setting; did you mean out?\n"
    assert len(job.calls) == 1


def test_an_interrupt_is_exit_code_130(job):
    job.error = KeyboardInterrupt()
    assert run_job(job.of(COLLECT), ["--out", "x"]) == 130


def test_other_errors_are_not_hidden(job):
    job.error = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        run_job(job.of(COLLECT), ["--out", "x"])


def test_help_explains_settings_without_loading_torch():
    code = (
        "import sys; from rssm.cli.commands import train_wm; assert train_wm() == 0; assert 'torch' not in sys.modules"
    )
    process = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    text = " ".join(process.stdout.split())
    assert "--train.updates N optimiser steps (default 6,500; 1 to 10^9)" in text
    assert "--model.posterior {decoupled,coupled}" in text
    assert "--train TEXT" not in text


def test_help_shows_the_values_of_the_preset(capsys):
    assert parse(TRAIN_WM, ["--config", "debug", "-h"]) is None
    assert "default runs/debug" in " ".join(capsys.readouterr().out.split())


@dataclass(frozen=True)
class Settable(Settings):
    """Something to do."""

    run: str = setting("x", "where")
    online: bool = setting(False, "whether to play")
    rounds: int = setting(1, "of play", low=1, high=9)

    def idle(self):
        return {} if self.online else {"rounds": "without online"}


SETTABLE = Job("settable", Settable, print, "--online")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--run y", Settable("y")),
        ("--online --run y", Settable("y", True)),
        ("--run y --online", Settable("y", True)),
        ("--online=true", Settable(online=True)),
        ("--online true --run y", Settable("y", True)),
        ("--online True", Settable(online=True)),
        ("--online=false", Settable()),
        ("--online false --run y", Settable("y")),
    ],
)
def test_what_is_true_or_false_may_be_said_in_every_way(words, expected):
    assert parse(SETTABLE, words.split()) == expected


@pytest.mark.parametrize("words", ["--online=perhaps", "--online perhaps", "--online yes"])
def test_what_is_neither_true_nor_false_is_refused(words):
    assert refusal(SETTABLE, words.split()).startswith("--online: expected true or false, got ")


class TestSettingsThatDoNothing:
    def test_a_flag_is_refused_whatever_its_value(self):
        message = "--rounds: does nothing without online; leave it out"
        assert refusal(SETTABLE, ["--rounds", "3"]) == message
        assert refusal(SETTABLE, ["--rounds", "1", "--run", "y"]) == message
        assert parse(SETTABLE, ["--rounds", "3", "--online"]) == Settable(online=True, rounds=3)

    def test_a_file_of_one_s_own_may_say_it_at_its_default_as_a_run_s_does(self, tmp_path):
        mine = tmp_path / "mine.yaml"
        mine.write_text("rounds: 3\n")
        assert refusal(SETTABLE, ["--config", str(mine)]) == (
            f"{mine}: rounds: does nothing without online; leave it out"
        )
        assert parse(SETTABLE, ["--config", str(mine), "--online"]) == Settable(online=True, rounds=3)
        mine.write_text(dump_config(Settable("y")))
        assert parse(SETTABLE, ["--config", str(mine)]) == Settable("y")

    def test_what_one_of_our_presets_says_is_left_out(self, tmp_path, monkeypatch):
        monkeypatch.setattr("rssm.config.presets.CONFIG_DIR", tmp_path)
        (tmp_path / "settable").mkdir()
        (tmp_path / "settable" / "long.yaml").write_text("rounds: 5\nonline: true\n")
        assert parse(SETTABLE, ["--config", "long"]) == Settable(online=True, rounds=5)
        assert parse(SETTABLE, ["--config", "long", "--online", "false"]) == Settable()

    @pytest.mark.parametrize(
        ("words", "key"),
        [
            ("--model.likelihood huber --model.min_p 0.1", "model.min_p"),
            ("--loss.huber_beta 0.2", "loss.huber_beta"),
            ("--loss.open_loop 0 --loss.open_loop_starts 2", "loss.open_loop_starts"),
            ("--eval.floor_windows 10", "eval.floor_windows"),
        ],
    )
    def test_of_train_wm(self, words, key):
        assert refusal(TRAIN_WM, words.split()).startswith(f"--{key}: does nothing with ")

    def test_another_stack_than_pong_s(self):
        line = "--env.stack: does nothing in rssm/PongFeatures-v0; leave it out"
        assert refusal(TRAIN_WM, ["--env.stack", "2"]) == line
        assert train(["--config", "cartpole", "--env.stack", "2"]).env.stack == 2

    def test_the_sticky_preset_with_another_likelihood(self):
        config = train(["--config", "pong_sticky", "--model.likelihood", "huber", "--loss.huber_beta", "0.2"])
        assert config.model.min_p == WorldModelConfig().model.min_p
        assert config.loss.huber_beta == 0.2


class TestPresetsOfOtherJobs:
    def test_are_named_with_their_job(self):
        line = "--config: agent_online is a preset of train_agent, not of train_wm"
        assert refusal(TRAIN_WM, ["--config", "agent_online"]) == line
        assert refusal(COLLECT, ["--config", "debug"]) == "--config: debug is a preset of train_wm, not of collect"

    def test_a_job_without_presets_says_so(self):
        line = "--config: collect has no presets; expected a YAML file, got fast"
        assert refusal(COLLECT, ["--config", "fast"]) == line


@pytest.mark.parametrize("job", [COLLECT, IMPORT_DATA, TRAIN_WM, EVALUATE, ABLATE, COMPARE, SUMMARIZE])
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_help_says_what_the_job_does_and_fits_the_terminal(job, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert parse(job, ["--help"]) is None
    text = capsys.readouterr().out
    does = inspect.getdoc(job.config).split("\n\n")
    usage, *blocks = text.split("\n\n")
    said, (example, options, settings, *_) = blocks[: len(does)], blocks[len(does) :]
    assert usage.startswith("usage: ")
    assert [block.split() for block in said] == [paragraph.split() for paragraph in does]
    assert example.startswith("example: ")
    assert example.endswith(job.example)
    assert "--config PRESET" in options
    assert settings.startswith("settings:\n")
    beside_examples = [line for line in text.splitlines() if not line.startswith(("usage", "example"))]
    unbroken = 6 + max(len(word) for line in beside_examples for word in line.split())
    assert all(len(line) <= max(columns, unbroken, 24 + 20) for line in beside_examples)
    assert "``" not in text
    assert ":class:" not in text
    assert "docs/tries" not in text


def test_the_example_of_each_job_parses():
    for job in (COLLECT, IMPORT_DATA, TRAIN_WM, EVALUATE, ABLATE, COMPARE, SUMMARIZE):
        assert isinstance(parse(job, shlex.split(job.example)), job.config)


def test_version(capsys):
    assert parse(TRAIN_WM, ["--version", "--train.updates", "3"]) is None
    assert capsys.readouterr().out == f"pong-rssm {rssm.__version__}\n"
