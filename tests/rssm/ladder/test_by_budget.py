import json
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.errors import UserError
from rssm.ladder.compare import compare


def test_each_row_is_trained_for_each_budget_and_what_is_there_is_used_again(job, monkeypatch):
    job = replace(job, rows="none,mlp,wild", seeds=2, budgets="0.2,0.05")
    compare(job)
    out = Path(job.out)
    found = json.loads((out / "ladder_by_budget.json").read_text())["rows"]
    assert list(found) == ["mlp", "wild"]  # nothing is trained to repeat the newest frame
    assert list(found["mlp"]) == ["0.05", "0.2"]
    for row in found["mlp"].values():
        assert len(row["seeds"]) == 2
        assert row["mean"][5] == pytest.approx(sum(seed[5] for seed in row["seeds"]) / 2)
    assert sum(found["mlp"]["0.2"]["updates"]) > sum(found["mlp"]["0.05"]["updates"])
    assert found["wild"]["0.05"]["mean"] is None
    page = (out / "ladder_by_budget.md").read_text().splitlines()
    assert page[-2].startswith("| mlp | ")
    assert page[-1] == "| wild | diverged | diverged |"
    assert (out / "ladder_by_budget.png").read_bytes().startswith(b"\x89PNG")
    assert not (out / "ladder.json").exists()
    monkeypatch.setattr("rssm.ladder.measure.train_row", lambda *_: pytest.fail("trained again"))
    compare(job)


def test_rows_that_need_no_training_have_no_budget(job):
    with pytest.raises(UserError, match="rows: expected rows that are trained"):
        compare(replace(job, rows="none", budgets="1"))
