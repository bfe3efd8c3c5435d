import os
import subprocess
import sys

import pytest
import torch

from rssm.errors import UserError
from rssm.system import device
from rssm.system.device import physical_cores, pick_device, seeded, set_threads


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


@pytest.mark.parametrize(("cores", "processes", "shared"), [(2, 1, 2), (2, 2, 1), (8, 3, 2), (2, 5, 1), (64, 2, 4)])
def test_threads_are_set_or_shared_out(monkeypatch, cores, processes, shared):
    monkeypatch.setattr("rssm.system.device.physical_cores", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    try:
        set_threads(3, processes)
        assert torch.get_num_threads() == 3
        set_threads(0, processes)
        assert torch.get_num_threads() == shared
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        set_threads(0, processes)
        assert torch.get_num_threads() == 7
    finally:
        torch.set_num_threads(before)


def test_held_to_avx2_torch_computes_so_and_the_record_says_so():
    held = "from rssm.system.device import hold_to_avx2, processor; import torch; hold_to_avx2()"
    show = "print(torch.backends.cpu.get_cpu_capability()); print(torch.ones(3).sum()); print(processor())"
    out = subprocess.run([sys.executable, "-c", f"{held}; {show}"], capture_output=True, text=True, check=True).stdout
    assert out.startswith("AVX2\n")
    assert out.endswith(", held to AVX2\n")
    assert "held" not in device.processor()


def test_what_torch_chose_before_is_not_taken_for_avx2(monkeypatch):
    for name in device._HELD_TO_AVX2:
        monkeypatch.setenv(name, "")  # put back afterwards
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    with pytest.raises(UserError, match=r"^instructions: expected a processor with AVX2 .* got AVX512$"):
        device.hold_to_avx2()


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


def test_each_process_of_a_machine_takes_a_card_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert pick_device("auto", 3) == torch.device("cuda", 3)
    assert pick_device("cpu", 3) == torch.device("cpu")
    monkeypatch.setattr(torch, "empty", lambda *_, **__: None)  # as if the cards were there
    assert pick_device("cuda", 2) == torch.device("cuda", 2)
    assert pick_device("cuda:1", 2) == torch.device("cuda", 1)


def test_cores_are_counted_and_not_their_threads(monkeypatch):
    assert 1 <= physical_cores() <= os.cpu_count()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 4, 5}, raising=False)
    monkeypatch.setattr(device, "_core_of", lambda cpu: (str(cpu // 2),))
    monkeypatch.setattr(device, "_container_share", lambda: 8)
    assert physical_cores() == 2
    monkeypatch.setattr(device, "_container_share", lambda: 0)  # half a core is still one process
    assert physical_cores() == 1


@pytest.mark.parametrize(
    ("limit", "cores"), [("350000 100000", 3), ("max 100000", None), ("nonsense", None), (None, None)]
)
def test_a_container_s_share_of_the_cores(tmp_path, limit, cores):
    if limit is not None:
        (tmp_path / "cpu.max").write_text(limit)
    assert device._container_share(tmp_path / "cpu.max") == (cores or os.cpu_count())
