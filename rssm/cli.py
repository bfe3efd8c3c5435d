"""The jobs and their entry points. What a job does is imported when it is done, so that ``--help`` answers at once."""

from __future__ import annotations

import sys

from rssm import ENV_ID
from rssm.command import EXIT_BAD_INPUT, EXIT_INTERRUPTED, Job, parse, run_job
from rssm.config import (
    AblationConfig,
    CollectConfig,
    DashboardConfig,
    EvaluateConfig,
    ImportConfig,
    InspectConfig,
    ResultsConfig,
    WorldModelConfig,
)
from rssm.errors import UserError
from rssm.ladder.config import CompareConfig
from rssm.places import own_agents

__all__ = ["EXIT_BAD_INPUT", "EXIT_INTERRUPTED", "Job", "parse", "run_job"]


def _collect(config: CollectConfig) -> None:
    from rssm.data.collect import collect
    from rssm.training.memory import refuse_collection

    refuse_collection(config)
    collect(config)


def _import(config: ImportConfig) -> None:
    from rssm.game import load_game

    load_game(ENV_ID).import_data(config)  # the only one that others have recorded


def _inspect(config: InspectConfig) -> None:
    from rssm.data.inspection import inspect_data

    inspect_data(config)


def _train(config: WorldModelConfig) -> None:
    from rssm.jobs.train import train_world_model

    train_world_model(config)


def _evaluate(config: EvaluateConfig) -> None:
    from rssm.jobs.evaluate import evaluate_run

    evaluate_run(config)


def _ablate(config: AblationConfig) -> None:
    from rssm.ladder.ablation import ablate

    ablate(config)


def _compare(config: CompareConfig) -> None:
    from rssm.ladder.compare import compare

    compare(config)


def _summarize(config: ResultsConfig) -> None:
    from rssm.report.results import summarize

    summarize(config)


def _make_dashboard(config: DashboardConfig) -> None:
    from rssm.dashboard.workspace import make_dashboard

    make_dashboard(config)


COLLECT = Job("collect", CollectConfig, _collect, "--out data/random --steps 20000 --players random")
IMPORT_DATA = Job("import_data", ImportConfig, _import, "--input recording.npz --out data/recording --layout jaxatari")
INSPECT_DATA = Job("inspect_data", InspectConfig, _inspect, "--data data/random --gif random.gif")
TRAIN_WM = Job("train_wm", WorldModelConfig, _train, "--config debug --run runs/first --seed 1")
EVALUATE = Job("evaluate", EvaluateConfig, _evaluate, "--run runs/wm --data data/other --json other.json")
ABLATE = Job("ablate", AblationConfig, _ablate, "--rows default,huber --seconds 60")
COMPARE = Job("compare", CompareConfig, _compare, "--rows gru,rssm --budget 120 --seeds 3")
SUMMARIZE = Job("summarize", ResultsConfig, _summarize, "--runs runs/wm,runs/wm-1 --name pong")
MAKE_DASHBOARD = Job("make_dashboard", DashboardConfig, _make_dashboard, "--dry-run")


def collect() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(COLLECT)


def import_data() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(IMPORT_DATA)


def inspect_data() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(INSPECT_DATA)


def train_wm() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(TRAIN_WM)


def evaluate() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(EVALUATE)


def ablate() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(ABLATE)


def compare() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(COMPARE)


def summarize() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(SUMMARIZE)


def make_dashboard() -> int:
    """See :mod:`rssm.commands`."""
    return run_job(MAKE_DASHBOARD)


def train_agent() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("train_agent")


def evaluate_agent() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("evaluate_agent")


def summarize_agents() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("summarize_agents")


def play() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("play")


def benchmark() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("benchmark")


def export() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("export")


def report() -> int:
    """See :mod:`rssm.commands`."""
    return _agents_job("report")


def _agents_job(name: str) -> int:
    """Do a job of this project's package ``agents``; another package of that name may be installed beside it."""
    try:
        own_agents()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    from agents import cli

    jobs = {
        "train_agent": cli.train_agent,
        "evaluate_agent": cli.evaluate_agent,
        "summarize_agents": cli.summarize_agents,
        "play": cli.play,
        "benchmark": cli.benchmark,
        "export": cli.export,
        "report": cli.report,
    }
    return jobs[name]()
