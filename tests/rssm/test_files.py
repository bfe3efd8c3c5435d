import os
import stat
from pathlib import Path

import pytest

from rssm.errors import StorageError
from rssm.files import replace_file


def test_a_new_file_and_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    replace_file(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_the_old_file_is_replaced(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    seen = []

    def write(temporary):
        temporary.write_text("new")
        seen.append((temporary.parent, temporary.suffix, path.read_text()))

    replace_file(path, write)
    assert path.read_text() == "new"
    assert seen == [(tmp_path, ".txt", "old")]  # beside it, so that it can be renamed; the old one is there till then


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write(temporary):
        temporary.write_text("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        replace_file(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_rename_leaves_nothing_behind(tmp_path):
    path = tmp_path / "file.txt"
    path.mkdir()  # a folder is in the way
    with pytest.raises(StorageError, match="cannot be written: is a directory"):
        replace_file(path, lambda temporary: temporary.write_text("new"))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_the_mode_follows_the_user_s_mask(tmp_path, mask):
    def write(temporary):  # as a library that makes its own file, private whatever the mask says
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))

    before = os.umask(mask)
    try:
        replace_file(tmp_path / "file", write)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    rename, sync = Path.replace, os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append("sync"), sync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, target: (order.append("rename"), rename(self, target))[1])
    replace_file(tmp_path / "file", lambda temporary: temporary.write_text("new"))
    assert order == ["sync", "rename", "sync"]
