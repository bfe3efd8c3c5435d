"""The same seed on the same machine with the same number of threads gives the same bits: weights, optimiser, logs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import Commands, FaultJob, Undisturbed, fresh, results

from rssm.training.checkpoint import TRAINER_FILE, load_trainer

#: in a trainer's state, what a clock says
_TIMES = ("seconds", "spent")


@pytest.mark.parametrize(("name", "run"), [("train_wm", "wm"), ("online", "agent"), ("offline", "agent")])
def test_a_training_done_twice_is_the_same(
    name: str,
    run: str,
    commands: Commands,
    jobs: dict[str, FaultJob],
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    job, folder = jobs[name], fresh(jobs[name].start, tmp_path / "work")
    assert commands.run(folder, job.command, job.words).code == 0
    first = undisturbed(name)
    assert results(folder) == first.results
    states = [load_trainer(place / "runs" / run / TRAINER_FILE) for place in (folder, first.folder)]
    assert _same(*states)
    other = states[1] | {"update": 0}
    assert not _same(states[0], other)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one if key not in _TIMES)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    return bool(one == other)
