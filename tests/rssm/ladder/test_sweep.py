import json
from dataclasses import replace
from pathlib import Path

from rssm.ladder.compare import compare
from rssm.ladder.sweep import best_rate


def test_the_best_rate_has_the_least_mean_over_the_steps():
    assert best_rate({1e-3: [1.0, 9.0], 3e-3: [4.0, 5.0], 1e-2: None}) == 3e-3
    assert best_rate({1e-2: None}) is None


def test_each_row_is_trained_with_each_rate_and_the_ladder_is_left_alone(job):
    job = replace(job, rows="none,mlp", seeds=1, learning_rates="1e-3,1e38")
    compare(job)
    found = json.loads((Path(job.out) / "ladder_sweep.json").read_text())["rows"]
    assert list(found) == ["mlp"]
    assert found["mlp"]["best"] == 1e-3
    assert len(found["mlp"]["mean"]["0.001"]) == 6
    assert found["mlp"]["mean"]["1e+38"] is None
    line = (Path(job.out) / "ladder_sweep.md").read_text().splitlines()[-1]
    assert line.startswith("| mlp | **")
    assert line.endswith("** | diverged |")
    assert not (Path(job.out) / "ladder.json").exists()
