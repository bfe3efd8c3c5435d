"""An agent's page, as a browser has it."""

from dataclasses import asdict

import pytest

from agents.report.report import write_agent_report
from rssm.config import EnvConfig
from rssm.games.pong.game import PONG
from rssm.report.about import Run

NASTY = "<script>hurt = 1</script>"


def played(scores, error):
    mean = sum(scores) / len(scores)
    statistics = {"mean": mean, "standard_error": error, "min": min(scores), "median": mean, "length": 1234.0}
    statistics |= {"wins": float(sum(score > 0 for score in scores)), "finished": len(scores)}
    acted = {"latents": "drawn", "actions": "the likeliest"}
    return {"games": len(scores), "acted": acted, "code": "abc1234 (2026-01-02)", "scores": scores, **statistics}


GAMES = {
    "weights": {"agent": "ab" * 32, "model": "cd" * 32},
    "processor": "a fast one",
    "env": asdict(EnvConfig(repeat_action_probability=0.25)),
    "sticky": 0.25,
    "seed": 77,
    "greedy": played([18.0, 21.0, -3.0], 7.5),
    "sampled": played([10.0, 14.0], 2.0),
}
CURVE = [
    {"env_steps": 50_000, "update": 10, "greedy": played([-3.0], 0.0), "sampled": played([-5.5], 0.0)},
    {"env_steps": 100_000, "update": 20, "greedy": played([12.5, 13.5], 0.5), "sampled": played([9.0], 0.0)},
]
HISTORY = [
    {
        "update": 10,
        "env_steps": 50_000,
        "train/critic": 2.0,
        "train/value": 1.0,
        "train/return": 1.5,
        "world/loss": 3.0,
    },
    {
        **{"update": 20, "env_steps": 100_000, "imagination/reward": 0.25, "real/reward": 0.2},
        **{"imagination/value": 3.0, "real/value": 2.5},
        **{f"imagination/error_k{k}": 0.5 * k + 0.25 for k in range(6)},
    },
]


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        run = Run("agent", {"seed": 4, "note": NASTY}, {"seed": 0}, f"python {NASTY}", 125.0)
        parts = {"games": GAMES, "curve": CURVE, "history": HISTORY, "spent": {"real play": 60.0}}
        parts |= {"result": (None, "nobody scored it"), "windows": (None, "")}
        path = tmp_path / "report.html"
        write_agent_report(path, **{"run": run, "game": PONG} | parts | changes)
        return path

    return write


def sections(tab):
    return tab.js(
        "Object.fromEntries([...document.querySelectorAll('section')].map((one) => "
        "[one.querySelector('h2').textContent, one.innerText]))"
    )


def rows(tab):
    return tab.js(
        "Object.fromEntries([...document.querySelectorAll('tbody tr')].map((row) => [row.cells[0].textContent,"
        " [...row.cells].slice(1).map((cell) => cell.textContent)]))"
    )


def test_the_page_of_an_agent(tab, write):
    path = write()
    tab.open(path)
    assert tab.text("p.lead") == ["Greedy: the agent is about even, +12.0 ± 7.5 points a game; 2 of 3 games won."]
    assert tab.text(".card b") == ["+12.00 ", "+12.00 "]
    table = rows(tab)
    assert table["mean"] == ["+12.00", "+12.00"]
    assert (table["of these won"], table["games"]) == (["2", "2"], ["3", "2"])
    assert table["50,000"] == ["-3.00 ± 0", "-5.50 ± 0"]
    assert table["100,000"] == ["13.00 ± 0.50", "9.00 ± 0"]
    assert table["100,000 real steps"] == ["0.25", "0.75", "1.25", "1.75", "2.25", "2.75"]
    found = sections(tab)
    for text in ("score in real games, points", "real agent steps", "greedy", "sampled"):
        assert text in found["Score over real steps"]
    assert found["The world model that it learned in"].endswith("Not computed, because nobody scored it.")
    for fact in ("ab" * 32, "cd" * 32, "a fast one", "abc1234 (2026-01-02)", "2.1 minutes", "real play 60 s", "0.25"):
        assert fact in found["What this is of"]
    assert table["seed"] == ["4", "0"]
    assert tab.js("typeof hurt") == "undefined"
    assert NASTY in found["What this is of"]
    assert (tab.problems, tab.requests) == ([], [path.as_uri()])
    tab.open(path, width=390)
    assert tab.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_what_there_is_not_says_why(tab, write):
    tab.open(write(games=None, curve=[], history=None, spent={}))
    found = {title: text.partition("Not computed, because ")[2] for title, text in sections(tab).items()}
    assert found["Real games"] == "the run has no games.json: scripts/evaluate_agent.py plays some."
    assert found["Score over real steps"] == "the run has no curve.json; runs keep one as they are trained."
    assert found["Imagined against real"] == found["Training"] == "the run has no metrics.jsonl."


def test_evaluations_of_one_moment_are_drawn_over_updates(tab, write):
    tab.open(write(curve=[point | {"env_steps": 100_000} for point in CURVE]))
    text = sections(tab)["Score over real steps"]
    assert "updates of the agent" in text
    assert "after the same 100,000 real steps" in text
    assert rows(tab)["10"] == ["-3.00 ± 0", "-5.50 ± 0"]
