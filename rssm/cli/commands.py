"""The commands' entry points: signals first, then the rest, so that Ctrl-C is no traceback even while it is imported.

What each command does is said by the job of the same name in :mod:`rssm.cli.jobs` or :mod:`agents.cli`.
"""

from __future__ import annotations

import sys

from rssm.system.stopping import Stopped, watch_signals

EXIT_SYSTEM = 2


def benchmark() -> int:
    """Entry point of ``rssm-benchmark`` and ``scripts/benchmark.py``."""
    return _start("benchmark")


def collect() -> int:
    """Entry point of ``rssm-collect`` and ``scripts/collect.py``."""
    return _start("collect")


def import_data() -> int:
    """Entry point of ``rssm-import`` and ``scripts/import_data.py``."""
    return _start("import_data")


def inspect_data() -> int:
    """Entry point of ``rssm-inspect-data`` and ``scripts/inspect_data.py``."""
    return _start("inspect_data")


def train_wm() -> int:
    """Entry point of ``rssm-train`` and ``scripts/train_wm.py``."""
    return _start("train_wm")


def evaluate() -> int:
    """Entry point of ``rssm-evaluate`` and ``scripts/evaluate.py``."""
    return _start("evaluate")


def ablate() -> int:
    """Entry point of ``rssm-ablate`` and ``scripts/ablate.py``."""
    return _start("ablate")


def compare() -> int:
    """Entry point of ``rssm-compare`` and ``scripts/compare.py``."""
    return _start("compare")


def summarize() -> int:
    """Entry point of ``rssm-summarize`` and ``scripts/summarize.py``."""
    return _start("summarize")


def train_agent() -> int:
    """Entry point of ``rssm-train-agent`` and ``scripts/train_agent.py``."""
    return _start("train_agent")


def evaluate_agent() -> int:
    """Entry point of ``rssm-evaluate-agent`` and ``scripts/evaluate_agent.py``."""
    return _start("evaluate_agent")


def summarize_agents() -> int:
    """Entry point of ``rssm-summarize-agents`` and ``scripts/summarize_agents.py``."""
    return _start("summarize_agents")


def play() -> int:
    """Entry point of ``rssm-play`` and ``scripts/play.py``."""
    return _start("play")


def export() -> int:
    """Entry point of ``rssm-export`` and ``scripts/export.py``."""
    return _start("export")


def report() -> int:
    """Entry point of ``rssm-report`` and ``scripts/report.py``."""
    return _start("report")


def make_dashboard() -> int:
    """Entry point of ``rssm-make-dashboard`` and ``scripts/make_dashboard.py``."""
    return _start("make_dashboard")


def _start(name: str) -> int:
    """Do a job of :mod:`rssm.cli.jobs`; returns the exit code."""
    try:
        watch_signals()
        from rssm.cli import jobs

        return jobs.start(name)
    except Stopped as stop:  # before the job was there to say it
        print(stop, file=sys.stderr)
        return stop.exit_code
    except OSError as error:
        print(
            f"error: {error.filename or 'the command could not begin'}: {(error.strerror or '').lower()}",
            file=sys.stderr,
        )
        return EXIT_SYSTEM
