import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rssm.cli.job import EXIT_BAD_INPUT, run_job
from rssm.cli.jobs import MAKE_DASHBOARD
from rssm.dashboard.names import AXES, SECTIONS, SYSTEM_KEYS, shown
from rssm.dashboard.questions import agent_questions, learning_questions, world_model_questions
from rssm.games.pong.game import PONG

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "make_dashboard.py"


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """What ``--dry-run`` prints, in a process of its own without a key or a home."""
    home = tmp_path_factory.mktemp("home")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    process = subprocess.run(
        [sys.executable, SCRIPT, "--dry-run"],
        env=environment | {"HOME": str(home), "NETRC": str(home / "netrc")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def sections(described):
    return described["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]


def panels(described):
    """The panels of the workspace and of the report."""
    found = [panel for section in sections(described) for panel in section["panels"]]
    grids = [block for block in described["report"]["spec"]["blocks"] if block["type"] == "panel-grid"]
    return found + [panel for block in grids for panel in block["metadata"]["panelBankSectionConfig"]["panels"]]


def keys_of(panel):
    config = panel["config"]
    return config.get("metrics", []) + config.get("mediaKeys", [])


def test_it_has_the_sections_in_their_order(described):
    assert [section["name"] for section in sections(described)] == list(SECTIONS)
    assert all(section["panels"] for section in sections(described))
    assert described["workspace"]["spec"]["section"]["panelBankConfig"]["settings"]["autoOrganizePrefix"] == 1


def test_every_panel_stands_in_the_section_of_what_it_shows(described):
    for section in sections(described):
        for panel in section["panels"]:
            found = {key.partition("/")[0] for key in keys_of(panel)}
            # imagined rewards and returns also stand beside the agent's scores
            assert section["name"] in found


def test_what_belongs_together_is_on_one_panel(described):
    together = {
        f"{SECTIONS[0]}/{name}_k5" for name in ("mse", "median", "persistence", "constant_velocity", "floor_mse")
    }
    assert any(together == set(keys_of(panel)) for panel in panels(described))
    for question in world_model_questions(PONG) + agent_questions():
        keys = [shown(metric).key for metric in question.lines]
        assert any(keys == keys_of(panel) for panel in panels(described)), question.name


def test_agents_are_drawn_over_both_axes(described):
    score = {
        panel["config"]["xAxis"] for panel in panels(described) if f"{SECTIONS[1]}/sampled_score" in keys_of(panel)
    }
    assert score == set(AXES)


def test_every_metric_that_it_names_exists(described, finished_run):
    """What a world model's run has logged, and beside it what agents log (tests/agents/test_train_agent.py sees that
    they do); the floor needs sticky actions."""
    rows = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
    logged = {name for row in rows for name in row if not name.startswith("summary/")} - set(AXES)
    floor = {f"floor/mse_k{k}" for k in range(6)}
    agents = {metric for question in agent_questions() for metric in question.lines}
    agents |= {metric for question in learning_questions() for metric in question.lines if metric not in logged}
    named = {key for panel in panels(described) for key in panel["config"].get("metrics", [])}
    assert named <= {shown(metric).key for metric in logged | floor | agents} | set(SYSTEM_KEYS)
    asked = {metric for question in world_model_questions(PONG) for metric in question.lines}
    assert asked <= logged | floor
    assert {panel["config"]["xAxis"] for panel in panels(described) if "xAxis" in panel["config"]} == set(AXES)


def test_every_picture_that_it_names_exists(described, finished_run, check_mirror):
    pictures = check_mirror(finished_run, real_steps=False, evaluated="openloop/mse_k0")
    named = {key for panel in panels(described) for key in panel["config"].get("mediaKeys", [])}
    named = {key.removeprefix(f"{SECTIONS[0]}/") for key in named}
    agents = {f"chart_{question.name.replace(' ', '_')}" for question in agent_questions()}
    assert named - pictures == (agents - {"chart_score"}) | {"chart_sticky_floor", "final_dream"}
    assert pictures - named == {"report", "final_error_lines_table"} & pictures


def test_without_a_key_it_is_one_line(monkeypatch, tmp_path, capsys):
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert run_job(MAKE_DASHBOARD, []) == EXIT_BAD_INPUT
    err = capsys.readouterr().err
    assert err.startswith("error: make_dashboard: needs an account: run `wandb login` or set WANDB_API_KEY; --dry-run")
    assert err.count("\n") == 1


def test_without_the_extra_it_is_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    assert run_job(MAKE_DASHBOARD, ["--dry-run"]) == EXIT_BAD_INPUT
    assert capsys.readouterr().err == (
        "error: make_dashboard: wandb-workspaces is missing; expected: pip install 'pong-rssm[dashboard]'\n"
    )
