import pytest
import torch

from rssm.device import pick_device, seeded, set_threads
from rssm.errors import UserError


def test_the_cpu_is_always_there():
    assert pick_device("cpu") == torch.device("cpu")


def test_auto_takes_what_there_is(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert pick_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert pick_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:97", "xpu", "cpu:x"])
def test_a_device_that_is_not_there_is_refused_in_one_line(name):
    with pytest.raises(UserError) as caught:
        pick_device(name)
    assert str(caught.value).startswith(f"device: expected auto, cpu or a device of this machine, got {name!r} (")
    assert "\n" not in str(caught.value)


def test_threads_are_set_and_zero_leaves_them():
    before = torch.get_num_threads()
    try:
        set_threads(3)
        assert torch.get_num_threads() == 3
        set_threads(0)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_a_seed_inside_changes_nothing_outside():
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    before = torch.rand(2)
    inside = []
    for _ in range(2):
        with seeded(7, torch.device("cpu")):
            inside.append(torch.rand(3))
    assert torch.equal(inside[0], inside[1])
    assert torch.equal(torch.cat([before, torch.rand(2)]), expected)
