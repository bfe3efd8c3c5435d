import subprocess
import sys

import pytest

from agents.config import AgentResultsConfig, EvaluateAgentConfig
from rssm.cli import parse
from rssm.errors import UserError


def test_the_flags_of_evaluate_agent():
    words = "--run runs/a --games 5 --greedy --sticky 0.25 --json out.json"
    config = EvaluateAgentConfig("runs/a", games=5, greedy=True, sticky=0.25, json="out.json")
    assert parse(EvaluateAgentConfig, words.split()) == config
    assert parse(EvaluateAgentConfig, ["--sampled", "--run", "a"]) == EvaluateAgentConfig("a", sampled=True)


@pytest.mark.parametrize(
    ("config_class", "words", "message"),
    [
        (EvaluateAgentConfig, "--games 3", "--run: missing; expected text"),
        (EvaluateAgentConfig, "--run a --games 0", "--games: expected at least 1, got 0"),
        (EvaluateAgentConfig, "--run a --sticky 2", "--sticky: expected a probability, or -1 (the run's own), got 2.0"),
        (EvaluateAgentConfig, "--run a --greedy --greedy", "--greedy: given twice"),
        (AgentResultsConfig, "--runs a --command c", "--name: missing; expected text"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(config_class, words, message):
    with pytest.raises(UserError) as caught:
        parse(config_class, words.split())
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("job", ["train_agent", "evaluate_agent", "summarize_agents"])
def test_help_explains_settings_without_loading_torch(job):
    code = f"import sys; from agents.cli import {job}; assert {job}() == 0; assert 'torch' not in sys.modules"
    process = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    assert "--run" in process.stdout
