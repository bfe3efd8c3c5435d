import io
import json
import shutil
from dataclasses import asdict

import pytest
from PIL import Image

from agents.config import AgentConfig
from agents.games_config import AgentResultsConfig
from agents.learning.config import ActorCriticConfig
from agents.play.scores import POLICIES
from agents.report.results import summarize_agents
from rssm.config import EnvConfig
from rssm.config.yaml_file import load_config, save_config
from rssm.errors import UserError
from rssm.training.checkpoint import save_trainer


def make_run(folder, greedy, sampled, curve, *, env_steps=100_000, seconds=600.0, games=30, sticky=0.0, **settings):
    """A run's folder with what the table is made from; ``curve`` is (real steps, score) of each evaluation."""
    folder.mkdir(parents=True)
    env = EnvConfig(repeat_action_probability=sticky)
    config = AgentConfig(**{"run": str(folder), "online": True, "env": env} | settings)
    save_config(config, folder / "config.yaml")
    played = {"games": games, "code": "abc1234 (2026-01-02)"}
    result = {
        "weights": {"agent": str(folder), "model": "m"},
        "env": asdict(EnvConfig(repeat_action_probability=sticky)),
        "sticky": sticky,
        "seed": 3,
        "greedy": played | {"mean": greedy},
        "sampled": played | {"mean": sampled},
    }
    (folder / "games.json").write_text(json.dumps(result))
    key = "real/sampled_score"
    rows = [{"update": 0, "env_steps": 10, "train/loss": 3.0}, {"update": 1, "env_steps": 20, key: None}]
    rows += [{"update": 2, "env_steps": steps, "real/score": -21.0, key: score} for steps, score in curve]
    rows += [{"update": 9, "env_steps": env_steps, "train/loss": 1.0}, {"update": 9, f"summary/{key}": 7.0}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    save_trainer(folder / "trainer.pt", {"seconds": seconds})
    return str(folder)


def change_games(run, **changes):
    games = json.loads((run / "games.json").read_text()) | changes
    (run / "games.json").write_text(json.dumps({key: value for key, value in games.items() if value is not None}))


@pytest.fixture
def online(tmp_path):
    """Two runs of one job."""
    return [
        make_run(tmp_path / "a", 19.5, 18.0, [(50_000, -10.0), (100_000, 20.0)]),
        make_run(tmp_path / "b", 20.5, 17.0, [(50_000, 4.0), (100_000, 18.0)], seconds=1200.0),
    ]


def summarize(runs, out, name="online_100k", command="python scripts/train_agent.py --online --seed SEED", title=""):
    summarize_agents(AgentResultsConfig(runs=",".join(runs), name=name, command=command, title=title, out=str(out)))
    return json.loads((out / "agent.json").read_text())


def test_the_entry_of_a_job(online, tmp_path):
    entry = summarize(online, tmp_path / "docs")["online_100k"]
    assert entry == {
        "command": "python scripts/train_agent.py --online --seed SEED",
        "title": "online_100k",
        "settings": asdict(load_config(tmp_path / "a" / "config.yaml", AgentConfig)),
        "online": True,
        "env": asdict(EnvConfig()),
        "code": ["abc1234 (2026-01-02)"],
        "env_steps": 100_000,
        "wall_seconds": 900.0,
        "greedy": {"seeds": [19.5, 20.5], "games": 30},
        "sampled": {"seeds": [18.0, 17.0], "games": 30},
        "curves": [[[50_000, -10.0], [100_000, 20.0]], [[50_000, 4.0], [100_000, 18.0]]],
        "along": [],
        "elsewhere": {},
    }


def test_the_page_and_the_picture(online, tmp_path, capsys):
    summarize(online, tmp_path / "docs", title="from nothing")
    page = (tmp_path / "docs" / "agent.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith("| from nothing")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["online", "–", "100,000"]
    assert cells[4:8] == ["**+20.00**", "+19.50, +20.50", "**+17.50**", "+18.00, +17.00"]
    assert cells[8:] == ["–", "–", "30", "15"]
    assert "![score against real steps](learning_curve.png)" in page
    # the mean of the seeds is -3, then 19
    assert "real steps to a mean of +18: 100,000" in page
    assert "`python scripts/train_agent.py --online --seed SEED`, played by code of abc1234 (2026-01-02)" in page
    picture = Image.open(io.BytesIO((tmp_path / "docs" / "learning_curve.png").read_bytes()))
    assert picture.format == "PNG"
    out = capsys.readouterr().out.splitlines()
    assert out[2].split() == ["from", "nothing", "online", "–", "100,000", "+20.00", "+17.50", "–", "30", "15"]
    assert out[3].startswith(f"written: {tmp_path / 'docs' / 'agent.md'}, ")


def test_without_a_place_named_nothing_published_is_touched(online, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    summarize_agents(AgentResultsConfig(runs=online[0], name="mine", command="x"))
    names = ["agent.json", "agent.md", "learning_curve.png"]
    assert sorted(path.name for path in (tmp_path / "runs" / "results").iterdir()) == names


def keep_curve(run, *looks):
    """A run's ``curve.json``; a look is (real steps, greedy, sampled)."""
    points = [
        {
            "env_steps": steps,
            **{way: {"games": 8, "mean": mean, "code": "c"} for way, mean in zip(POLICIES, means, strict=True)},
        }
        for steps, *means in looks
    ]
    (run / "curve.json").write_text(json.dumps({"points": points}))


def test_scores_along_the_real_steps(online, tmp_path):
    """Where all runs have them, and after the last real step those of the last update."""
    keep_curve(tmp_path / "a", (20_000, -3.0, -9.0), (60_000, 8.0, 7.0), (100_000, 18.0, 17.0), (100_000, 20.0, 19.0))
    keep_curve(tmp_path / "b", (20_000, 5.0, 1.0), (40_000, 6.0, 2.0), (100_000, 19.0, 18.0), (100_000, 21.0, 20.0))
    entry = summarize(online, tmp_path / "docs", title="mine")["online_100k"]
    assert entry["along"] == [
        {"env_steps": 20_000, "games": 8, "greedy": [-3.0, 5.0], "sampled": [-9.0, 1.0]},
        {"env_steps": 100_000, "games": 8, "greedy": [20.0, 21.0], "sampled": [19.0, 20.0]},
    ]
    page = (tmp_path / "docs" / "agent.md").read_text()
    assert "## mine: scores along the real steps" in page
    assert "| 20,000 | +1.00 | -3.00, +5.00 | -4.00 | -9.00, +1.00 | 8 |" in page
    assert summarize([online[0]], tmp_path / "docs", "one_online")["online_100k"] == entry  # is read again as written


def test_other_games_are_shown_where_all_runs_played_as_many(online, tmp_path):
    lazy = {"env": {"frameskip": 4, "repeat_action_probability": 0.0, "enemy": "lazy"}}
    for name, score in (("a", 3.0), ("b", 7.0)):
        played = {"games": 30, "mean": score, "code": "c"}
        ways = {"greedy": played, "sampled": played | {"games": 30 if name == "a" else 20}}
        (tmp_path / name / "games-enemy_lazy.json").write_text(json.dumps(lazy | ways))
    (tmp_path / "a" / "games-noops_120.json").write_text(json.dumps(lazy | {"greedy": played}))
    entry = summarize(online, tmp_path / "docs", title="mine")["online_100k"]
    assert entry["elsewhere"] == {"enemy_lazy": {"greedy": {"seeds": [3.0, 7.0], "games": 30}}}
    page = (tmp_path / "docs" / "agent.md").read_text()
    assert "| mine | enemy lazy | +5.00 | +3.00, +7.00 | – | – | – | – | 30 |" in page


def test_games_that_were_stopped_are_counted(online, tmp_path):
    for name, finished in (("a", 30), ("b", 21)):
        played = {"games": 30, "code": "c", "mean": 1.0, "finished": finished}
        change_games(tmp_path / name, greedy=played)
    entry = summarize(online, tmp_path / "docs", title="mine")["online_100k"]
    assert entry["greedy"] == {"seeds": [1.0, 1.0], "games": 30, "stopped": 9}
    assert "stopped" not in entry["sampled"]  # older files do not say
    assert "- mine: 9 of 60 greedy\n" in (tmp_path / "docs" / "agent.md").read_text()


def test_what_others_published_stands_beside_it(online, tmp_path):
    summarize(online, tmp_path / "docs")
    page = (tmp_path / "docs" / "agent.md").read_text()
    assert "| BBF, replay ratio 2 | 0.25 | 40,000 | +1.7 | pixels, 17 seeds |" in page
    assert "| DIAMOND | – | 100,000 | +20.36 ± 0.31 |" in page


def plan(run, score, games=30):
    change_games(run, planned={"games": games, "mean": score, "code": "abc1234 (2026-01-02)"})


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


def test_other_jobs_are_kept_and_a_job_summarized_again_is_replaced(online, tmp_path):
    out = tmp_path / "docs"
    first = summarize(online, out)
    sticky = [make_run(tmp_path / "s", 15.0, 14.0, [(60_000, 3.0), (100_000, 15.0)], sticky=0.25)]
    summarize(sticky, out, "online_100k_sticky", "sticky")
    offline = [make_run(tmp_path / "o", 18.0, 15.0, [(100_000, 2.0), (100_000, 18.5)], online=False)]
    jobs = summarize(offline, out, "of my own", "offline")
    assert list(jobs) == ["online_100k", "online_100k_sticky", "of my own"]
    assert jobs["online_100k"] == first["online_100k"]
    assert jobs["of my own"]["curves"] == [[[100_000, 18.5]]]  # no real steps between its evaluations
    page = (out / "agent.md").read_text()
    assert "| of my own | offline | – | 100,000 |" in page
    assert "| online_100k_sticky | online | 0.25 | 100,000 |" in page
    assert "online_100k_sticky: real steps to a mean of +18: not reached" in page
    assert "of my own: real steps" not in page

    again = summarize([make_run(tmp_path / "c", 1.0, 2.0, [(100_000, 1.0)])], out)
    assert again["online_100k"]["greedy"]["seeds"] == [1.0]
    assert again["of my own"] == jobs["of my own"]


def test_a_name_says_what_the_runs_are(online, tmp_path):
    out = tmp_path / "docs"
    with pytest.raises(UserError, match=r"^name: expected a name for runs that learned online, got offline$"):
        summarize(online, out, "offline")
    offline = [make_run(tmp_path / "o", 18.0, 15.0, [(100_000, 2.0)], online=False)]
    with pytest.raises(UserError, match=r"^name: expected a name for runs that learned offline, got Online$"):
        summarize(offline, out, "Online")
    summarize(online, out, "mine")
    with pytest.raises(UserError, match=r"name: mine is a job that learned online with no sticky actions in the table"):
        summarize(offline, out, "mine")
    sticky = [make_run(tmp_path / "s", 1.0, 1.0, [(100_000, 2.0)], sticky=0.25)]
    with pytest.raises(UserError, match=r"these runs learned online with sticky actions 0.25: expected another name"):
        summarize(sticky, out, "mine")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"games": 10}, "games of each policy"),
        ({"env_steps": 50_000}, "real steps"),
        ({"sticky": 0.25}, "env.repeat_action_probability"),
        ({"online": False}, "online"),
        ({"actor_critic": ActorCriticConfig(discount=0.9)}, "actor_critic.discount"),
    ],
)
def test_runs_of_different_jobs_are_refused(online, tmp_path, change, message):
    other = make_run(tmp_path / "other", 1.0, 1.0, [(50_000, 1.0)], **change)
    with pytest.raises(UserError, match=rf"other: expected the {message} of .*a, ") as caught:
        summarize([*online, other], tmp_path / "docs")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


def test_seeds_may_differ_and_an_offline_agent_s_world_model_with_them(tmp_path):
    runs = [
        make_run(tmp_path / f"{i}", 1.0, 1.0, [(50_000, 1.0)], online=False, seed=i, world_model=f"runs/wm-{i}")
        for i in range(2)
    ]
    assert len(summarize(runs, tmp_path / "docs", "mine")["mine"]["curves"]) == 2


def test_a_run_twice_and_a_copy_are_refused(online, tmp_path):
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    for twice in (online[0], str(tmp_path / "copy")):
        with pytest.raises(UserError, match=r"expected another training than .*/a; agent.safetensors is the same"):
            summarize([*online, twice], tmp_path / "docs")


def test_games_of_another_kind_are_refused(online, tmp_path):
    change_games(tmp_path / "b", env=asdict(EnvConfig(noop_max=5)))
    with pytest.raises(UserError, match=r"b.games.json: expected the game of .*a.games.json"):
        summarize(online, tmp_path / "docs")
    for name in ("a", "b"):
        change_games(tmp_path / name, env=asdict(EnvConfig(repeat_action_probability=0.25)))
    with pytest.raises(
        UserError, match=r"env.repeat_action_probability: expected games as the run was trained on, 0.0"
    ):
        summarize(online, tmp_path / "docs")


def remove_sampled(folder):
    result = json.loads((folder / "games.json").read_text())
    del result["sampled"]
    (folder / "games.json").write_text(json.dumps(result))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda run: (run / "games.json").unlink(), r"games\.json: expected a run that scripts/evaluate_agent"),
        (remove_sampled, r"games\.json: expected greedy and sampled games; those of the sampled policy are missing"),
        (lambda run: plan(run.with_name("a"), 1.0), r"b.games\.json: expected a result that says its planned games"),
        (
            lambda run: change_games(run, env=None),
            r"b.games\.json: expected a result that says its game \(env\); score",
        ),
        (lambda run: (run / "metrics.jsonl").unlink(), r"metrics\.jsonl: expected the metrics"),
        (lambda run: (run / "metrics.jsonl").write_text('{"update": 1, "env_steps": 5}\n'), r"at least one evaluation"),
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
