import io
import json

import pytest
from PIL import Image

from agents.config import AgentResultsConfig
from agents.report.results import mean_curve, steps_to, summarize_agents
from rssm.errors import UserError
from rssm.training.checkpoint import save_trainer


def make_run(folder, greedy, sampled, curve, *, env_steps=100_000, seconds=600.0, games=30, sticky=0.0):
    """A run's folder with what the table is made from; ``curve`` is (real steps, score) of each evaluation."""
    folder.mkdir(parents=True)
    result = {
        "sticky": sticky,
        "greedy": {"games": games, "mean": greedy},
        "sampled": {"games": games, "mean": sampled},
    }
    (folder / "games.json").write_text(json.dumps(result))
    key = "real/sampled_score"
    rows = [{"update": 0, "env_steps": 10, "train/loss": 3.0}, {"update": 1, "env_steps": 20, key: None}]
    rows += [{"update": 2, "env_steps": steps, "real/score": -21.0, key: score} for steps, score in curve]
    rows += [{"update": 9, "env_steps": env_steps, "train/loss": 1.0}, {"update": 9, f"summary/{key}": 7.0}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    save_trainer(folder / "trainer.pt", {"seconds": seconds})
    return str(folder)


@pytest.fixture
def online(tmp_path):
    """Two runs of one job."""
    return [
        make_run(tmp_path / "a", 19.5, 18.0, [(50_000, -10.0), (100_000, 20.0)]),
        make_run(tmp_path / "b", 20.5, 17.0, [(50_000, 4.0), (100_000, 18.0)], seconds=1200.0),
    ]


def summarize(runs, out, name="online_100k", command="python scripts/train_agent.py --online --seed SEED"):
    summarize_agents(AgentResultsConfig(runs=",".join(runs), name=name, command=command, out=str(out)))
    return json.loads((out / "agent.json").read_text())


def test_the_entry_of_a_job(online, tmp_path):
    entry = summarize(online, tmp_path / "docs")["online_100k"]
    assert entry == {
        "command": "python scripts/train_agent.py --online --seed SEED",
        "env_steps": 100_000,
        "wall_seconds": 900.0,
        "greedy": {"seeds": [19.5, 20.5], "games": 30},
        "sampled": {"seeds": [18.0, 17.0], "games": 30},
        "curves": [[[50_000, -10.0], [100_000, 20.0]], [[50_000, 4.0], [100_000, 18.0]]],
    }


def test_the_page_and_the_picture(online, tmp_path):
    summarize(online, tmp_path / "docs")
    page = (tmp_path / "docs" / "agent.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| online")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:6] == ["100,000", "**+20.00**", "+19.50, +20.50", "**+17.50**", "+18.00, +17.00"]
    assert cells[6:] == ["–", "–", "30", "15"]
    assert "![score against real steps](learning_curve.png)" in page
    # the mean of the seeds is -3, then 19
    assert "real steps to a mean of +18: 100,000" in page
    assert "`python scripts/train_agent.py --online --seed SEED`" in page
    picture = Image.open(io.BytesIO((tmp_path / "docs" / "learning_curve.png").read_bytes()))
    assert picture.format == "PNG"


def plan(run, score, games=30, sticky=0.0):
    result = {"sticky": sticky, "seed": 0, "planned": {"games": games, "mean": score}}
    (run / "planned.json").write_text(json.dumps(result))


def test_planned_games_have_columns_of_their_own(online, tmp_path):
    for name, score in (("a", 20.0), ("b", 21.0)):
        plan(tmp_path / name, score)
    entry = summarize(online, tmp_path / "docs")["online_100k"]
    assert entry["planned"] == {"seeds": [20.0, 21.0], "games": 30}
    assert entry["greedy"]["seeds"] == [19.5, 20.5]
    page = (tmp_path / "docs" / "agent.md").read_text()
    assert "| **+17.50** | +18.00, +17.00 | **+20.50** | +20.00, +21.00 | 30 |" in page


def test_fewer_planned_games_are_said_to_be_fewer(online, tmp_path):
    for name in ("a", "b"):
        plan(tmp_path / name, 20.0, games=10)
    summarize(online, tmp_path / "docs")
    assert "| 30 / 30 / 10 |" in (tmp_path / "docs" / "agent.md").read_text()


@pytest.mark.parametrize("change", [{"games": 10}, {"sticky": 0.25}])
def test_planned_games_of_another_kind_are_refused(online, tmp_path, change):
    plan(tmp_path / "a", 20.0)
    plan(tmp_path / "b", 20.0, **change)
    if "sticky" in change:
        plan(tmp_path / "a", 20.0, **change)
    with pytest.raises(UserError, match="expected the"):
        summarize(online, tmp_path / "docs")


def test_other_jobs_are_kept_and_a_job_summarized_again_is_replaced(online, tmp_path):
    out = tmp_path / "docs"
    first = summarize(online, out)
    sticky = [make_run(tmp_path / "s", 15.0, 14.0, [(60_000, 3.0), (100_000, 15.0)], sticky=0.25)]
    summarize(sticky, out, "online_100k_sticky", "sticky")
    offline = [make_run(tmp_path / "o", 18.0, 15.0, [(100_000, 2.0), (100_000, 18.5)])]
    jobs = summarize(offline, out, "offline", "offline")
    assert list(jobs) == ["offline", "online_100k", "online_100k_sticky"]
    assert jobs["online_100k"] == first["online_100k"]
    assert jobs["offline"]["curves"] == [[[100_000, 18.5]]]  # no real steps between its evaluations
    page = (out / "agent.md").read_text()
    assert page.count("\n| o") == 3
    assert "online, sticky 0.25: real steps to a mean of +18: not reached" in page
    assert "offline: real steps" not in page

    again = summarize([make_run(tmp_path / "c", 1.0, 2.0, [(100_000, 1.0)])], out)
    assert again["online_100k"]["greedy"]["seeds"] == [1.0]
    assert again["offline"] == jobs["offline"]


def test_the_mean_curve_goes_where_all_seeds_have_been():
    first, second = [(0, 0.0), (10, 10.0), (30, 10.0)], [(5, 1.0), (15, 3.0), (20, 3.0)]
    # at 5: (5 + 1) / 2; at 10: (10 + 2) / 2; at 15 and 20: (10 + 3) / 2
    assert mean_curve([first, second]) == [(5, 3.0), (10, 6.0), (15, 6.5), (20, 6.5)]
    assert mean_curve([first]) == first
    assert mean_curve([[(5, 1.0)], [(6, 2.0)]]) == []


def test_when_a_score_was_first_reached():
    curve = [(5, 3.0), (10, 6.0), (15, 2.0)]
    assert steps_to(curve, 6.0) == 10
    assert steps_to(curve, 6.1) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"games": 10}, "games of each policy"),
        ({"env_steps": 50_000}, "real steps"),
        ({"sticky": 0.25}, "sticky actions"),
    ],
)
def test_runs_of_different_jobs_are_refused(online, tmp_path, change, message):
    other = make_run(tmp_path / "other", 1.0, 1.0, [(50_000, 1.0)], **change)
    with pytest.raises(UserError, match=rf"other: expected the {message} of .*a, ") as caught:
        summarize([*online, other], tmp_path / "docs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


def remove_sampled(folder):
    result = json.loads((folder / "games.json").read_text())
    del result["sampled"]
    (folder / "games.json").write_text(json.dumps(result))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda run: (run / "games.json").unlink(), r"games\.json: expected a run that scripts/evaluate_agent"),
        (remove_sampled, r"games\.json: expected greedy and sampled games; those of the sampled policy are missing"),
        (lambda run: plan(run.with_name("a"), 1.0), r"b.planned\.json: expected a run that scripts/evaluate_agent"),
        (lambda run: (run / "metrics.jsonl").unlink(), r"metrics\.jsonl: expected the metrics"),
        (lambda run: (run / "metrics.jsonl").write_text('{"env_steps": 5}\n'), r"at least one evaluation"),
        (lambda run: (run / "trainer.pt").unlink(), r"trainer\.pt: expected a trainer's state"),
    ],
)
def test_a_run_that_is_not_whole_is_refused_in_one_line(online, tmp_path, harm, message):
    harm(tmp_path / "b")
    with pytest.raises(UserError, match=message) as caught:
        summarize(online, tmp_path / "docs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"online": {}}', '{"offline": {"command": "x"}}'])
def test_a_table_that_is_something_else_is_not_overwritten(online, tmp_path, text):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "agent.json").write_text(text)
    with pytest.raises(UserError, match=r"agent\.json: ") as caught:
        summarize(online, tmp_path / "docs")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "docs" / "agent.json").read_text() == text


def test_no_runs():
    with pytest.raises(UserError, match="runs: expected folders of runs"):
        summarize_agents(AgentResultsConfig(runs=",", name="offline", command="x"))
