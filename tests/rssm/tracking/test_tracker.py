import json
import os
import pty
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rssm.config import LogConfig
from rssm.errors import UserError
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.tracking.tracker import Tracker

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
        f"from rssm.tracking.tracker import Tracker; run_dir = Path({str(run_dir)!r})\n"
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
    tracker.show({"game": run_dir / "none.gif"}, 1)
    assert not tracker.draws
    tracker.keep("results", [run_dir])
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


def test_an_offline_run_needs_neither_terminal_nor_key(tmp_path, read_wandb):
    frames = [Image.fromarray(np.full((8, 8, 3), 20 * shade, np.uint8)) for shade in range(5)]
    frames[0].save(tmp_path / "game.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "curve.png")
    code = """
import time
from rssm.tracking.wandb_run import About
about = About("train_wm", 3, ["Pong"], "python scripts/train_wm.py", real_steps=True)
for resumed in (None, 5):
    with Tracker(run_dir / "wm-3", LogConfig(tags="mine, too"), {"seed": 3}, resumed, about) as tracker:
        for update in (5, 10):
            tracker.log({"train/loss": 1 / update, "train/bad": float("nan")}, update)
        tracker.log({"openloop/mse_k0": 2.5, "env_steps": 7}, 10)
        tracker.log({"real/score": -3.0, "env_steps": 8}, 10)
        page = "<!doctype html><p>here</p>"
        tracker.show({"game": run_dir / "game.gif", "curve": run_dir / "curve.png", "page": page}, 10)
        tracker.show_lines("lines", "both", {"one": [1.0, 2.0], "other": [2.0, 3.0]}, "k", 10)
        tracker.summary({"mse": 1.5}, 10)
        tracker.keep("results", [run_dir / "curve.png", run_dir / "none"], {"table": (["k"], [[0], [1]])})
    time.sleep(1.1)  # segments are called by the second in which they begin
"""
    (tmp_path / "wm-3").mkdir()
    started = child(code, tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = started.communicate(timeout=120)
    assert (started.returncode, output) == (0, "")
    assert not (tmp_path / ".local" / "share" / "wandb" / "artifacts").exists()
    run = tmp_path / "wm-3"
    assert [row["update"] for row in rows(run)] == [5, 5, 10, 10, 10, 10]
    records = read_wandb(run)
    first, second = (record["run"] for record in records if "run" in record)
    for field in ("run_id", "display_name", "run_group", "job_type", "tags", "notes", "project"):
        assert first[field] == second[field]  # one run, though the training was interrupted
    assert first["run_id"] == (run / "wandb" / "run-id").read_text()
    assert (first["display_name"], first["run_group"], first["job_type"]) == ("wm-3", "wm", "train_wm")
    assert (first["tags"], first["notes"]) == (["Pong", "mine", "too"], "python scripts/train_wm.py")
    metrics = {record["metric"]["name"]: record["metric"] for record in records if "metric" in record}
    assert metrics["2 agent/score"]["step_metric"] == "env_steps"
    assert metrics["3 losses/loss"]["step_metric"] == "update"
    items = [record["history"]["item"] for record in records if "history" in record]
    assert [item["3 losses/loss"] for item in items if "3 losses/loss" in item] == [0.2, 0.1] * 2
    assert all(item["4 system/updates_per_second"] > 0 for item in items if "4 system/updates_per_second" in item)
    artifacts = [record["artifact"] for record in records if "artifact" in record]
    kept = [artifact for artifact in artifacts if artifact["name"] == "wm-3-results"]
    assert {tuple(sorted(entry["path"] for entry in one["manifest"]["contents"])) for one in kept} == {
        ("curve.png", "table.table.json")
    }
    assert any(item.get("1 imagined vs real/page._type") == "html-file" for item in items)


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
