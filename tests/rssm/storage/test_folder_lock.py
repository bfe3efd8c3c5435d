import os
import signal
import subprocess
import sys

import pytest

from rssm.errors import BusyError
from rssm.storage.folder_lock import lock_file, locked
from rssm.storage.owner import token

HOLD = """
import sys, time
from pathlib import Path
from rssm.storage.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that has the folder ``run``."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_named_and_can_be_stopped(tmp_path, holder):
    line = rf"run: process {holder.pid} \(-c, since .* or stop it with `kill {holder.pid}`"
    with pytest.raises(BusyError, match=line), locked(tmp_path / "run"):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_under_another_name_is_the_same(tmp_path, holder):
    (tmp_path / "run").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "run")
    with pytest.raises(BusyError), locked(tmp_path / "alias"):
        pass
    with locked(tmp_path / "other"):
        pass


def test_one_process_has_it_once(tmp_path):
    with locked(tmp_path / "run"):
        with pytest.raises(BusyError), locked(tmp_path / "run"):
            pass
        assert lock_file(tmp_path / "run").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_removed_meanwhile_is_no_lock(tmp_path, monkeypatch):
    """As when the process before removes its file between our opening and our locking it."""
    import fcntl

    path, lock = lock_file(tmp_path / "run"), fcntl.flock
    removed = []

    def remove_first(handle, how):
        if not removed:
            removed.append(path.unlink())
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with locked(tmp_path / "run"):
        monkeypatch.undo()
        assert path.exists()
        with pytest.raises(BusyError), locked(tmp_path / "run"):
            pass


def test_folders_above_that_were_made_for_nothing_are_gone(tmp_path):
    with pytest.raises(RuntimeError), locked(tmp_path / "a" / "b" / "run"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b" / "run"):
        (tmp_path / "a" / "b" / "run").mkdir()
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*"))] == ["a", "a/b", "a/b/run"]


def test_what_killed_processes_left_is_cleared(tmp_path):
    run = tmp_path / "run"
    (run / "media").mkdir(parents=True)
    dead = f"{token().partition('-')[0]}-1-5"
    for name in (f"run/.a.{dead}.tmp", f"run/media/.b.{dead}.tmp", f".run.{dead}.tmp", f".other.{dead}.tmp"):
        (tmp_path / name).touch()
    with locked(run):
        pass
    assert [path.name for path in tmp_path.rglob(".*")] == [f".other.{dead}.tmp"]
