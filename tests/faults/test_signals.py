"""Ctrl-C, SIGTERM and SIGHUP: what is kept and said, the exit code, and that the run ends as it would have."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Commands, FaultJob, Started, Undisturbed, fresh, results, until

from rssm.training.checkpoint import TRAINER_FILE, load_trainer

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

#: longer than anybody waits
LONG = {
    "train_wm": ("--train.updates", "100000", "--train.checkpoint_every", "100000", "--train.evaluate_every", "100000"),
    "online": ("--env_steps", "100000", "--train.checkpoint_every", "100000", "--evaluation.steps", "90000"),
    "offline": ("--train.updates", "100000", "--train.checkpoint_every", "100000", "--train.evaluate_every", "100000"),
}


def begin(commands: Commands, job: FaultJob, folder: Path, *words: str, run: str, setup: str = "") -> Started:
    """Start a training and wait until some updates are logged."""
    started = commands.start(fresh(job.start, folder), job.command, [*job.words, *words], setup=setup)
    metrics = folder / "runs" / run / "metrics.jsonl"
    until(lambda: metrics.exists() and sum('"train/' in line for line in metrics.read_text().splitlines()) >= 2)
    return started


@pytest.mark.parametrize(
    ("name", "number"), [("train_wm", signal.SIGTERM), ("online", signal.SIGINT), ("offline", signal.SIGHUP)]
)
def test_a_training_saves_and_says_where_it_goes_on(
    name: str, number: signal.Signals, commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    run = "wm2" if name == "train_wm" else "agent"
    words = (*LONG[name], "--run", f"runs/{run}")
    started = begin(commands, jobs[name], tmp_path / "work", *words, run=run)
    started.signal(number)
    done = started.wait()
    assert done.code == 128 + number
    update = load_trainer(tmp_path / "work" / "runs" / run / TRAINER_FILE)["update"]
    assert update > 0
    assert done.line == (
        f"stopped by {number.name}: {update:,} updates are kept in runs/{run}: start the same command again to go on"
    )
    assert not list((tmp_path / "work").rglob("*.lock"))
    assert not list((tmp_path / "work").rglob("*.tmp*"))


def test_a_stopped_training_ends_with_the_weights_of_one_that_was_not(
    commands: Commands,
    jobs: dict[str, FaultJob],
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    job = jobs["train_wm"]
    asks = (
        "import os, signal\n"
        "from rssm.training import trainer\n"
        "step = trainer.train_step\n"
        "def stop(*given):\n"
        "    if given[-1] == 2:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return step(*given)\n"
        "trainer.train_step = stop\n"
    )
    folder = fresh(job.start, tmp_path / "stopped")
    done = commands.run(folder, job.command, job.words, setup=asks)
    assert done.code == 143
    assert done.line.startswith("stopped by SIGTERM: 3 updates are kept")
    assert commands.run(folder, job.command, job.words).code == 0
    assert results(folder) == undisturbed("train_wm").results


def test_the_second_signal_leaves_at_once(commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path) -> None:
    stuck = (
        "import time\n"
        "from rssm.training import trainer\n"
        "trainer.save_trainer = lambda *given: time.sleep(100)\n"  # as on a disk that does not answer
    )
    run = "wm2"
    words = (*LONG["train_wm"], "--run", f"runs/{run}")
    started = begin(commands, jobs["train_wm"], tmp_path / "work", *words, run=run, setup=stuck)
    started.signal(signal.SIGINT)
    until(lambda: "saving as soon as this step is done; a second signal leaves at once" in started.said())
    begun = time.monotonic()
    started.signal(signal.SIGINT)
    done = started.wait()
    assert (done.code, done.line) == (130, "left at once; what was saved last is whole")
    assert time.monotonic() - begun < 30


def test_a_collection_says_what_it_keeps(commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path) -> None:
    job, folder = jobs["collect"], tmp_path / "work"
    words = ["--out", "data/c", "--steps", "1000000", "--players", "random", "--workers", "1"]
    started = commands.start(fresh(job.start, folder), "collect", words)
    kept = folder / "data" / ".c.collecting"
    until(lambda: kept.is_dir() and any(kept.glob("[0-9]*.npz")))
    started.signal(signal.SIGHUP)
    done = started.wait()
    assert done.code == 129
    assert done.line.startswith("stopped by SIGHUP: ")
    assert done.line.endswith(" of 1,000,000 steps of data/c are kept; start the same command again to go on")
    assert [path.name for path in (folder / "data").iterdir()] == [kept.name]


def test_an_evaluation_that_is_stopped_changes_nothing(
    commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job = jobs["evaluate"]
    folder = fresh(job.start, tmp_path / "work")
    before = results(folder)
    asks = (
        "import os, signal\n"
        "from rssm.jobs import evaluate\n"
        "evaluate.format_table = lambda result: os.kill(os.getpid(), signal.SIGINT)\n"
    )
    done = commands.run(folder, job.command, job.words, setup=asks)
    assert done.code == 130
    assert done.line == "stopped by SIGINT: nothing is half written; start the same command again"
    assert results(folder) == before


@pytest.mark.parametrize("after", [0.5, 1.5])
def test_ctrl_c_while_the_program_is_loaded_is_no_traceback(after: float, tmp_path: Path) -> None:
    """From when its own code runs: what Python does before is not ours."""
    script = tmp_path / "train_wm.py"
    loaded = tmp_path / "loaded"
    text = (SCRIPTS / "train_wm.py").read_text()
    begin = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background
    script.write_text(begin + text.replace("sys.exit(", f"open({str(loaded)!r}, 'w').close()\n    sys.exit("))
    root = str(SCRIPTS.parent)
    process = subprocess.Popen(
        [sys.executable, script, "--run", str(tmp_path / "run"), "--data.train", str(tmp_path / "data")],
        env=os.environ | {"PYTHONPATH": root},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until(loaded.exists)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("stopped by SIGINT: ")
    assert process.returncode == 130
