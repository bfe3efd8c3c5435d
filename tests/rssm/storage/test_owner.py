import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rssm.storage.owner import TOKEN, abandoned, token


def named(folder: Path, owner: str) -> Path:
    path = folder / f".file.txt.{owner}.tmp.txt"
    path.touch()
    return path


def test_a_living_process_s_file_is_its_own(tmp_path):
    assert not abandoned(named(tmp_path, token()))
    assert TOKEN.search(named(tmp_path, token()).name)


def test_a_dead_process_s_file_is_nobody_s(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", "from rssm.storage.owner import token; print(token())"], capture_output=True, text=True
    )
    assert abandoned(named(tmp_path, process.stdout.strip()))


@pytest.mark.skipif(sys.platform != "linux", reason="only there is it told when a process began")
def test_a_later_process_of_the_same_number_does_not_own_it(tmp_path):
    machine, pid, begun = token().split("-")
    assert abandoned(named(tmp_path, f"{machine}-{pid}-{int(begun) - 1}"))


@pytest.mark.parametrize(("hours", "expected"), [(1, False), (25, True)])
def test_another_machine_s_file_is_nobody_s_after_a_day(tmp_path, hours, expected):
    path = named(tmp_path, "01234567-1-5")
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    assert abandoned(path) is expected


@pytest.mark.parametrize("name", ["file.txt", ".file.txt", ".file.0123abcd.tmp", ".file.1-2-3.tmp"])
def test_files_without_a_name_in_theirs_are_left_alone(tmp_path, name):
    (tmp_path / name).touch()
    assert not abandoned(tmp_path / name)
