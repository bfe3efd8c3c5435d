import json
import shutil
from dataclasses import replace

import pytest

from rssm.config import ResultsConfig, WorldModelConfig
from rssm.config.yaml_file import load_config, save_config
from rssm.errors import UserError
from rssm.numbers import number
from rssm.report.results import summarize


@pytest.fixture
def another(finished_run, tmp_path):
    """Makes a second run out of the finished one: other weights, twice the error, and what a test changes."""

    def make(change=lambda result: None, name="other", weights="f" * 64, **settings):
        other = tmp_path / name
        shutil.copytree(finished_run, other)
        result = json.loads((other / "openloop.json").read_text())
        result["mse"]["mean"] = [2.0 * value for value in result["mse"]["mean"]]
        result["protocol"]["model"]["sha256"] = weights
        change(result)
        (other / "openloop.json").write_text(json.dumps(result))
        config = replace(load_config(other / "config.yaml", WorldModelConfig), seed=1, **settings)
        save_config(config, other / "config.yaml")
        return other

    return make


@pytest.fixture
def table(tmp_path):
    """Summarizes runs into a folder that is not below ``runs/``."""

    def write(*runs, **settings):
        folders = ",".join(map(str, runs))
        summarize(ResultsConfig(**{"runs": folders, "name": "both", "out": str(tmp_path / "docs")} | settings))
        return json.loads((tmp_path / "docs" / "both.json").read_text()), (tmp_path / "docs" / "both.md").read_text()

    return write


def test_a_table_over_two_runs(finished_run, another, table, tmp_path, capsys):
    first = json.loads((finished_run / "openloop.json").read_text())
    summary, text = table(finished_run, another(), title="Two runs")
    assert summary["mean"] == pytest.approx([1.5 * value for value in first["mse"]["mean"]])
    assert summary["worst_to_best"] == pytest.approx(2.0)
    assert list(summary["seeds"]) == ["whole", "other"]
    assert summary["data"] == first["protocol"]["data"]
    assert text.startswith("# Two runs\n")
    assert "Worst ÷ best run at k = 5: 2.00." in text
    assert f"held-out games ({first['protocol']['data']['folder']})" in text
    assert f"scored by code of {first['protocol']['code']}" in text
    assert "| least possible error |" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for label in ("mean", "median", "p90", "from the same starts"):
        assert sum(line.startswith(f"| `other`, {label} |") for line in rows) == 1
    for label in ("sweeping", "share within 2 px", "spread ÷ error"):
        assert sum(line.startswith(f"| {label} |") for line in rows) == 1
    for event in first["events"]:
        assert any(line.startswith(f"| {event.replace('_', ' ')} |") for line in rows)
    out = capsys.readouterr().out
    assert "**mean of the runs**" in out
    assert f"written: {tmp_path / 'docs' / 'both.md'}, " in out


def row_of(text, label):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {label} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_other_players_have_a_row_each_with_the_mean_and_the_range_of_the_runs(finished_run, another, table):
    def twice(result):
        for player in result["players"]["players"].values():
            player["mse"]["mean"] = [2.0 * value for value in player["mse"]["mean"]]

    result = json.loads((finished_run / "openloop.json").read_text())
    summary, text = table(finished_run, another(twice))
    players = result["players"]["players"]
    assert len(players) > 1
    for name, player in players.items():
        row = row_of(text, name)
        last = player["mse"]["mean"][-1]
        assert row[6] == number(1.5 * last)
        assert row[7] == f"{number(last)} … {number(2 * last)}"
        assert row[8] == number(last / result["mse"]["mean"][-1])  # all is 1.5 times as large
        assert summary["seeds"]["other"]["players"][name]["mean"][-1] == pytest.approx(2 * last)
    ends = [number(1.5 * player["mse"]["mean"][-1]) for player in players.values()]
    drawn = [line.split("|")[7].strip() for line in text.splitlines() if line.split("|")[1:2] and
             line.split("|")[1].strip() in players]  # fmt: skip
    assert sorted(drawn) == sorted(ends)
    assert float(drawn[0].replace(",", "")) == max(float(end.replace(",", "")) for end in ends)


def test_doubt_is_the_mean_of_the_runs(finished_run, another, table):
    def doubt(result):
        result["calibration"]["ratio"] = [None, *[4.0] * 5]

    def half(result):
        result["calibration"]["ratio"] = [3.0, *[2.0] * 5]

    _, text = table(another(doubt, name="a", weights="a"), another(half, name="b", weights="b"))
    assert row_of(text, "spread ÷ error")[1:] == ["3.00", *["3.00"] * 5, "2.00 … 4.00"]


def test_what_the_actions_are_worth_has_a_row_for_each_run_or_says_why_not(finished_run, another, table):
    def told(result):
        result["action_blind"] = {"ratio": [7.0] * 6, "windows": 9, "mse": result["mse"]}

    def of_old(result):
        result.pop("action_blind", None)

    runs = [another(told, name="a", weights="a"), another(told, name="b", weights="b")]
    summary, text = table(*runs)
    assert row_of(text[text.index("## Told other actions") :].partition("\n## ")[0], "`b`")[1:] == ["7.00"] * 6
    assert summary["seeds"]["b"]["action_blind_ratio"] == [7.0] * 6
    _, text = table(runs[0], runs[1], another(of_old, name="c", weights="c"))
    part = text[text.index("## Told other actions") :].partition("\n## ")[0]
    assert "Not computed, because these results are older than it" in part
    assert "|" not in part


def test_the_training_s_command_is_that_of_its_settings(finished_run, table, tiny_job):
    summary, _ = table(finished_run)
    command = summary["trained_with"]
    assert command.startswith("python scripts/train_wm.py --seed SEED --env.max_episode_steps 150")
    assert "--train.updates 12" in command
    assert f"--data.train {tiny_job.data.train}" in command
    assert "--run" not in command
    assert table(finished_run, command="by hand")[0]["trained_with"] == "by hand"


def test_without_a_place_named_nothing_published_is_touched(finished_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    summarize(ResultsConfig(runs=str(finished_run)))
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")] == [
        "runs/results/summary.json",
        "runs/results/summary.md",
    ]
    assert "written: runs/results/summary.md" in capsys.readouterr().out


def test_a_published_table_loses_no_run_and_one_below_runs_may(finished_run, another, table, tmp_path, monkeypatch):
    other = another()
    before = table(finished_run, other)
    with pytest.raises(UserError, match=r"both.json: the table there has other, which the new one lacks"):
        table(finished_run)
    assert table(finished_run, other) == before
    monkeypatch.chdir(tmp_path)
    for runs in (f"{finished_run},{other}", str(finished_run)):
        summarize(ResultsConfig(runs=runs))
    assert list(json.loads((tmp_path / "runs/results/summary.json").read_text())["seeds"]) == ["whole"]


def test_results_of_other_data_are_summarized_by_their_file(another, table):
    runs = [another(name="a", weights="a"), another(name="b", weights="b")]
    for run in runs:
        (run / "openloop.json").rename(run / "openloop-test.json")
        result = json.loads((run / "openloop-test.json").read_text())
        result["protocol"]["data"] |= {"role": "test", "folder": "data/test"}
        (run / "openloop-test.json").write_text(json.dumps(result))
    assert "test games (data/test)" in table(*runs, result="openloop-test.json")[1]
    with pytest.raises(UserError, match=r"a.openloop\.json: expected a run that was evaluated"):
        table(*runs)


def change(*keys, to):
    def apply(result):
        for key in keys[:-1]:
            result = result[key]
        result[keys[-1]] = to

    return apply


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (change("protocol", "data", "sha256", to="e" * 64), "other: expected the data of .*whole, .*; got eeee"),
        (change("protocol", "data", "role", to="development"), "expected the data's role of .*, held-out; got develop"),
        (change("protocol", "prediction", to="mode"), "expected the prediction of .*, mean over 32 samples; got mode"),
        (change("protocol", "settings", "samples", to=8), "expected the evaluation's settings of"),
        (change("protocol", "trained_on", to={"sha256": None}), "that the model was not trained on, these are its own"),
    ],
    ids=["data", "role", "prediction", "settings", "training data"],
)
def test_unlike_runs_are_refused_in_one_line(finished_run, another, table, tmp_path, harm, message):
    def apply(result):
        harm(result)
        if result["protocol"]["trained_on"] == {"sha256": None}:
            result["protocol"]["trained_on"]["sha256"] = result["protocol"]["data"]["sha256"]

    with pytest.raises(UserError, match=message) as caught:
        table(finished_run, another(apply))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


def test_a_run_twice_a_copy_and_another_job_are_refused(finished_run, another, table, tiny_job, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(finished_run, copy)
    for twice in (finished_run, copy):
        with pytest.raises(UserError, match=r"expected another training than .*whole; its model is the same"):
            table(finished_run, twice)
    longer = another(train=replace(tiny_job.train, updates=13))
    with pytest.raises(UserError, match=r"other: expected the train.updates of .*whole, 12; got 13"):
        table(finished_run, longer)


def test_games_that_were_trained_on_are_mentioned(finished_run, another, table, tmp_path):
    _, text = table(finished_run, another(change("protocol", "games_trained_on", to=2)))
    assert "`other` was trained on 2 of these games." in text
    assert "`whole` was trained on" not in text
    unknown = another(change("protocol", "games_trained_on", to=None), name="unknown", weights="a")
    assert "Whether they were trained on is unknown: `unknown`." in table(finished_run, tmp_path / "other", unknown)[1]


@pytest.mark.parametrize("runs", [",", "nowhere"])
def test_a_run_that_is_not_there_is_one_line(runs, tmp_path):
    with pytest.raises(UserError, match="expected") as caught:
        summarize(ResultsConfig(runs=runs, out=str(tmp_path / "docs")))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


def test_a_result_of_an_older_version_is_refused_in_one_line(another, table):
    def older(result):
        del result["protocol"]["data"]

    with pytest.raises(UserError, match=r"openloop\.json: expected a result that says its .*; score it again"):
        table(another(older))
