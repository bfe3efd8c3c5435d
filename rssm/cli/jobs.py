"""The jobs. What a job does is imported when it is done, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from typing import Any

from rssm import ENV_ID
from rssm.cli.job import EXIT_BAD_INPUT, Job, run_job
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

#: by name; those of agents are in :mod:`agents.cli`
JOBS: dict[str, Job[Any]] = {
    job.name: job
    for job in (
        COLLECT,
        IMPORT_DATA,
        INSPECT_DATA,
        TRAIN_WM,
        EVALUATE,
        ABLATE,
        COMPARE,
        SUMMARIZE,
        MAKE_DASHBOARD,
    )
}


def start(name: str) -> int:
    """Do a job, this package's or that of our package ``agents``; returns the exit code."""
    if name in JOBS:
        return run_job(JOBS[name])
    try:
        own_agents()  # another package of that name may be installed beside it
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    from agents import cli

    return run_job(cli.JOBS[name])
