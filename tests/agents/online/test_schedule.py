import pytest

from agents.online.config import PlayConfig, WorldConfig
from agents.online.schedule import Schedule


def schedule(env_steps=1_000, **play):
    play = PlayConfig(random_steps=200, steps_per_update=10, **play)
    return Schedule(play, WorldConfig(first_updates=7, steps_per_update=20), env_steps)


def test_at_one_rate_updates_and_steps_are_in_proportion():
    even = schedule()
    assert [even.steps_due(update) for update in (0, 1, 30, 80, 90)] == [200, 210, 500, 1_000, 1_000]
    assert even.updates == 80
    assert [even.world_due(steps) for steps in (0, 200, 219, 220, 1_000)] == [7, 7, 7, 8, 47]
    assert even.world_updates == 47
    assert schedule(env_steps=1_003).updates == 81  # rounded up


def test_early_steps_are_learned_from_more_often():
    """300 steps behind the random play three times as often, then 500 as before."""
    early = schedule(early_steps=500, early_updates=3)
    assert early.updates == 90 + 50
    assert [early.steps_due(update) for update in (0, 3, 45, 90, 91, 140)] == [200, 210, 350, 500, 510, 1_000]
    assert [early.world_due(steps) for steps in (200, 260, 500, 520, 1_000)] == [7, 16, 52, 53, 77]
    assert early.world_updates == 77


@pytest.mark.parametrize("factor", [2, 3, 7])
def test_steps_due_never_fall_and_end_at_the_budget(factor):
    early = schedule(env_steps=777, early_steps=400, early_updates=factor)
    due = [early.steps_due(update) for update in range(early.updates + 1)]
    assert due == sorted(due)
    assert due[-1] == 777
    assert due[-2] < 777  # no update more than is needed


def test_all_of_a_short_run_may_be_early():
    assert schedule(early_steps=5_000, early_updates=2).updates == 160
