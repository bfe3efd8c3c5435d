"""Real worker processes, stopped, told to end, and left by their parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

PROGRAM = """
import sys, time
from multiprocessing import get_context
from rssm.system import workers

def work(pipe):
    workers.start_worker()
    pipe.send("at work")
    time.sleep(100)

if __name__ == "__main__":
    workers._LOOK = 0.2
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(there,), daemon=True)
    with workers.spawning():
        process.start()
    print(process.pid, flush=True)
    here.recv()
    print("at work", flush=True)
    command = sys.stdin.readline().strip()
    if command == "end":
        process.terminate()
        process.join(20)
        print(process.exitcode, flush=True)
    time.sleep(100)
"""


@pytest.fixture
def parent(tmp_path):
    """A process in a session of its own, and its worker's number, which is at work."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    worker = int(process.stdout.readline())
    assert process.stdout.readline() == "at work\n"
    yield process, worker
    process.kill()
    process.communicate()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while state(pid) not in ("gone", "Z"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_worker_that_stands_still_is_named_once(parent):
    process, worker = parent
    os.kill(worker, signal.SIGSTOP)
    assert process.stderr.readline() == (
        f"workers: process {worker} stands still, somebody stopped it; `kill -CONT {worker}` has it go on\n"
    )
    time.sleep(1)
    os.kill(worker, signal.SIGCONT)
    process.kill()
    assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_stops_the_parent_does_not_reach_a_worker_and_it_ends_with_it(parent, number):
    process, worker = parent
    os.kill(worker, number)
    time.sleep(0.2)
    assert state(worker) == "S"
    process.kill()
    assert gone(worker)


def test_its_parent_may_end_it(parent):
    process, worker = parent
    process.stdin.write("end\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"{128 + signal.SIGTERM}\n"
    assert gone(worker)
