import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from rssm.cli.job import EXIT_BAD_INPUT, run_job
from rssm.cli.jobs import TRAIN_WM
from rssm.config import (
    DataConfig,
    EvalConfig,
    LogConfig,
    LossConfig,
    ModelConfig,
    OthersConfig,
    TrainConfig,
    WorldModelConfig,
)
from rssm.config.yaml_file import load_config, save_config
from rssm.data.dataset import Dataset
from rssm.errors import UserError
from rssm.games.pong.statistics import FeatureStatistics
from rssm.jobs.data_sets import open_datasets, split_episodes
from rssm.jobs.train import make_trainer, train_world_model
from rssm.training.checkpoint import load_model


def tensors(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118  (not a dict)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestTheRunFolder:
    def test_it_holds_every_file(self, finished_run):
        names = {path.name for path in finished_run.iterdir()}
        assert names >= {
            "config.yaml",
            "model.safetensors",
            "trainer.pt",
            "metrics.jsonl",
            "openloop.json",
            "report.html",
            "media",
            "wandb",
        }
        assert not [path for path in finished_run.rglob(".*") if path.is_file()]  # no temporary file is left
        assert list((finished_run / "wandb").glob("offline-run-*/*.wandb"))

    def test_its_settings_are_those_of_the_job(self, finished_run, tiny_job):
        assert load_config(finished_run / "config.yaml", WorldModelConfig) == tiny_job

    def test_its_model_knows_the_training_episodes_alone(self, finished_run, tiny_job):
        data = Dataset.open(tiny_job.data.train)
        learned = data.features[:600]  # the last 300 of 900 rows, two episodes, are for validation
        expected = FeatureStatistics.fit(np.array(learned), np.array(data.action[:600]), np.array(data.is_first[:600]))
        assert load_model(finished_run / "model.safetensors").statistics == expected

    def test_its_metrics_are_complete(self, finished_run):
        rows = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
        assert [row["update"] for row in rows if "train/loss" in row] == list(range(1, 13))
        assert [row["update"] for row in rows if "openloop/mse_k0" in row] == [5, 10, 12]
        for row in rows:
            if "openloop/mse_k0" in row:
                for name in ("mse", "persistence", "constant_velocity"):
                    assert all(np.isfinite(row[f"openloop/{name}_k{k}"]) for k in range(6))
        assert rows[-1]["summary/openloop/mse_k5"] > 0

    def test_wandb_holds_the_same_numbers_and_what_can_be_looked_at(self, finished_run, check_mirror, read_wandb):
        pictures = check_mirror(finished_run, real_steps=False, evaluated="openloop/mse_k0")
        assert pictures >= {
            "chart_error_over_the_horizon",
            "chart_error_at_each_step",
            "chart_error_by_event",
            "chart_error_by_feature",
            "chart_distance",
            "chart_off_policy",
            "chart_calibration",
            "charts",
            "open_loop",
            "paths",
            "worst_windows",
            "final_error_by_step",
            "final_real_imagined",
            "report",
        }
        records = read_wandb(finished_run)
        artifacts = {record["artifact"]["name"]: record["artifact"] for record in records if "artifact" in record}
        held = {name: {entry["path"] for entry in one["manifest"]["contents"]} for name, one in artifacts.items()}
        assert held["whole-model"] == {"model.safetensors", "config.yaml"}
        results = {"report.html", "openloop.json", "metrics.jsonl", "error_by_step.table.json"}
        assert held["whole-results"] == results
        (run,) = [record["run"] for record in records if "run" in record]
        assert run["job_type"] == "train_wm"
        assert run["tags"] == ["rssm/PongFeatures-v0", "world model"]
        assert run["notes"].startswith("python scripts/train_wm.py --run ")

    def test_its_result_is_of_the_held_out_games(self, finished_run, tiny_job):
        result = json.loads((finished_run / "openloop.json").read_text())
        assert result["protocol"]["steps"] == 6
        assert result["windows"] == 24 + 24 + 1  # episodes of 150, 150 and 10 rows
        assert len(result["mse"]["mean"]) == len(result["mse"]["ci95"]) == 6
        assert result["off_policy"]["windows"] == tiny_job.eval.off_policy_windows
        assert result["protocol"]["data"]["role"] == "held-out"
        assert result["protocol"]["data"]["folder"] == tiny_job.data.heldout
        assert result["protocol"]["data"]["player"] == {"name": "tracking", "epsilon": 0.5}
        assert {name: player["games"] for name, player in result["players"]["players"].items()} == {
            "random": 2,
            "sweeping": 2,
        }
        assert result["players"]["data"][0]["env"]["noop_max"] == 120
        assert (result["survival"]["rollouts"], result["survival"]["games"]) == (2, 2)  # at row 40 of 150
        assert (result["calibration"]["windows"], result["calibration"]["samples"]) == (8, 3)
        assert result["baselines"].keys() == {"persistence", "constant_velocity"}

    def test_its_pictures_can_be_looked_at(self, finished_run):
        (gif,) = (finished_run / "media").glob("*.gif")
        with Image.open(gif) as picture:
            assert picture.n_frames > 1
        report = (finished_run / "report.html").read_text()
        assert "<canvas" in report
        assert "</html>" in report


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--train.updates", "20"], "train.updates: the run there was started with 12, not 20"),
        (["--seed", "3"], "seed: the run there was started with 0, not 3"),
        (["--model.deter", "20"], "model.deter: the run there was started with 16, not 20"),
        (["--data.train_seed", "9"], "data.train_seed: the run there was started with 1, not 9"),
    ],
)
def test_a_run_of_other_settings_is_left_alone(finished_run, capsys, flags, line):
    before = contents(finished_run)
    argv = ["--config", str(finished_run / "config.yaml"), *flags]
    assert run_job(TRAIN_WM, argv) == EXIT_BAD_INPUT
    out, err = capsys.readouterr()
    expected = "expected the same settings to go on, or another --run"
    assert (out, err) == ("", f"error: {finished_run / 'config.yaml'}: {line}; {expected}\n")
    assert contents(finished_run) == before


def test_a_file_in_the_place_of_the_run_is_refused(tiny_job, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(UserError, match=r"^run: expected a folder or a new one") as caught:
        train_world_model(dataclasses.replace(tiny_job, run=str(tmp_path / "run")))
    assert "\n" not in str(caught.value)
    assert (tmp_path / "run").read_text() == "mine"


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(tiny_job, tmp_path):
    with pytest.raises(UserError, match=r"^device: "):
        train_world_model(dataclasses.replace(tiny_job, run=str(tmp_path / "run"), device="cuda:97"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_key(monkeypatch, tmp_path):
    """A user without an account."""
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_uploading_without_a_key_is_refused_before_anything_is_done(tiny_job, tmp_path, no_key, monkeypatch):
    folder = tmp_path / "work"
    data = dataclasses.replace(tiny_job.data, train=str(folder / "train"), heldout=str(folder / "heldout"))
    online = dataclasses.replace(tiny_job, run=str(folder / "run"), data=data, log=LogConfig(wandb="online"))
    with pytest.raises(UserError, match=r"^log.wandb: online needs an account: run `wandb login` or set WANDB_API_KEY"):
        train_world_model(online)
    assert not folder.exists()


#: what a process does before it trains: it kills itself, as the kernel would, at a certain moment
DIE = "import os, signal; die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
START = "import sys; from rssm.cli.commands import train_wm; sys.exit(train_wm())"
MOMENTS = {
    "before the first checkpoint": """
from rssm.data.chunks import ChunkSampler
batch = ChunkSampler.batch
ChunkSampler.batch = lambda self, update, part: die() if update == 1 else batch(self, update, part)
""",
    "half of trainer.pt is written": """
import torch
save, calls = torch.save, []
def half(state, path):
    calls.append(path)
    if len(calls) == 2:
        path.write_bytes(b"PK half")
        die()
    save(state, path)
torch.save = half
""",
    "model.safetensors is newer than trainer.pt": """
import rssm.training.trainer as module
save, calls = module.save_trainer, []
def late(path, state):
    calls.append(path)
    die() if len(calls) == 2 else save(path, state)
module.save_trainer = late
""",
    "half of a line of metrics.jsonl is written": """
from rssm.tracking.tracker import Tracker
log = Tracker.log
def half(self, values, update):
    if update == 8:
        file = self._file._file
        file.write('{"update": 8, "train/lo')
        file.flush()
        die()
    log(self, values, update)
Tracker.log = half
""",
    "all is trained but nothing evaluated": """
import rssm.jobs.train as module
module.evaluate_and_report = lambda *_: die()
""",
}


def start_training(settings, before=""):
    return subprocess.Popen(
        [sys.executable, "-c", DIE + before + START, "--config", str(settings)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(finished_run, tiny_job, tmp_path):
    run = tmp_path / "killed"
    settings = tmp_path / "killed.yaml"
    save_config(dataclasses.replace(tiny_job, run=str(run)), settings)
    reached = []
    for before in MOMENTS.values():
        process = start_training(settings, before)
        _, err = process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL, err
        path = run / "trainer.pt"
        reached.append(torch.load(path, weights_only=True)["update"] if path.exists() else 0)
    assert reached == [0, 2, 4, 6, 12]
    process = start_training(settings)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert_same_run(run, finished_run)


def test_a_run_that_somebody_kills_at_any_moment_ends_the_same(finished_run, tiny_job, tmp_path):
    run = tmp_path / "killed"
    settings = tmp_path / "killed.yaml"
    save_config(dataclasses.replace(tiny_job, run=str(run)), settings)
    process = start_training(settings)
    metrics = run / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text().count("\n") >= 4):
        assert process.poll() is None, process.stderr
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.communicate()
    process = start_training(settings)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert_same_run(run, finished_run)


def assert_same_run(run: Path, expected: Path):
    """The same weights bit for bit, the same metrics, the same result; only how long it took may differ."""
    (found, description), (weights, expected_description) = (tensors(f / "model.safetensors") for f in (run, expected))
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert description == expected_description
    assert (run / "metrics.jsonl").read_text() == (expected / "metrics.jsonl").read_text()
    assert (run / "openloop.json").read_text() == (expected / "openloop.json").read_text()
    states = [torch.load(folder / "trainer.pt", weights_only=True) for folder in (run, expected)]
    for name in ("model", "best_weights"):
        assert all(torch.equal(value, states[1][name][key]) for key, value in states[0][name].items())
    leaves = [torch.utils._pytree.tree_leaves(state["optimizer"]) for state in states]
    for one, other in zip(*leaves, strict=True):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


class TestSplit:
    def test_the_last_whole_episodes_are_set_aside(self, pong_data):
        episodes = list(pong_data.episodes)
        for steps in (1, 200):
            assert split_episodes(pong_data, steps) == (episodes[:4], episodes[4:])
        assert split_episodes(pong_data, 201) == (episodes[:3], episodes[3:])

    def test_nothing_left_to_learn_from_is_refused(self, pong_data):
        total = len(pong_data)
        assert split_episodes(pong_data, total - 40)[0] == [pong_data.episodes[0]]
        with pytest.raises(UserError) as caught:
            split_episodes(pong_data, total - 39)
        line = str(caught.value)
        assert line.startswith(f"data.validation_steps: expected to leave an episode of {pong_data.path} to learn from")
        assert f"5 episodes have {total} steps" in line
        assert "\n" not in line


def test_new_games_take_the_place_of_old_ones_while_it_trains(tiny_job, tmp_path):
    job = dataclasses.replace(
        tiny_job, run=str(tmp_path / "run"), data=dataclasses.replace(tiny_job.data, fresh_steps=60)
    )
    device = torch.device("cpu")
    data, _ = open_datasets(job)
    sampler = make_trainer(tmp_path, job, data, device).sampler
    plain = make_trainer(tmp_path, tiny_job, data, device).sampler
    try:
        # a block is 180 steps: one is new after every third update
        assert torch.equal(sampler.batch(2).stacks, plain.batch(2).stacks)
        assert not torch.equal(sampler.batch(3).stacks, plain.batch(3).stacks)
    finally:
        sampler.close()
    meta = json.loads((data.path / "meta.json").read_text()) | {"env_id": None, "env": None}
    shutil.copytree(data.path, tmp_path / "imported")
    (tmp_path / "imported" / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(UserError, match=r"^data.fresh_steps: expected 0, as .*imported is imported"):
        make_trainer(tmp_path, job, Dataset.open(tmp_path / "imported"), device)


def test_a_short_real_training_beats_both_baselines_at_every_step(tmp_path):
    """6,000 steps of real games, 300 updates of a small model: other games are predicted better than by no model."""
    config = WorldModelConfig(
        run=str(tmp_path / "run"),
        device="cpu",
        workers=1,
        threads=1,
        data=DataConfig(
            train=str(tmp_path / "train"),
            heldout=str(tmp_path / "heldout"),
            train_steps=6000,
            heldout_steps=3000,
            validation_steps=500,
            players="tracking",
            workers=1,
            others=OthersConfig(games=0),
        ),
        model=ModelConfig(deter=64, stoch=4, classes=8, hidden=64, head_hidden=32, layers=1),
        loss=LossConfig(open_loop_starts=2),
        train=TrainConfig(
            updates=300,
            batch_size=16,
            chunk_length=24,
            learning_rate=6e-3,
            warmup=20,
            ema=0.98,
            evaluate_every=300,
            checkpoint_every=300,
        ),
        eval=EvalConfig(bootstrap=20, off_policy_windows=0),
    )
    train_world_model(config)
    result = json.loads((tmp_path / "run" / "openloop.json").read_text())
    assert result["windows"] > 400
    model = np.array(result["mse"]["mean"])
    for name, baseline in result["baselines"].items():
        assert (model < 0.75 * np.array(baseline["mean"])).all(), (name, model, baseline["mean"])
