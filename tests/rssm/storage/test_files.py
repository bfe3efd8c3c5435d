import errno
import json
import os
import stat
from pathlib import Path

import pytest

from rssm.errors import StorageError
from rssm.storage.files import replace_file, write_json
from rssm.storage.owner import token


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


def test_a_new_folder_s_name_is_on_the_disk_too(tmp_path, monkeypatch):
    synced, sync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(os.readlink(f"/proc/self/fd/{fd}")), sync(fd))[1])
    replace_file(tmp_path / "a" / "b" / "file", lambda temporary: temporary.write_text("new"))
    assert synced[:2] == [str(tmp_path), str(tmp_path / "a")]
    assert synced[-1] == str(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device ("),
        (OSError(errno.EROFS, "Read-only file system"), "read-only file system; "),
        (OSError(errno.EMFILE, "Too many open files"), "too many open files: this process may have "),
    ],
)
def test_what_the_system_refuses_is_one_line_with_the_file_s_name(tmp_path, error, words):
    path = tmp_path / "trainer.pt"
    path.write_bytes(bytes(3_000_000))

    def write(temporary):
        temporary.write_bytes(b"half")
        raise error

    with pytest.raises(StorageError) as caught:
        replace_file(path, write)
    assert str(caught.value).startswith(f"{path}: cannot be written: {words}")
    assert str(caught.value).endswith(
        "; what was saved before is whole, and the same command goes on once that is mended"
    )
    assert ("MB free, about 3.0 MB needed" in str(caught.value)) == (error.errno == errno.ENOSPC)
    assert (path.stat().st_size, list(tmp_path.iterdir())) == (3_000_000, [path])


def test_a_library_s_own_words_for_a_full_disk(tmp_path, monkeypatch):
    """Some say only that writing failed: then the disk is asked."""

    def write(temporary):
        temporary.write_bytes(b"half")
        monkeypatch.setattr(os, "fsync", full)
        raise RuntimeError("PytorchStreamWriter failed writing file data/0")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match="file: cannot be written: no space left on device"):
        replace_file(tmp_path / "file", write)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_of_the_same_file_is_cleared(tmp_path):
    dead = f"{token().partition('-')[0]}-1-5"
    for name in (f".file.{dead}.tmp", f".other.{dead}.tmp", f".file.{token()}.tmp2"):
        (tmp_path / name).touch()
    replace_file(tmp_path / "file", lambda temporary: temporary.write_text("new"))
    assert {path.name for path in tmp_path.iterdir()} == {"file", f".other.{dead}.tmp", f".file.{token()}.tmp2"}


def test_a_result_that_is_no_number_is_not_written(tmp_path):
    path = tmp_path / "openloop.json"
    write_json(path, {"mse": 1.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"mse": float("nan")})
    assert json.loads(path.read_text()) == {"mse": 1.5}
    assert list(tmp_path.iterdir()) == [path]
