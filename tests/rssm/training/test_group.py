import time

import pytest
import torch

from rssm.training.group import ALONE, Group


def test_one_process_exchanges_nothing():
    value = torch.arange(3.0)
    assert ALONE.is_first
    assert torch.equal(ALONE.sum(value.clone()), value)
    ALONE.share([value])
    assert value.tolist() == [0.0, 1.0, 2.0]
    assert ALONE.from_first("mine") == "mine"


@pytest.mark.parametrize("size", [2, 3])
def test_processes_add_up_join_and_hear_the_first(together, size):
    sizes = [4, 0, 2][:size]

    def work(group):
        joined = torch.full((sum(sizes),), -1.0)
        joined.split(sizes)[group.rank].fill_(group.rank)
        halves = joined.bfloat16()
        group.share(joined.split(sizes))
        group.share(halves.split(sizes))
        return group.sum(torch.tensor([1.0, group.rank])), joined, halves, group.from_first(group.rank)

    for total, joined, halves, first in together(size, work):
        assert total.tolist() == [size, sum(range(size))]
        assert joined.tolist() == [0.0] * 4 + [2.0] * (2 if size == 3 else 0)
        assert halves.dtype == torch.bfloat16
        assert halves.tolist() == joined.tolist()
        assert first == 0


@pytest.mark.parametrize(("rows", "size"), [(16, 1), (16, 2), (16, 3), (5, 5), (7, 4)])
def test_the_parts_make_up_the_batch(rows, size):
    parts = [Group(rank, size).part(rows) for rank in range(size)]
    assert [row for part in parts for row in range(part.first, part.stop)] == list(range(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert min(map(len, parts)) >= 1
    assert {part.whole for part in parts} == {rows}


def test_a_process_that_is_gone_is_said_in_one_line(together):
    def work(group):
        if group.rank == 1:
            time.sleep(0.2)
            raise KeyError("stops")  # its end of the connection closes
        for _ in range(2):
            group.sum(torch.ones(3))
        return None

    first, _ = together(2, work)
    assert first == "LostProcessError: workers: a process of this training was killed (out of memory?)"
