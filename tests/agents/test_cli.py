import shlex
import subprocess
import sys

import pytest

from agents.cli import EVALUATE_AGENT, SUMMARIZE_AGENTS, TRAIN_AGENT
from agents.games_config import EvaluateAgentConfig
from rssm.cli.job import parse
from rssm.errors import UserError


def test_the_flags_of_evaluate_agent():
    words = "--run runs/a --games 5 --greedy --sticky 0.25 --json out.json"
    config = EvaluateAgentConfig("runs/a", games=5, greedy=True, sticky=0.25, json="out.json")
    assert parse(EVALUATE_AGENT, words.split()) == config
    assert parse(EVALUATE_AGENT, ["--sampled", "--run", "a"]) == EvaluateAgentConfig("a", sampled=True)


@pytest.mark.parametrize(
    ("job", "words", "message"),
    [
        (EVALUATE_AGENT, "--run a --games 0", "--games: expected at least 1, got 0"),
        (EVALUATE_AGENT, "--run a --sticky 2", "--sticky: expected at most 1, got 2.0"),
        (EVALUATE_AGENT, "--run a --greedy --greedy", "--greedy: given twice"),
        (SUMMARIZE_AGENTS, "--runs a --command c", "--name: missing; expected text"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(job, words, message):
    with pytest.raises(UserError) as caught:
        parse(job, words.split())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_greedy_may_be_switched_off_and_on():
    assert parse(EVALUATE_AGENT, ["--run", "a", "--greedy", "true"]) == EvaluateAgentConfig("a", greedy=True)
    assert parse(EVALUATE_AGENT, ["--run", "a", "--greedy", "false"]) == EvaluateAgentConfig("a")


def test_rollouts_are_of_planned_games():
    assert parse(EVALUATE_AGENT, ["--run", "a", "--planned", "--rollouts", "3"]) == EvaluateAgentConfig(
        "a", planned=True, rollouts=3
    )
    with pytest.raises(UserError, match=r"^--rollouts: does nothing without planned; leave it out$"):
        parse(EVALUATE_AGENT, ["--run", "a", "--rollouts", "3"])


@pytest.mark.parametrize("job", [TRAIN_AGENT, EVALUATE_AGENT, SUMMARIZE_AGENTS])
def test_the_example_of_each_job_parses(job):
    assert isinstance(parse(job, shlex.split(job.example)), job.config)


@pytest.mark.parametrize("job", ["train_agent", "evaluate_agent", "summarize_agents"])
def test_help_explains_settings_without_loading_torch(job):
    code = f"import sys; from rssm.cli.commands import {job}; assert {job}() == 0; assert 'torch' not in sys.modules"
    process = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    assert "--run" in process.stdout
