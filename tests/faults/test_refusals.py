"""Faults × jobs that end in exit code 2 and one line; then all is as it was, and the same command goes on."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Commands, FaultJob, Outcome, contents, fresh

from rssm.storage.folder_lock import locked
from rssm.storage.owner import token

JOBS = ["train_wm", "online", "offline", "collect", "import_data", "evaluate"]
#: the folder that each job writes into
TARGETS = {
    "train_wm": "runs/wm",
    "online": "runs/agent",
    "offline": "runs/agent",
    "collect": "data/c",
    "import_data": "data/i",
    "evaluate": "runs/wm",
}


def refused(done: Outcome) -> str:
    """The one line of a command that was refused."""
    assert done.code == 2, done.err
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.err
    assert done.line == errors[0]
    return done.line


@pytest.mark.parametrize("name", JOBS)
def test_a_folder_that_another_process_writes_into(
    name: str, commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job, folder = jobs[name], fresh(jobs[name].start, tmp_path / "work")
    with locked(folder / TARGETS[name]):
        before = contents(folder)
        line = refused(commands.run(folder, job.command, job.words))
        assert contents(folder) == before
    assert f"{TARGETS[name]}: process " in line
    assert "writes there; wait for its end, or stop it with `kill " in line


@pytest.mark.parametrize(
    ("name", "words", "says"),
    [
        ("train_wm", ("--data.validation_steps", "100000", "--run", "runs/new"), "data.validation_steps: "),
        ("train_wm", ("--train.chunk_length", "3", "--loss.open_loop_starts", "2", "--run", "runs/new"), ""),
        ("offline", ("--world_model", "runs/none"), "world_model: expected the folder of a world model's run"),
        ("offline", ("--data", "data/none"), "data/none: "),
    ],
)
def test_a_refused_start_leaves_no_mark(
    name: str, words: tuple[str, ...], says: str, commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job = jobs[name]
    folder = fresh(jobs["offline"].start, tmp_path / "work")  # where all data are
    before = contents(folder)
    assert says in refused(commands.run(folder, job.command, [*job.words, *words]))
    assert contents(folder) == before


def test_after_a_start_with_settings_that_diverge_the_corrected_command_runs(
    commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job, folder = jobs["offline"], fresh(jobs["offline"].start, tmp_path / "work")
    diverges = (
        "from agents import trainer\n"
        "from rssm.errors import DivergedError\n"
        "def diverge(*given):\n"
        "    raise DivergedError('loss: nan at update 1')\n"
        "trainer.AgentTrainer._cycle = diverge\n"
    )
    words = [*job.words, "--train.actor_learning_rate", "0.5"]
    assert "loss: nan" in refused(commands.run(folder, job.command, words, setup=diverges))
    assert not (folder / "runs" / "agent" / "config.yaml").exists()
    done = commands.run(folder, job.command, job.words)
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", JOBS)
def test_a_file_that_may_not_grow(name: str, commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path) -> None:
    """As on a full disk, by whatever library it is written: the line names the file, and nothing is left of it."""
    job, folder = jobs[name], fresh(jobs[name].start, tmp_path / "work")
    limit = 12_000 if name == "evaluate" else 1_500  # what it prints goes into a file too
    line = refused(commands.run(folder, job.command, job.words, limits={"RLIMIT_FSIZE": limit}))
    assert f": cannot be written: larger than a file may be: {limit:,} bytes (ulimit -f)" in line
    assert "the same command goes on" in line
    assert [path.name for path in folder.rglob(".*") if path.name.endswith(".lock") or ".tmp" in path.name] == []


@pytest.mark.parametrize(("name", "limit"), [("train_wm", 5), ("collect", 9), ("train_wm", 9)])
def test_too_many_open_files(
    name: str, limit: int, commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job, folder = jobs[name], fresh(jobs[name].start, tmp_path / "work")
    assert "open files" in refused(commands.run(folder, job.command, job.words, limits={"RLIMIT_NOFILE": limit}))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=300k", "none", str(place)):
        pytest.skip("a small disk can be had by root alone")
    yield place
    subprocess.run([str(shutil.which("umount")), str(place)], check=True)


def _mount(*words: str) -> bool:
    program = shutil.which("mount")
    return program is not None and subprocess.run([program, *words], capture_output=True).returncode == 0


def test_a_full_disk_and_then_room_again(
    commands: Commands, jobs: dict[str, FaultJob], small_disk: Path, tmp_path: Path
) -> None:
    job, folder = jobs["train_wm"], small_disk / "work"
    source = jobs["offline"].start
    fresh(source / "data", folder / "data")
    (folder / "wm.yaml").write_bytes((source / "wm.yaml").read_bytes())
    words = [*job.words, "--run", "runs/b"]
    with contextlib.suppress(OSError), (folder / "others").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with (folder / "others").open("rb+") as file:
        file.truncate((folder / "others").stat().st_size - 40_000)
    line = refused(commands.run(folder, job.command, words))
    assert ": cannot be written: no space left on device (" in line
    assert " MB free" in line
    assert _mount("-o", "remount,ro", str(small_disk))
    line = refused(commands.run(folder, job.command, words))
    assert "read-only file system" in line
    assert _mount("-o", "remount,rw,size=3m", str(small_disk))
    assert commands.run(folder, job.command, words).code == 0
    weights = [(place / "model.safetensors").read_bytes() for place in (folder / "runs/b", source / "runs/wm")]
    assert weights[0] == weights[1]


def test_wandb_s_own_folder(commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path) -> None:
    job, folder = jobs["offline"], fresh(jobs["offline"].start, tmp_path / "work")
    (folder / "runs" / "agent").mkdir()
    (folder / "runs" / "agent" / "wandb").write_text("mine")
    words, setup = [*job.words, "--log.wandb", "offline"], "import os\nos.environ.pop('WANDB_MODE', None)"
    assert "runs/agent/wandb: expected a folder" in refused(commands.run(folder, job.command, words, setup=setup))


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_writes_is_not(
    commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job, folder = jobs["evaluate"], fresh(jobs["evaluate"].start, tmp_path / "work")
    dead = f"{token().partition('-')[0]}-1-5"  # the machine's first process did not begin then
    run = folder / "runs" / "wm"
    for name in (".trainer.pt.{}.tmp.pt", "media/.x.gif.{}.tmp.gif"):
        for owner in (dead, token()):
            (run / name.format(owner)).write_text("half")
    (run / ".mine").write_text("a user's own")
    assert commands.run(folder, job.command, job.words).code == 0
    left = sorted(path.name for path in run.rglob(".*"))
    assert left == sorted([f".trainer.pt.{token()}.tmp.pt", f".x.gif.{token()}.tmp.gif", ".mine"])


def test_training_data_under_another_name_are_not_scored_on(
    commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path
) -> None:
    job, folder = jobs["evaluate"], fresh(jobs["evaluate"].start, tmp_path / "work")
    fresh(folder / "data" / "train", folder / "data" / "fresh")
    (folder / "data" / "link").symlink_to("train")
    meta = folder / "data" / "fresh" / "meta.json"
    said = json.loads(meta.read_text())
    said["seed"], said["episode_seeds"] = 77, [1_000 + number for number in range(len(said["episode_seeds"]))]
    meta.write_text(json.dumps(said))
    for words in (("--data", "data/fresh"), ("--data", "data/link"), ("--others", "data/fresh")):
        line = refused(commands.run(folder, job.command, [*job.words, *words]))
        assert "expected games that the model was not trained on; those of data/" in line
        assert "are its training data, data/train" in line


def test_one_run_given_twice_is_no_second_seed(commands: Commands, jobs: dict[str, FaultJob], tmp_path: Path) -> None:
    folder = fresh(jobs["evaluate"].start, tmp_path / "work")
    fresh(folder / "runs" / "wm", folder / "runs" / "wm-1")
    for other in ("runs/wm-1", "runs/wm"):
        words = ["--runs", f"runs/wm,{other}", "--name", "both"]
        line = refused(commands.run(folder, "summarize", words))
        assert f"{other}: expected another training than runs/wm; its model is the same" in line
    assert not list(folder.rglob("both.*"))
