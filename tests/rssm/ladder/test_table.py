import json
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.errors import UserError
from rssm.ladder.rows import read_rows
from rssm.ladder.table import LESSONS, Standing, show_table, write_table


def result(end: float | None, diverged: str | None = None, **more):
    """Results whose error rises to ``end``; None where there is none."""
    steps = None if end is None else [end * k / 5 for k in range(6)]
    return {
        "mse": None
        if steps is None
        else {"mean": steps, "median": [s / 2 for s in steps], "p90": [2 * s for s in steps]},
        "prediction": "a guess",
        "parameters": 1234567,
        "updates": 100,
        "train_seconds": 61.0,
        "window_ms": 0.25,
        "history": [],
        "diverged": diverged,
        "events": None,
        "code": "abc1234 (2026-01-02)",
        "data": {"sha256": "d", "role": "held-out", "games": 14, "folder": "data/x"},
        **more,
    }


@pytest.fixture
def table(job):
    """Writes a table over made-up results."""
    rows = read_rows(Path(job.presets))
    rows["rssm"] = replace(rows["world"], name="rssm")

    def write(**results):
        write_table(job, [Standing(found, rows[name]) for name, found in results.items()])
        return json.loads((Path(job.out) / "ladder.json").read_text()), (Path(job.out) / "ladder.md").read_text()

    return write


def test_the_numbers_are_means_over_the_seeds_and_the_worst_row_comes_first(table, job):
    summary, text = table(rssm=[result(2.0), result(4.0)], mlp=[result(90.0), result(60.0)])
    assert list(summary["rows"]) == ["mlp", "rssm"]
    mlp = summary["rows"]["mlp"]
    assert (mlp["mean"][5], mlp["median"][5], mlp["p90"][5]) == (75.0, 37.5, 150.0)
    assert [seed[5] for seed in mlp["seeds"]] == [90.0, 60.0]
    assert mlp["notes_name"] == "an MLP"
    assert mlp["changes"]["baseline.network.scale"] == 1
    assert summary["command"] == job.command
    assert job.command.startswith("python scripts/compare.py --budget 0.05 --seeds 2 --rows none,mlp --")
    (line,) = [line for line in text.splitlines() if line.startswith("| mlp | an MLP |")]
    assert line == "| mlp | an MLP | 0 | 15.0 | 30.0 | 45.0 | 60.0 | 75.0 | 60.0 … 90.0 | 25.0 |"
    (cost,) = [line for line in text.splitlines() if "`network.scale: 1`" in line]
    assert cost.endswith("| a guess | 1,234,567 | 100 | 61 | 0.25 |")
    assert "scored on 14 held-out games (data/x)" in text
    assert "made by code of abc1234 (2026-01-02)." in text
    assert summary["heldout"]["sha256"] == "d"


def test_seeds_that_diverged_are_counted_and_spoil_no_mean_unless_they_have_one(table):
    summary, text = table(mlp=[result(8.0), result(None, "loss: nan")], wild=[result(None, "loss: nan")])
    assert summary["rows"]["mlp"]["mean"][5] == 8.0
    assert summary["rows"]["mlp"]["diverged"] == 1
    assert "| – ; 1 of 2 diverged |".replace("– ;", "–;") in text
    assert summary["rows"]["wild"]["mean"] is None
    assert next(iter(summary["rows"])) == "wild"


def test_lessons_written_by_hand_stay_under_the_new_tables(table, job):
    table(mlp=[result(8.0)])
    page = Path(job.out) / "ladder.md"
    page.write_text(page.read_text() + f"\n{LESSONS}\n\nMore data helps: 8 against 9.\n")
    _, text = table(mlp=[result(3.0)])
    assert text.endswith(f"\n{LESSONS}\n\nMore data helps: 8 against 9.\n")
    assert text.count(LESSONS) == 1
    assert "| 3.00 |" in text
    _, again = table(mlp=[result(3.0)])
    assert again == text


def test_the_error_is_split_by_events(table):
    def events(start: float, serve: float):
        return {name: {"windows": 7, "mean": [end] * 6} for name, end in (("start", start), ("serve", serve))}

    before = result(50.0)
    summary, text = table(rssm=[result(2.0, events=events(1, 2)), result(2.0, events=events(3, 2))], mlp=[before])
    assert summary["rows"]["rssm"]["events"]["start"] == {"windows": 7, "mean": [2.0] * 6}
    assert summary["rows"]["mlp"]["events"] == {}
    assert "| row | start (7) | serve (7) |" in text
    assert "| rssm | 2.00 | 2.00 |" in text
    _, text = table(mlp=[before])
    assert "Where the error is" not in text


def test_rows_that_were_scored_on_other_data_do_not_stand_in_one_table(table, job):
    other = {"sha256": "e", "role": "held-out", "games": 14, "folder": "data/x"}
    with pytest.raises(UserError, match=r"^mlp, seed 1: expected the data of mlp, seed 0, d; got e$"):
        table(rssm=[result(2.0)], mlp=[result(8.0), result(9.0, data=other)])
    assert not Path(job.out).exists()


def test_what_is_printed_is_the_table_of_means(table, job):
    table(rssm=[result(2.0)], mlp=[result(8.0)])
    rows = read_rows(Path(job.presets))
    lines = show_table([Standing([result(2.0)], rows["world"]), Standing([result(8.0)], rows["mlp"])]).splitlines()
    assert lines[0].split()[:4] == ["row", "k", "=", "0"]
    assert [line.split()[0] for line in lines[2:]] == ["mlp", "world"]
    assert lines[2].split()[6] == "8.00"
