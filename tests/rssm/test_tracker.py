import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rssm.config import LogConfig
from rssm.errors import UserError
from rssm.tracker import METRICS_FILE, Tracker

OFF = LogConfig(wandb="disabled")


def write(run_dir, updates, resume_update=None):
    with Tracker(run_dir, OFF, {}, resume_update) as tracker:
        for update in updates:
            tracker.log({"train/loss": 1 / update}, update)
            if update % 2 == 0:
                tracker.log({"openloop/mse_k0": float(update)}, update)


def rows(run_dir):
    def refuse(name):
        raise ValueError(name)

    text = (run_dir / METRICS_FILE).read_text()
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def child(code, run_dir, **extra):
    """A process of its own, without any of this process's wandb settings and without a key."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    environment |= {
        "HOME": str(run_dir),
        "NETRC": str(run_dir / "netrc"),
        "WANDB_CONFIG_DIR": str(run_dir / "wandb-config"),
    }
    start = (
        "from pathlib import Path; from rssm.config import LogConfig; from rssm.errors import UserError; "
        f"from rssm.tracker import Tracker; run_dir = Path({str(run_dir)!r})\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start + code], env=environment | extra.pop("env", {}), text=True, **extra
    )


def test_one_json_object_per_line_with_its_axis(tmp_path):
    with Tracker(tmp_path, OFF, {}) as tracker:
        tracker.log({"train/loss": np.float32(0.5), "train/count": 3}, update=10)
        tracker.summary({"mse_k5": 2.0}, update=20)
    assert rows(tmp_path) == [
        {"update": 10, "train/loss": 0.5, "train/count": 3},
        {"update": 20, "summary/mse_k5": 2.0},
    ]


def test_a_value_that_is_not_finite_is_null(tmp_path):
    with Tracker(tmp_path, OFF, {}) as tracker:
        tracker.log({"train/a": float("nan"), "train/b": float("inf"), "train/c": float("-inf")}, update=1)
    assert rows(tmp_path) == [{"update": 1, "train/a": None, "train/b": None, "train/c": None}]


def test_a_resumed_file_equals_an_uninterrupted_one(tmp_path):
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    whole.mkdir()
    resumed.mkdir()
    write(whole, range(1, 11))
    write(resumed, range(1, 9))  # killed after update 8; the last checkpoint was at 6
    write(resumed, range(7, 11), resume_update=6)
    assert (resumed / METRICS_FILE).read_bytes() == (whole / METRICS_FILE).read_bytes()


def test_a_half_written_last_line_is_dropped(tmp_path):
    write(tmp_path, range(1, 4))
    before = (tmp_path / METRICS_FILE).read_bytes()
    with (tmp_path / METRICS_FILE).open("ab") as file:
        file.write(b'{"update": 3, "train/lo')
    write(tmp_path, [], resume_update=3)
    assert (tmp_path / METRICS_FILE).read_bytes() == before


def test_a_summary_is_written_anew_by_a_resumed_run(tmp_path):
    for resume_update in (None, 4):
        with Tracker(tmp_path, OFF, {}, resume_update) as tracker:
            if resume_update is None:
                tracker.log({"train/loss": 1.0}, 4)
            tracker.summary({"mse": 3.0}, 4)
    assert rows(tmp_path) == [{"update": 4, "train/loss": 1.0}, {"update": 4, "summary/mse": 3.0}]


def test_a_new_run_starts_an_empty_file(tmp_path):
    write(tmp_path, range(1, 4))
    write(tmp_path, [5])
    assert [row["update"] for row in rows(tmp_path)] == [5]


@pytest.mark.parametrize("line", ["{oops", "[1]", '{"train/loss": 1}', '{"update": "x"}'])
def test_damage_before_the_last_line_is_refused_and_left_alone(tmp_path, line):
    text = f'{{"update": 1}}\n{line}\n{{"update": 2}}\n'
    (tmp_path / METRICS_FILE).write_text(text)
    with pytest.raises(UserError, match=r'metrics\.jsonl: line 2: expected a JSON object with "update"'):
        Tracker(tmp_path, OFF, {}, 2)
    assert (tmp_path / METRICS_FILE).read_text() == text


def test_every_line_survives_kill_9(tmp_path):
    code = """
tracker = Tracker(run_dir, LogConfig(wandb="disabled"), {})
for update in range(50):
    tracker.log({"train/loss": 0.5}, update)
print("ready", flush=True)
import time; time.sleep(60)
"""
    process = child(code, tmp_path, stdout=subprocess.PIPE)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [row["update"] for row in rows(tmp_path)] == list(range(50))


def test_disabled_leaves_wandb_out(tmp_path):
    code = """
import sys
with Tracker(run_dir, LogConfig(wandb="disabled"), {}) as tracker:
    tracker.log({"train/loss": 1.0}, 1)
    tracker.log_gif("game", run_dir / "none.gif", 1)
assert "wandb" not in sys.modules
"""
    assert child(code, tmp_path).wait(60) == 0
    assert not (tmp_path / "wandb").exists()


def test_wandb_mode_goes_before_the_config_and_must_be_a_mode(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(UserError, match="WANDB_MODE: expected offline, online or disabled, got sometimes"):
        Tracker(tmp_path, OFF, {})
    monkeypatch.setenv("WANDB_MODE", "disabled")
    Tracker(tmp_path, LogConfig(wandb="offline"), {}).close()
    assert not (tmp_path / "wandb").exists()


def test_an_offline_run_needs_neither_terminal_nor_key(tmp_path):
    frames = [Image.fromarray(np.full((8, 8, 3), 20 * shade, np.uint8)) for shade in range(5)]
    frames[0].save(tmp_path / "game.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "curve.png")
    code = """
with Tracker(run_dir, LogConfig(), {"seed": 3}) as tracker:
    for update in (5, 10):
        tracker.log({"train/loss": 0.5, "train/bad": float("nan")}, update)
    tracker.log({"openloop/mse_k0": 2.5}, 10)
    tracker.log_gif("game", run_dir / "game.gif", 10)
    tracker.log_image("curve", run_dir / "curve.png", 10)
"""
    started = child(code, tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = started.communicate(timeout=120)
    assert (started.returncode, output) == (0, "")
    assert [row["update"] for row in rows(tmp_path)] == [5, 10, 10]
    (segment,) = (tmp_path / "wandb").glob("offline-run-*")
    assert len(list(segment.glob("files/media/*/media/game*.gif"))) == 1
    assert len(list(segment.glob("files/media/*/media/curve*.png"))) == 1
    (store,) = segment.glob("run-*.wandb")
    records = inspect(store)
    assert {record["metric"].get("glob_name") for record in records if "metric" in record} >= {"train/*", "openloop/*"}
    assert all(r["metric"]["step_metric"] == "update" for r in records if "glob_name" in r.get("metric", {}))
    history = [record["history"]["item"] for record in records if "history" in record]
    assert [(item["update"], item["train/loss"]) for item in history if "train/loss" in item] == [(5, 0.5), (10, 0.5)]
    assert [(item["update"], item["openloop/mse_k0"]) for item in history if "openloop/mse_k0" in item] == [(10, 2.5)]


def inspect(store: Path):
    """The records of an offline run, by wandb's own reader."""
    wandb = Path(sys.executable).with_name("wandb")
    command = [wandb, "leet", "inspect", "--json", store]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [json.loads(line) for line in text.splitlines()]


def test_online_without_a_key_is_refused_at_a_terminal_and_never_asks(tmp_path):
    code = """
try:
    Tracker(run_dir, LogConfig(wandb="online"), {})
except UserError as error:
    print(f"refused: {error}")
"""
    controller, terminal = pty.openpty()
    process = child(code, tmp_path, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    try:
        process.wait(timeout=60)  # a prompt would wait for ever
    finally:
        process.kill()
    said = os.read(controller, 10_000).decode()
    os.close(controller)
    assert said.strip().splitlines() == [
        "refused: log.wandb: online needs an account: run `wandb login` or set WANDB_API_KEY; or take offline"
    ]
