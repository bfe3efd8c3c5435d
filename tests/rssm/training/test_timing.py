import math

import pytest
import torch

from rssm.training.timing import Clock, clock_name

CPU = torch.device("cpu")


@pytest.fixture
def cpu(monkeypatch):
    """A CPU clock that a test moves by hand."""
    now = [50.0]
    monkeypatch.setattr("rssm.training.timing.time.process_time", lambda: now[0])
    return now


def test_only_what_happens_inside_counts(cpu):
    clock = Clock(10.0, CPU)
    for inside, outside in ((2.0, 100.0), (3.0, 100.0)):
        with clock:
            cpu[0] += inside
        cpu[0] += outside
    assert (clock.spent, clock.share, clock.over) == (5.0, 0.5, False)
    with clock:
        cpu[0] += 6.0
    assert (clock.spent, clock.share, clock.over) == (11.0, 1.0, True)


def test_a_schedule_in_updates_comes_as_far_as_the_clock(cpu):
    clock = Clock(1000.0, CPU)
    assert clock.total(0) == 1
    for done in range(1, 100):
        with clock:
            cpu[0] += 5.0 if done < 40 else 2.0
        assert done / clock.total(done) == pytest.approx(clock.share, rel=0.02)


def test_without_a_budget_it_only_measures(cpu):
    clock = Clock(math.inf, CPU)
    with clock:
        cpu[0] += 7.0
    assert (clock.spent, clock.share, clock.over, clock.total(3)) == (7.0, 0.0, False, 1)


def test_an_accelerator_is_timed_by_the_wall_and_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: waited.append(1))
    monkeypatch.setattr("rssm.training.timing.time.perf_counter", lambda: 3.0 * len(waited))
    clock = Clock(10.0, torch.device("cuda"))
    with clock:
        pass
    assert clock.spent == 3.0
    assert [clock_name(torch.device(kind)) for kind in ("cpu", "cuda")] == ["CPU time", "wall time"]
