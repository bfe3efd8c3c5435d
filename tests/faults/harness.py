"""Real commands in processes of their own: what they answer, what they leave, and what came of a run."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
#: of a result, what a clock says
_TIMES = ("seconds", "spent", "train_seconds", "window_ms", "created", "code")


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code (a signal's is negative), stdout, stderr, and the calls counted, if any."""

    code: int
    out: str
    err: str
    points: list[str]

    @property
    def line(self) -> str:
        """What it said last; and that is no traceback."""
        assert "Traceback" not in self.err, self.err
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


class Commands:
    """Runs commands; a context manager."""

    def __init__(self, logs: Path) -> None:
        self._logs, self._number = logs, 0
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "WANDB_MODE": "disabled", "MPLBACKEND": "agg"}
        self._process = subprocess.Popen(
            [sys.executable, HERE / "template.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._answer_line() == "ready"

    def start(
        self,
        folder: Path,
        command: str,
        words: Sequence[str],
        *,
        kill_at: int | None = None,
        limits: Mapping[str, int] | None = None,
        setup: str = "",
    ) -> "Started":
        """Begin a command in a folder.

        Args:
            folder: to be in.
            command: its name in :mod:`rssm.cli.commands`.
            words: after it.
            kill_at: see :class:`killing.Killing`; 0 only counts, None does not.
            limits: of the process, by name (``RLIMIT_FSIZE``).
            setup: Python to run before it.
        """
        self._number += 1
        log = self._logs / f"{self._number:04d}"
        request = {"command": command, "words": list(words), "folder": str(folder), "kill_at": kill_at}
        pid = self._ask(request | {"limits": dict(limits or {}), "setup": setup, "log": str(log)})
        return Started(self, pid, log)

    def run(self, folder: Path, command: str, words: Sequence[str], **settings: Any) -> Outcome:
        """Do a command to its end."""
        return self.start(folder, command, words, **settings).wait()

    def wait(self, pid: int) -> int:
        """The exit code of a process that was started."""
        return int(self._ask({"wait": pid}))

    def close(self) -> None:
        """End the template."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._answer_line())

    def _answer_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@dataclass(frozen=True)
class Started:
    """A command that runs."""

    commands: Commands
    pid: int
    log: Path

    def signal(self, number: signal.Signals) -> None:
        """Send it to the process and all that it started."""
        os.killpg(self.pid, number)

    def said(self) -> str:
        """What it has said so far on stderr."""
        file = Path(f"{self.log}.stderr")
        return file.read_text() if file.exists() else ""

    def wait(self) -> Outcome:
        """How it ends."""
        code = self.commands.wait(self.pid)
        points = Path(f"{self.log}.points")
        counted = json.loads(points.read_text()) if points.exists() else []
        return Outcome(code, Path(f"{self.log}.stdout").read_text(), self.said(), counted)


@dataclass(frozen=True)
class FaultJob:
    """A command with its words, and the folder that it starts in."""

    command: str
    words: tuple[str, ...]
    start: Path


@dataclass(frozen=True)
class Undisturbed:
    """A job that nobody disturbed: the folder, the calls that were counted, and what came of it."""

    folder: Path
    points: list[str]
    results: dict[str, Any]


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def fresh(source: Path, target: Path) -> Path:
    """A copy of a folder to work in, the same however often it was used before."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target


def contents(folder: Path) -> dict[str, str]:
    """Every file and folder below a folder, by name, with the checksum of what it holds."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


def results(folder: Path) -> dict[str, Any]:
    """What a command has made, by file: the same for two runs that came to the same.

    Weights, data and pictures by checksum; results and logs by content, without what a clock says.
    """
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[name] = "folder"
        elif path.suffix == ".json":
            found[name] = _timeless(json.loads(path.read_text()))
        elif path.suffix == ".jsonl":
            found[name] = [_timeless(json.loads(line)) for line in path.read_text().splitlines()]
        elif path.suffix in (".pt", ".html", ".npz"):  # they hold times
            found[name] = "there"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(one) for key, one in value.items() if key not in _TIMES}
    return [_timeless(one) for one in value] if isinstance(value, list) else value
