import pytest

from rssm.errors import UserError
from rssm.system import memory
from rssm.system.memory import available_memory, in_words, refuse_beyond_memory


def test_what_is_free_is_known():
    assert 10**6 < available_memory() < 10**15


def test_a_limit_of_the_process_s_group_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("2000000\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    assert available_memory() == 3_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 10**7


def test_what_is_far_too_much_is_refused_by_the_setting_that_needs_most(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 2 * 10**9)
    refuse_beyond_memory({"train.batch_size": 3e9, "model.hidden": 1e8})  # it may be half of that
    with pytest.raises(UserError) as caught:
        refuse_beyond_memory({"train.batch_size": 9e9, "model.hidden": 2e9, "model.deter": 1e6})
    assert str(caught.value) == (
        "train.batch_size: this needs about 11.4 GB of memory (model.hidden 2.0 GB, train.batch_size 9.0 GB), 2.0 GB "
        "are free; expected less"
    )


@pytest.mark.parametrize(("size", "words"), [(5e6, "5 MB"), (2.5e9, "2.5 GB"), (3.2e15, "3,200.0 TB")])
def test_sizes_in_words(size, words):
    assert in_words(size) == words
