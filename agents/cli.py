"""The command lines of the agents' jobs; see :mod:`rssm.cli`."""

from __future__ import annotations

import sys

from agents.config import AgentConfig, AgentResultsConfig, EvaluateAgentConfig
from agents.show_config import ExportConfig, PlayDreamConfig
from rssm.cli import run_job


def train_agent() -> int:
    """Entry point of ``rssm-train-agent`` and ``scripts/train_agent.py``; ``--online`` has defaults of its own."""
    default = "agent_online" if "--online" in sys.argv else "agent"
    return run_job(AgentConfig, "agents.train_agent:train_agent", default=default)


def evaluate_agent() -> int:
    """Entry point of ``rssm-evaluate-agent`` and ``scripts/evaluate_agent.py``."""
    return run_job(EvaluateAgentConfig, "agents.evaluate_agent:evaluate_agent")


def summarize_agents() -> int:
    """Entry point of ``rssm-summarize-agents`` and ``scripts/summarize_agents.py``."""
    return run_job(AgentResultsConfig, "agents.report.results:summarize_agents")


def play() -> int:
    """Entry point of ``rssm-play`` and ``scripts/play.py``."""
    return run_job(PlayDreamConfig, "agents.play_dream:play_dream")


def export() -> int:
    """Entry point of ``rssm-export`` and ``scripts/export.py``."""
    return run_job(ExportConfig, "agents.export:export")
