"""The whole job in several processes, killed in every way."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from rssm.config.yaml_file import save_config
from rssm.errors import UserError
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.training.checkpoint import TRAINER_FILE, load_trainer
from rssm.training.launch import count_processes, local_size

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "train_wm.py"


class TestCount:
    @pytest.fixture(autouse=True)
    def no_torchrun(self, monkeypatch):
        for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            monkeypatch.delenv(name, raising=False)

    @pytest.mark.parametrize(
        ("workers", "device", "rows", "count"),
        [("auto", CPU, 16, 1), ("auto", CUDA, 16, 1), (1, CUDA, 16, 1), (7, CPU, 16, 7)],
    )
    def test_by_setting(self, workers, device, rows, count):
        assert count_processes(workers, device, rows) == local_size(count) == count

    @pytest.mark.parametrize(
        ("workers", "device", "line"),
        [
            (17, CPU, "workers: expected at most one for each of the 16 chunks of train.batch_size, got 17"),
            (2, CUDA, "workers: expected auto or 1 on cuda, got 2; torchrun starts a process for each card"),
        ],
    )
    def test_too_many_are_refused(self, workers, device, line):
        with pytest.raises(UserError) as caught:
            count_processes(workers, device, 16)
        assert str(caught.value) == line

    def test_torchrun_knows_better(self, monkeypatch):
        monkeypatch.setenv("RANK", "1")
        monkeypatch.setenv("WORLD_SIZE", "3")
        monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
        assert count_processes("auto", CPU, 16) == count_processes(3, CUDA, 16) == 3
        assert local_size(3) == 2
        with pytest.raises(UserError, match="workers: expected auto or 3, as torchrun started 3, got 2"):
            count_processes(2, CPU, 16)


def _start(settings: Path, *launcher: str) -> subprocess.Popen[str]:
    """The job in a session of its own, as a terminal would start it."""
    return subprocess.Popen(
        [sys.executable, *launcher, str(SCRIPT), "--config", str(settings)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # heard even where the tests run in the background
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def _start_and_wait(settings: Path, run: Path, lines: int) -> subprocess.Popen[str]:
    """Start the job and wait until it has written so many lines of metrics (it begins with a new file)."""
    metrics = run / METRICS_FILE
    before = metrics.stat().st_ino if metrics.exists() else None
    process = _start(settings)
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.stat().st_ino != before and metrics.read_text().count("\n") >= lines):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return process


def _others(process: subprocess.Popen[str]) -> list[Path]:
    """Of a process that trains, those that it has started (and not the helper of multiprocessing)."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [Path(f"/proc/{pid}") for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _gone(folder: Path) -> bool:
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _metrics(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / METRICS_FILE).read_text().splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_whichever_process_is_killed_nothing_is_lost(tiny_job, finished_run, tmp_path):
    """First the second process, then both by Ctrl-C, then the first one; torchrun's processes do the rest."""
    run, settings = tmp_path / "run", tmp_path / "job.yaml"
    train = dataclasses.replace(tiny_job.train, checkpoint_every=6)
    save_config(dataclasses.replace(tiny_job, run=str(run), workers=2, train=train), settings)

    for _ in range(5):  # until the blow falls early enough on a busy machine for the others to come
        shutil.rmtree(run, ignore_errors=True)
        process = _start_and_wait(settings, run, 2)
        (other,) = _others(process)
        os.kill(int(other.name), signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2, err
        updates = load_trainer(run / TRAINER_FILE)["update"]
        if updates < 8:
            break
    assert updates == _metrics(run)[-1]["update"] >= 2  # all there were, and not those of the last interval
    assert "training in 2 processes; Muon computes in float32" in err
    assert "Traceback" not in err
    assert err.splitlines()[-1] == (
        f"error: workers: a process of this training was killed (out of memory?); {updates} updates are kept in {run}: "
        "start the same command again to go on"
    )

    process = _start_and_wait(settings, run, updates + 1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    stopped = load_trainer(run / TRAINER_FILE)["update"]
    assert err.splitlines()[-1] == (
        f"stopped by SIGINT: {stopped} updates are kept in {run}: start the same command again to go on"
    )
    assert "Traceback" not in err

    process = _start_and_wait(settings, run, stopped + 1)
    (other,) = _others(process)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while not _gone(other):
        assert time.monotonic() < deadline
        time.sleep(0.01)

    process = _start(settings, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err.count("training in 2 processes") == 1
    rows = [[row for row in _metrics(folder) if "train/loss" in row] for folder in (run, finished_run)]
    assert [row["update"] for row in rows[0]] == list(range(1, 13))
    for found, wanted in zip(*rows, strict=True):
        assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert (run / "openloop.json").exists()
