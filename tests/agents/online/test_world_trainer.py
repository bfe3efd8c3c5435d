import dataclasses
import os
import signal

import pytest
import torch

from agents.online.world_trainer import Work, WorldTrainer, unpack
from rssm.errors import DivergedError, UserError


@pytest.fixture
def make_work(online_job, pong_data, pong_statistics):
    """Work on updates ``first`` to ``stop``, after ``state``."""

    def make(first=0, stop=4, state=b"", data=pong_data):
        optimizer = online_job.world.optimizer(updates=10)
        return Work(online_job, optimizer, pong_statistics.widened(), state, data, first, stop)

    return make


def do(work, workers=0):
    with WorldTrainer(workers) as trainer:
        trainer.start(work)
        return trainer.result()


def same(one, other):
    """Whether two packed states hold the same weights, averages included, and the same optimiser."""
    flat = [torch.utils._pytree.tree_leaves(unpack(state)) for state in (one, other)]
    assert len(flat[0]) == len(flat[1])
    return all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in zip(flat[0], flat[1], strict=True)
    )


def test_a_process_of_its_own_comes_to_the_same(make_work):
    (one, one_terms), (other, other_terms) = do(make_work()), do(make_work(), workers=1)
    assert same(one, other)
    assert one_terms == other_terms
    assert {"world/loss", "world/reconstruction", "world/open_loop"} <= one_terms.keys()


def test_it_learns(make_work):
    state, _ = do(make_work(stop=1))
    fresh, later = unpack(state), unpack(do(make_work(first=1, stop=4, state=state))[0])
    assert not torch.equal(fresh["model"]["rssm.gru.weight_hh_l0"], later["model"]["rssm.gru.weight_hh_l0"])
    assert later["optimizer"]["average"].keys() == later["model"].keys()


def test_two_stretches_come_to_the_same_as_one(make_work):
    whole, _ = do(make_work())
    torch.manual_seed(99)  # whatever was drawn before does not matter
    half, _ = do(make_work(stop=2))
    torch.rand(7)
    assert same(do(make_work(first=2, state=half))[0], whole)


def test_numbers_that_are_not_finite_come_back_as_one_line(make_work, pong_data):
    spoilt = dataclasses.replace(make_work().statistics, std=(float("nan"),) * 14)
    with pytest.raises(DivergedError, match=r"^loss: nan at update 0: "):
        do(dataclasses.replace(make_work(), statistics=spoilt), workers=1)


def test_a_killed_process_is_said_in_one_line(make_work):
    with WorldTrainer(workers=1) as trainer:
        trainer.start(make_work(stop=100_000))
        (process,) = trainer._assistant._pool._processes.values()
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(UserError, match=r"^world\.workers: the process .* was killed") as caught:
            trainer.result()
    assert "\n" not in str(caught.value)
