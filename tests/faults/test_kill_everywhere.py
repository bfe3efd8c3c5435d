"""Kill a command at its n-th call that makes, renames, removes or syncs a file: the same command then ends as if it had
never been killed, and leaves nothing else.

By default a few points of each job, always the same; with ``FAULTS=all`` every one.
"""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import Commands, FaultJob, Outcome, Undisturbed, fresh, results

#: how many points of each job the default run takes
SAMPLE = {"train_wm": 1, "online": 1, "offline": 1, "collect": 2, "import_data": 2, "evaluate": 1}


@pytest.mark.parametrize("name", SAMPLE)
def test_killed_anywhere_the_same_command_ends_the_same(
    name: str,
    jobs: dict[str, FaultJob],
    commands: Commands,
    undisturbed: Callable[[str], Undisturbed],
    tmp_path: Path,
) -> None:
    points, wanted = undisturbed(name).points, undisturbed(name).results
    every = range(1, len(points) + 1)
    chosen = every if os.environ.get("FAULTS") == "all" else random.Random(name).sample(every, SAMPLE[name])
    job, lost = jobs[name], []
    for number in chosen:
        folder = fresh(job.start, tmp_path / "work")
        killed = commands.run(folder, job.command, job.words, kill_at=number)
        assert killed.code == -signal.SIGKILL, killed.err
        again = _again(commands, folder, job)
        if again.code != 0 or results(folder) != wanted:
            lost.append((number, points[number - 1], again.err[-500:], _difference(results(folder), wanted)))
    print(f"{name}: {len(chosen) - len(lost)} of {len(chosen)} points survived, of {len(points)} that there are")
    assert lost == []


def _again(commands: Commands, folder: Path, job: FaultJob) -> Outcome:
    """The same command; one that finds its work done and says so has nothing to do."""
    again = commands.run(folder, job.command, job.words)
    if again.code == 2 and "already holds a data set" in again.line:
        return Outcome(0, again.out, again.err, [])
    return again


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (found.get(key, "missing"), wanted.get(key, "missing"))
        for key in {*found, *wanted}
        if found.get(key) != wanted.get(key)
    }
