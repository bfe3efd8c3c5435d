"""One table and one picture over the runs of all the agents' jobs: what ``docs/results/`` shows."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.config import AgentResultsConfig
from agents.play.scores import GAMES_FILE, PLANNED, PLANNED_FILE, POLICIES, WAYS
from rssm.errors import UserError
from rssm.files import replace_file, write_json
from rssm.report.charts import COLOURS, Line, curves, to_png
from rssm.tracker import METRICS_FILE
from rssm.training.checkpoint import TRAINER_FILE, load_trainer

#: the jobs, in the order of the table, and what to call them
TITLES = {
    "offline": "offline",
    "online_100k": "online",
    "online_100k_sticky": "online, sticky 0.25",
}
JSON_FILE, PAGE_FILE, PICTURE_FILE = "agent.json", "agent.md", "learning_curve.png"
_KEYS = {"command", "env_steps", "wall_seconds", *POLICIES, "curves"}
#: points; the table says after how many real steps the mean of the seeds reached them
_GOAL = 18.0
#: what the curves show
_SCORE = "real/sampled_score"

#: (real steps, mean score) of the evaluations of one run
Curve = list[tuple[int, float]]


def summarize_agents(config: AgentResultsConfig) -> None:
    """Read the runs of one job, a seed each, and write them into the table and the picture of all jobs.

    Raises:
        UserError: a run has not been evaluated with both policies, the runs are not of one job, or the table that is
            there cannot be read.
    """
    runs = [Path(run) for run in config.runs.split(",") if run]
    if not runs:
        raise UserError("runs: expected folders of runs, separated by commas; got none")
    out = Path(config.out)
    jobs = _read_jobs(out / JSON_FILE) | {config.name: read_job(runs, config.command)}
    jobs = {name: jobs[name] for name in TITLES if name in jobs}
    write_json(out / JSON_FILE, jobs)
    replace_file(out / PICTURE_FILE, lambda path: path.write_bytes(_picture(jobs)))
    replace_file(out / PAGE_FILE, lambda path: path.write_text(_page(jobs), encoding="utf-8"))


def read_job(runs: Sequence[Path], command: str) -> dict[str, Any]:
    """What ``agent.json`` says of a job: ``command``, ``env_steps``, ``wall_seconds`` (the mean of the runs), for each
    policy the mean score of each seed and the games that each played, and ``curves``, one per seed. The planned policy
    is there if the runs have games of it: all or none.

    Raises:
        UserError: a file is missing, or the runs differ in what must be the same.
    """
    games = [_read_games(run / GAMES_FILE, POLICIES) for run in runs]
    policies, sticky = list(POLICIES), [result["sticky"] for result in games]
    if any((run / PLANNED_FILE).exists() for run in runs):
        planned = [_read_games(run / PLANNED_FILE, [PLANNED]) for run in runs]
        games = [one | other for one, other in zip(games, planned, strict=True)]
        policies, sticky = [*policies, PLANNED], sticky + [result["sticky"] for result in planned]
    history = [_read_curve(run / METRICS_FILE) for run in runs]
    steps = [last for last, _ in history]
    counts = [{name: result[name]["games"] for name in policies} for result in games]
    _same(runs, "real steps", steps)
    _same(runs, "games of each policy", counts)
    _same([*runs, *runs][: len(sticky)], "sticky actions", sticky)
    return {
        "command": command,
        "env_steps": steps[0],
        "wall_seconds": statistics.fmean(float(load_trainer(run / TRAINER_FILE)["seconds"]) for run in runs),
        **{name: {"seeds": [result[name]["mean"] for result in games], "games": counts[0][name]} for name in policies},
        "curves": [curve for _, curve in history],
    }


def mean_curve(curves_of_seeds: Sequence[Curve]) -> Curve:
    """The mean of several curves where all of them have values, drawn straight between two evaluations."""
    first = max(curve[0][0] for curve in curves_of_seeds)
    last = min(curve[-1][0] for curve in curves_of_seeds)
    steps = sorted({step for curve in curves_of_seeds for step, _ in curve if first <= step <= last})
    points = [np.array(curve, np.float64) for curve in curves_of_seeds]  # (N, 2) each
    scores = [np.interp(steps, curve[:, 0], curve[:, 1]) for curve in points]
    return [(step, float(score)) for step, score in zip(steps, np.mean(scores, axis=0), strict=True)]


def steps_to(curve: Curve, score: float) -> int | None:
    """The real steps of the first evaluation that reached a score; None if none did."""
    return next((step for step, reached in curve if reached >= score), None)


def _same(runs: Sequence[Path], what: str, values: Sequence[Any]) -> None:
    for run, value in zip(runs, values, strict=True):
        if value != values[0]:
            raise UserError(f"{run}: expected the {what} of {runs[0]}, {values[0]}; got {value}")


def _read_jobs(path: Path) -> dict[str, Any]:
    """The table that is there; none is an empty one."""
    if not path.exists():
        return {}
    try:
        jobs = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: expected the table of earlier jobs as JSON ({error})") from None
    if not isinstance(jobs, dict):
        raise UserError(f"{path}: expected a JSON object with an entry for each job")
    for name, job in jobs.items():
        if name not in TITLES or not isinstance(job, dict) or not job.keys() >= _KEYS:
            raise UserError(f"{path}: {name}: expected one of {', '.join(TITLES)} with {', '.join(sorted(_KEYS))}")
    return jobs


def _read_games(path: Path, policies: Sequence[str]) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: expected a run that scripts/evaluate_agent.py has scored; there is no such file")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = [name for name in policies if name not in result]
    if missing:
        names = " and ".join(policies)
        raise UserError(f"{path}: expected {names} games; those of the {missing[0]} policy are missing")
    return {name: result[name] for name in ("sticky", *policies)}


def _read_curve(path: Path) -> tuple[int, Curve]:
    """The real steps at a run's end, and its evaluations while they went up (offline, only the last).

    Of the policy as it plays while it learns, its actions drawn: without sticky actions a greedy one plays some 31
    games over and over, and its score jumps by ten points from one evaluation to the next.
    """
    if not path.is_file():
        raise UserError(f"{path}: expected the metrics of a run; there is no such file")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "env_steps" in row]
    scores = {row["env_steps"]: row[_SCORE] for row in rows if row.get(_SCORE) is not None}
    if not scores:
        raise UserError(f"{path}: expected at least one evaluation in real games ({_SCORE}), found none")
    return rows[-1]["env_steps"], sorted(scores.items())


def _picture(jobs: Mapping[str, Any]) -> bytes:
    """Score against real steps: every seed thin, their mean strong."""
    lines = []
    for colour, (name, job) in zip(COLOURS, jobs.items(), strict=False):
        lines += [Line("", curve, colour, width=0.5) for curve in job["curves"]]
        mean = mean_curve(job["curves"])
        lines.append(Line(TITLES[name], mean, colour, width=1.8, marker="o" if len(mean) == 1 else ""))
    return to_png(curves(lines, "score in real games (sampled), points", "real agent steps", log=False))


def _page(jobs: Mapping[str, Any]) -> str:
    lines = [
        "# The agent in real games",
        "",
        "Points made less points lost, in real games to 21 against the console's own player. Every real step that an",
        "agent learned from is in its budget, random play and the world model's data included. Greedy and sampled: the",
        "policy alone. Planned: the same agent, which tries every move in imagination before it makes one. Games: of",
        "each seed; where the policies differ, greedy, sampled and planned.",
        "",
        "| | real steps | greedy | each seed | sampled | each seed | planned | each seed | games | training, min |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, job in jobs.items():
        cells = [TITLES[name], f"{job['env_steps']:,}"]
        for policy in WAYS:
            seeds = job[policy]["seeds"] if policy in job else []
            mean = f"**{statistics.fmean(seeds):+.2f}**" if seeds else "–"
            cells += [mean, ", ".join(f"{seed:+.2f}" for seed in seeds) or "–"]
        counts = [str(job[policy]["games"]) for policy in WAYS if policy in job]
        cells += [counts[0] if len(set(counts)) == 1 else " / ".join(counts), f"{job['wall_seconds'] / 60:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", f"![score against real steps]({PICTURE_FILE})", ""]
    lines += [
        "Thin: each seed, by the games that were played while it learned, actions drawn from the policy. Strong: the",
        "mean of the seeds.",
        "",
    ]
    for name, job in jobs.items():
        reached = steps_to(mean_curve(job["curves"]), _GOAL)
        if len(mean_curve(job["curves"])) > 1:
            when = "not reached" if reached is None else f"{reached:,}"
            lines.append(f"- {TITLES[name]}: real steps to a mean of {_GOAL:+.0f}: {when}")
    lines += ["", "Made by:", ""]
    lines += [f"- {TITLES[name]}: `{job['command']}`" for name, job in jobs.items()]
    return "\n".join(lines) + "\n"
