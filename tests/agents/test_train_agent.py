import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from agents.cli import TRAIN_AGENT
from agents.config import AgentConfig
from agents.learning.config import ActorCriticConfig
from agents.play.imagined_vs_real import Comparison
from agents.train_agent import train_agent
from rssm.cli.job import EXIT_BAD_INPUT, parse
from rssm.config import DataConfig, EnvConfig, LogConfig, WorldModelConfig
from rssm.config.keys import build, flat_settings, idle_settings
from rssm.config.yaml_file import load_config, save_config
from rssm.dashboard.questions import agent_questions, learning_questions
from rssm.errors import CheckpointError, UserError
from rssm.games.pong.game import PONG
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.world_model import WorldModel
from rssm.training.checkpoint import load_trainer, save_model, weights_of

#: what a process does before it trains: it kills itself, as the kernel would, at a certain moment
DIE = "import os, signal; die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
START = "import sys; from rssm.cli.commands import train_agent; sys.exit(train_agent())"
MOMENTS = {
    "in the middle of a game, after the first checkpoint": """
from rssm.games.pong.env import PongFeatures
step, calls = PongFeatures.step, []
PongFeatures.step = lambda self, action: (calls.append(1), die() if len(calls) == 331 else step(self, action))[1]
""",
    "steps are on disk that no checkpoint knows": """
from agents.online.replay import Replay
append = Replay.append
Replay.append = lambda self, block: (append(self, block), die() if self.blocks == 5 else None)[1]
""",
    "half of trainer.pt is written": """
import torch
from pathlib import Path
save, calls = torch.save, []
def half(state, path):
    if isinstance(path, Path):
        calls.append(path)
        if len(calls) == 2:
            path.write_bytes(b"PK half")
            die()
    save(state, path)
torch.save = half
""",
}


def start(config, before="", wandb="disabled", **settings):
    """Run the command in a process of its own."""
    run = Path(config.run)
    settings_file = run.parent / f"{run.name}.yaml"
    config = dataclasses.replace(config, **settings)
    idle = idle_settings(config)  # which may not be given
    given = {key: value for key, value in flat_settings(dataclasses.asdict(config)) if key not in idle}
    save_config(build(AgentConfig, given), settings_file)
    words = [sys.executable, "-c", before + START, "--config", settings_file]
    environment = os.environ | {"WANDB_MODE": wandb}
    return subprocess.run(words, capture_output=True, text=True, timeout=300, env=environment)


def rows(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def outcome(run):
    """All that a run leaves, but for how long it took and where it was."""
    state = load_trainer(run / "trainer.pt")
    del state["seconds"], state["spent"]
    state["config"].pop("run")
    blocks = []
    for path in sorted((run / "replay").glob("*")):
        with np.load(path) as block:
            blocks += [path.name, *(block[name].tolist() for name in sorted(block.files))]
    return {
        "state": [x.tolist() if isinstance(x, torch.Tensor) else x for x in torch.utils._pytree.tree_leaves(state)],
        "replay": blocks,
        "metrics": rows(run),
        "games": json.loads((run / "games.json").read_text()),
        "curve": json.loads((run / "curve.json").read_text()),
        "agent": (run / "agent.safetensors").read_bytes(),
        "model": (run / "model.safetensors").read_bytes(),
    }


@pytest.fixture(scope="module")
def whole():
    """The outcome of ``online_job`` when nothing interrupts it, once a test has asked for it."""
    return {}


def expected(whole, config):
    if not whole:
        run = Path(config.run).parent / "whole"
        process = start(dataclasses.replace(config, run=str(run)), wandb="offline")
        assert process.returncode == 0, process.stderr
        whole |= outcome(run) | {"stderr": process.stderr, "stdout": process.stdout, "run": run}
    return whole


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_online_run_that_was_killed_ends_as_if_it_had_not_been(whole, online_job, moment):
    killed = start(online_job, DIE + MOMENTS[moment])
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (Path(online_job.run) / "trainer.pt").exists()
    train_agent(online_job)
    for key, value in outcome(Path(online_job.run)).items():
        assert value == expected(whole, online_job)[key], key


def test_a_run_counts_and_shows_every_real_step(whole, online_job):
    expected(whole, online_job)
    metrics = whole["metrics"]
    assert all("env_steps" in row or "summary/env_steps" in row for row in metrics)
    played = [(row["update"], row["env_steps"]) for row in metrics if "train/actor" in row]
    assert played == [(2, 100), (4, 120), (6, 140), (8, 160), (10, 180), (12, 200), (14, 202)]
    assert [row["update"] for row in metrics if "real/score" in row] == [4, 14]
    assert {"imagination/error_k5", "imagination/value", "real/value"} <= metrics[2].keys()
    assert metrics[-1]["summary/env_steps"] == 202
    assert "202 real steps" in whole["stderr"]
    assert "evaluation games are not counted" in whole["stderr"]
    assert "replay ratio" in whole["stderr"]


def test_a_run_ends_with_what_came_of_it_and_where_it_is(whole, online_job):
    expected(whole, online_job)
    *_, verdict, _, games, curve, dream, page, weights = whole["stdout"].splitlines()
    run = whole["run"]
    assert verdict.startswith("planned: the agent ")
    assert games.startswith(f"{run / 'games.json'}: ")
    assert curve.startswith(f"{run / 'curve.json'}: ")
    assert dream.startswith(f"{run / 'media' / 'dream.gif'}: ")
    assert page.startswith(f"{run / 'report.html'}: ")
    assert weights.startswith(f"{run / 'agent.safetensors'}, {run / 'model.safetensors'}: ")
    assert weights.endswith("the agent and its world model")
    for path in (run / "games.json", run / "media" / "dream.gif", run / "agent.safetensors", run / "model.safetensors"):
        assert path.is_file()
    spent = next(line for line in whole["stderr"].splitlines() if line.startswith("trained 14 updates in "))
    shares = [int(share) for share in re.findall(r"(\d+)%", spent)]
    assert abs(sum(shares) - 100) <= len(shares)  # rounded
    assert all(part in spent for part in ("real play", "updates of the agent", "evaluation", "world model"))
    # the last word on the other channel is no warning; what is being counted is said
    assert not whole["stderr"].splitlines()[-1].startswith("warning")
    assert "greedy games: 2 of 2 games" in whole["stderr"]
    assert "sampled games: 2 of 2 games" in whole["stderr"]


def test_the_scores_along_the_training_are_kept(whole, online_job):
    """Every 110 real steps, wherever the cycles end, and the final games last."""
    expected(whole, online_job)
    points = whole["curve"]["points"]
    moments = [(point["update"], point["env_steps"]) for point in points]
    assert moments == [(4, 120), (14, 202), (14, 202)]
    for point in points:
        assert all(len(point[name]["scores"]) == point[name]["games"] for name in ("greedy", "sampled"))
    assert [point["greedy"]["games"] for point in points] == [1, 1, 2]
    assert [point["planned"]["games"] for point in points if "planned" in point] == [1]
    assert points[-1]["planned"] == whole["games"]["planned"]
    assert points[-1]["greedy"] == whole["games"]["greedy"]


def test_a_hopeful_critic_is_warned_of_once_and_noted_at_the_end(offline_job, monkeypatch, capsys):
    found = {"imagination/alarm": 1.0, "imagination/value": 2.0, "real/value": 1.0, "imagination/optimism": 0.5}
    for place in ("trainer", "train_agent"):
        monkeypatch.setattr(
            f"agents.{place}.imagined_against_real", lambda *_, **__: Comparison(found, *[np.zeros(0)] * 3, [])
        )
    train_agent(offline_job)
    said = capsys.readouterr()
    evaluations = [row for row in rows(Path(offline_job.run)) if "imagination/alarm" in row]
    assert len(evaluations) == 2
    assert said.err.count("warning: the critic expects +2.00 points") == 1
    assert said.out.count("Note: the critic expects +2.00 points") == 1


def test_a_run_s_folder_holds_what_is_needed_to_use_it(whole, online_job):
    expected(whole, online_job)
    names = {path.name for path in whole["run"].iterdir()}
    assert names == {
        "config.yaml",
        "model.safetensors",
        "agent.safetensors",
        "trainer.pt",
        "metrics.jsonl",
        "replay",
        "media",
        "wandb",
        "games.json",
        "curve.json",
        "report.html",
    }
    assert load_config(whole["run"] / "config.yaml", AgentConfig).env_steps == online_job.env_steps
    assert whole["games"]["greedy"]["games"] == whole["games"]["sampled"]["games"] == 2


def test_wandb_holds_the_same_numbers_over_real_steps_and_what_can_be_looked_at(
    whole, online_job, check_mirror, read_wandb
):
    run = expected(whole, online_job)["run"]
    pictures = check_mirror(run, real_steps=True, evaluated="real/score")
    charts = {"score", "reward", "value_and_return", "length", "error_on_its_own_behaviour", "error_over_the_horizon"}
    others = {"charts", "open_loop", "paths", "worst_windows", "final_dream"}
    assert pictures == {f"chart_{name}" for name in charts} | others
    records = read_wandb(run)
    artifacts = {record["artifact"]["name"]: record["artifact"] for record in records if "artifact" in record}
    held = {name: {entry["path"] for entry in one["manifest"]["contents"]} for name, one in artifacts.items()}
    assert held == {
        "whole-model": {"agent.safetensors", "model.safetensors", "config.yaml"},
        "whole-results": {"games.json", "curve.json", "metrics.jsonl", "report.html"},
    }
    (shown,) = [record["run"] for record in records if "run" in record]
    assert (shown["job_type"], shown["tags"]) == ("train_agent", ["rssm/PongFeatures-v0", "online agent"])
    assert "--online=true" in shown["notes"]


def test_uploading_without_a_key_is_refused_before_anything_is_done(online_job, monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(UserError, match=r"^log.wandb: online needs an account"):
        train_agent(dataclasses.replace(online_job, log=LogConfig(wandb="online")))
    assert not Path(online_job.run).exists()


def test_it_logs_what_the_dashboard_asks_of_an_agent(whole, online_job):
    logged = {name for row in expected(whole, online_job)["metrics"] for name in row}
    of_world_models = {name.replace("world/", "train/") for name in logged if name.startswith("world/")}
    asked = {metric for question in [*agent_questions(), *learning_questions()] for metric in question.lines}
    assert asked - of_world_models <= logged


@pytest.fixture
def offline_job(online_job, pong_data, tiny_sizes, tmp_path):
    """An offline run of five cycles, on a world model whose run is complete."""
    config = WorldModelConfig(run=str(tmp_path / "wm"), data=DataConfig(train=str(pong_data.path)))
    torch.manual_seed(0)
    model = WorldModel(
        online_job.model, PONG, FeatureStatistics.fit(pong_data.features, pong_data.action, pong_data.is_first)
    )
    save_config(config, tmp_path / "wm" / "config.yaml")
    save_model(tmp_path / "wm" / "model.safetensors", model, weights_of(model), {})
    train = dataclasses.replace(online_job.train, updates=9, evaluate_every=6)
    return dataclasses.replace(online_job, online=False, world_model=config.run, train=train)


def test_an_offline_run_that_was_killed_ends_as_if_it_had_not_been(offline_job, pong_data, tmp_path):
    moment = """
from agents.learning.learner import Learner
update = Learner.update
Learner.update = lambda self, model, chunk, number: die() if number == 7 else update(self, model, chunk, number)
"""
    killed = start(offline_job, DIE + moment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (Path(offline_job.run) / "trainer.pt").exists()
    train_agent(offline_job)
    train_agent(dataclasses.replace(offline_job, run=str(tmp_path / "again")))
    assert outcome(Path(offline_job.run)) == outcome(tmp_path / "again")
    steps = {row["env_steps"] for row in rows(tmp_path / "again") if "env_steps" in row}
    assert steps == {len(pong_data)}  # what the data cost, and not one more
    before, after = tmp_path / "wm" / "model.safetensors", tmp_path / "again" / "model.safetensors"
    assert weights_in(before) == weights_in(after)


def test_a_finished_run_goes_on_when_it_is_given_more_updates(offline_job):
    train_agent(offline_job)
    longer = dataclasses.replace(offline_job, train=dataclasses.replace(offline_job.train, updates=11))
    train_agent(longer)
    state = load_trainer(Path(offline_job.run) / "trainer.pt")
    assert state["update"] == 11
    assert load_config(Path(offline_job.run) / "config.yaml", AgentConfig) == longer
    shown = [row["update"] for row in rows(Path(offline_job.run)) if "train/actor" in row]
    assert shown == sorted(set(shown))  # no update was made twice
    assert shown[-1] == 11
    with pytest.raises(UserError, match=r"train\.updates: the run there was started with 11, not 9; .* more updates"):
        train_agent(offline_job)


def weights_in(path):
    return {name: value.tolist() for name, value in load_file(path).items()}


class TestRefusals:
    def refused(self, config):
        with pytest.raises(UserError) as caught:
            train_agent(config)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def test_a_world_model_that_is_not_there(self, offline_job, tmp_path):
        line = self.refused(dataclasses.replace(offline_job, world_model=str(tmp_path / "none")))
        assert line.startswith("world_model: expected the folder of a world model's run")
        assert not Path(offline_job.run).exists()

    def test_a_world_model_of_another_schema(self, offline_job, monkeypatch):
        monkeypatch.setattr("rssm.training.checkpoint.SCHEMA", 3)
        assert "expected schema 3, it was made for 2" in self.refused(offline_job)

    def test_data_of_a_game_with_sticky_actions(self, offline_job):
        line = self.refused(dataclasses.replace(offline_job, env=EnvConfig(repeat_action_probability=0.25)))
        assert line.startswith("env.repeat_action_probability: expected 0.0, as in the data set")

    def test_a_run_of_other_settings(self, offline_job):
        train_agent(offline_job)
        other = dataclasses.replace(offline_job, seed=3)
        assert "config.yaml: seed: the run there was started with 0, not 3" in self.refused(other)
        save_config(other, Path(offline_job.run) / "config.yaml")
        with pytest.raises(CheckpointError, match=r"trainer.pt: was trained with seed 0, not 3"):
            train_agent(other)


class TestTheCommandLine:
    def test_the_spellings_with_hyphens(self):
        config = parse(TRAIN_AGENT, ["--world-model", "runs/other", "--actor-critic.fire"])
        assert config == AgentConfig(world_model="runs/other", actor_critic=ActorCriticConfig(fire=True))
        with pytest.raises(UserError, match=r"^--env_steps: given twice"):
            parse(TRAIN_AGENT, ["--env-steps", "5000", "--env_steps", "6000"])

    def test_a_wrong_word_is_refused_with_exit_code_2(self):
        script = Path(__file__).resolve().parents[2] / "scripts" / "train_agent.py"
        process = subprocess.run(
            [sys.executable, script, "--env-steps", "many"], capture_output=True, text=True, timeout=60
        )
        assert process.returncode == EXIT_BAD_INPUT
        assert process.stderr == "error: --env_steps: expected a whole number, got many\n"
