import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.config.yaml_file import save_config
from rssm.errors import UserError
from rssm.ladder.compare import compare

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "compare.py"


def rows_of(job):
    return json.loads((Path(job.out) / "ladder.json").read_text())["rows"]


def test_every_row_gets_its_place_and_the_rest_runs_on_when_one_diverges(job, capsys):
    compare(replace(job, rows="wild,none,mlp,world"))
    rows = rows_of(job)
    assert set(rows) == {"wild", "none", "mlp", "world"}
    assert next(iter(rows)) == "wild"
    assert (rows["wild"]["diverged"], rows["wild"]["mean"], rows["wild"]["seeds"]) == (2, None, [None, None])
    assert len(rows["none"]["seeds"]) == 1  # nothing to train, nothing to repeat
    for name in ("mlp", "world"):
        row = rows[name]
        assert row["diverged"] == 0
        assert row["mean"] == pytest.approx([sum(step) / 2 for step in zip(*row["seeds"], strict=True)])
        assert row["seeds"][0] != row["seeds"][1]
        assert row["parameters"] > 1000
        assert row["train_seconds"] > 0
    text = (Path(job.out) / "ladder.md").read_text()
    assert "| wild | far too fast | diverged |" in text
    assert (Path(job.out) / "ladder.png").read_bytes().startswith(b"\x89PNG")
    assert "wild, seed 0: diverged, loss: " in capsys.readouterr().err


def test_what_is_done_is_kept_and_stays_in_the_table(job):
    compare(job)
    before = {path: path.stat().st_mtime_ns for path in Path(job.runs).rglob("row.json")}
    assert len(before) == 3
    first = rows_of(job)
    compare(replace(job, rows="none,wild", seeds=1))
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    rows = rows_of(job)
    assert rows["mlp"] == first["mlp"]
    assert "wild" in rows


def test_a_published_table_keeps_its_rows_and_what_is_printed_is_the_new_one(job, capsys):
    compare(replace(job, rows="none,mlp", seeds=1))
    before = rows_of(job)
    elsewhere = replace(job, rows="none", runs=f"{job.runs}-2")
    with pytest.raises(UserError, match=r"ladder\.json: the table there has mlp, which the new one lacks"):
        compare(elsewhere)
    assert not Path(elsewhere.runs).exists()
    assert rows_of(job) == before
    capsys.readouterr()
    compare(replace(elsewhere, rows="mlp,none", seeds=1))
    assert set(rows_of(job)) == set(before)
    out = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in out[2:-1]) == ["mlp", "none"]
    assert out[-1].startswith(f"written: {Path(job.out) / 'ladder.md'}, ")


def test_a_comparison_that_is_killed_goes_on_with_the_next_row(job, tmp_path):
    settings = tmp_path / "job.yaml"
    save_config(replace(job, rows="mlp,world", seeds=1), settings)
    command = [sys.executable, SCRIPT, "--config", settings]
    first, second = (Path(job.runs) / f"{name}-0" / "row.json" for name in ("mlp", "world"))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not first.exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    process.wait()
    written = first.stat().st_mtime_ns
    assert not second.exists()
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert first.stat().st_mtime_ns == written
    assert set(rows_of(job)) == {"mlp", "world"}


def test_nothing_is_trained_where_a_row_is_unknown_or_old_results_do_not_fit(job):
    with pytest.raises(UserError, match="no row nothing among"):
        compare(replace(job, rows="mlp,nothing"))
    assert not Path(job.runs).exists()
    compare(replace(job, rows="none"))
    with pytest.raises(UserError, match=r"none-0/row.json: budget: the results there are for 0.05, not 1"):
        compare(replace(job, rows="mlp", budget=1.0))
    assert [path.name for path in Path(job.runs).iterdir()] == ["none-0"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": -1.0}, "budget: expected at least 0"),
        ({"seeds": 0}, "seeds: expected at least 1"),
        ({"learning_rates": "1e-3,fast"}, "learning_rates: expected numbers above 0"),
        ({"learning_rates": "0"}, "learning_rates: expected numbers above 0"),
        ({"more_data": "data/pong/heldout", "data": None}, "more_data: expected a folder of its own"),
    ],
)
def test_an_impossible_setting_is_named(job, settings, message):
    if "data" in settings:
        settings = {"more_data": job.data.heldout}
    with pytest.raises(ValueError, match=f"^{message}"):
        replace(job, **settings)
