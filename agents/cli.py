"""The agents' jobs; see :mod:`rssm.cli.jobs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.config import ONLINE_PRESET, AgentConfig
from agents.games_config import AgentResultsConfig, EvaluateAgentConfig
from agents.show_config import ExportConfig, PlayDreamConfig, ReportConfig
from rssm.cli.job import Job
from rssm.config import BenchmarkConfig


def _train(config: AgentConfig) -> None:
    from agents.train_agent import train_agent

    train_agent(config)


def _evaluate(config: EvaluateAgentConfig) -> None:
    from agents.evaluate_agent import evaluate_agent

    evaluate_agent(config)


def _summarize(config: AgentResultsConfig) -> None:
    from agents.report.results import summarize_agents

    summarize_agents(config)


def _play(config: PlayDreamConfig) -> None:
    from agents.play_dream import play_dream

    play_dream(config)


def _benchmark(config: BenchmarkConfig) -> None:
    from agents.benchmark import benchmark

    benchmark(config)


def _export(config: ExportConfig) -> None:
    from agents.export import export

    export(config)


def _report(config: ReportConfig) -> None:
    from agents.report_run import report

    report(config)


def _base(given: Mapping[str, Any]) -> str | None:
    """Online runs have defaults of their own, wherever it is said that a run is one."""
    return ONLINE_PRESET if given.get("online", AgentConfig.online) else None


TRAIN_AGENT = Job("train_agent", AgentConfig, _train, "--world-model runs/wm --seed 1", _base)
EVALUATE_AGENT = Job("evaluate_agent", EvaluateAgentConfig, _evaluate, "--run runs/agent --games 30")
SUMMARIZE_AGENTS = Job(
    "summarize_agents",
    AgentResultsConfig,
    _summarize,
    '--runs runs/agent,runs/agent-1 --name offline --command "python scripts/train_agent.py --seed SEED"',
)
PLAY = Job("play", PlayDreamConfig, _play, "--run runs/agent")
BENCHMARK = Job("benchmark", BenchmarkConfig, _benchmark, "--updates 50")
EXPORT = Job("export", ExportConfig, _export, "--run runs/agent --html dream.html")
REPORT = Job("report", ReportConfig, _report, "--run runs/wm")

#: by name
JOBS: dict[str, Job[Any]] = {
    job.name: job for job in (TRAIN_AGENT, EVALUATE_AGENT, SUMMARIZE_AGENTS, PLAY, BENCHMARK, EXPORT, REPORT)
}
