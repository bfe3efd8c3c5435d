"""One table and one picture over the runs of all the agents' jobs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agents.checkpoint import AGENT_FILE
from agents.config import AgentConfig
from agents.games_config import AgentResultsConfig
from agents.play.record import read_games
from agents.play.scores import GAMES_FILE, PLANNED, POLICIES, WAYS
from agents.report import along, elsewhere
from agents.report.along import Curve, mean_curve
from agents.report.results_page import kind, page, table
from agents.report.seeds import SCORES, scores_of
from rssm.config.yaml_file import load_config
from rssm.errors import UserError
from rssm.evaluation.provenance import lookup, refuse_copies, refuse_unlike
from rssm.report.charts import curves
from rssm.report.drawing import COLOURS, Line, to_png
from rssm.report.history import read_history
from rssm.report.publish import publish
from rssm.report.tables import text
from rssm.storage.shape import ANYTHING, COUNT, FLAG, NUMBER, TEXT, ListOf, MapOf, Record, read_json
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.training.checkpoint import TRAINER_FILE, training_seconds
from rssm.training.run_folder import CONFIG_FILE, difference

NAME, PICTURE_FILE = "agent", "learning_curve.png"
_JOBS = MapOf(
    Record(
        {
            "command": TEXT,
            "title": TEXT,
            "online": FLAG,
            "env": Record({"repeat_action_probability": NUMBER}, {"id": TEXT}),
            "code": ListOf(TEXT),
            "env_steps": COUNT,
            "wall_seconds": NUMBER,
            **dict.fromkeys(POLICIES, SCORES),
            "curves": ListOf(ListOf(ListOf(NUMBER, 2), least=1), least=1),
        },
        {PLANNED: SCORES, "settings": MapOf(ANYTHING), "along": along.SHAPE, "elsewhere": elsewhere.SHAPE},
    )
)
#: what the curves show
_SCORE = "real/sampled_score"


def summarize_agents(config: AgentResultsConfig) -> None:
    """Read the runs of one job, a seed each, put them into the table and the picture of all jobs, and print the table.

    Raises:
        UserError: a run has not been evaluated with both policies, the runs are not of one job, the job's name says
            what they are not, or the table that is there cannot be read.
    """
    runs = [Path(run) for run in config.runs.split(",") if run]
    if not runs:
        raise UserError("runs: expected folders of runs, separated by commas; got none")
    out = Path(config.out)
    jobs = _read_jobs(out / f"{NAME}.json")
    job = read_job(runs, config.command, config.title or config.name)
    _refuse_misnamed(config.name, job, jobs.get(config.name))
    jobs |= {config.name: job}
    files = publish(out, NAME, jobs, page(jobs, PICTURE_FILE), {PICTURE_FILE: _picture(jobs)})
    print("\n".join(text(*table(jobs, seeds=False))))
    print(f"written: {', '.join(map(str, files))}")


def read_job(runs: Sequence[Path], command: str, title: str) -> dict[str, Any]:
    """What ``agent.json`` says of a job: ``command``, ``title``, ``settings`` of the first run (what the others have
    too, but for seeds and names), ``online`` (or from recorded data), ``env`` of its games, ``code`` that they were
    played with, ``env_steps``, ``wall_seconds`` (the mean of the runs), for each policy the mean score of each seed and
    the games that each played, and ``curves``, one per seed. The planned policy is there if the runs have games of it:
    all or none.

    Raises:
        UserError: a file is missing, or the runs differ in what must be the same.
    """
    names = [str(run) for run in runs]
    files = [str(run / GAMES_FILE) for run in runs]
    games = [_read_games(run / GAMES_FILE) for run in runs]
    trained = [load_config(run / CONFIG_FILE, AgentConfig) for run in runs]
    _refuse_unlike(names, trained)
    refuse_unlike(files, games, {"env": "game"})
    refuse_copies(
        names, [str(lookup(g, "weights.agent", f, "agent")) for f, g in zip(files, games, strict=True)], AGENT_FILE
    )
    own = asdict(trained[0].env)
    for key in ("frameskip", "repeat_action_probability", "enemy"):
        if games[0]["env"][key] != own[key]:
            raise UserError(f"{files[0]}: env.{key}: expected games as the run was trained on, {own[key]}")
    policies = [name for name in WAYS if any(name in result for result in games)]
    for file, result in zip(files, games, strict=True):
        for name in policies:
            lookup(result, name, file, f"{name} games")
    counts = [{name: result[name]["games"] for name in policies} for result in games]
    history = [_read_curve(run / METRICS_FILE) for run in runs]
    steps = [last for last, _ in history]
    _same(runs, "real steps", steps)
    _same(runs, "games of each policy", counts)
    return {
        "command": command,
        "title": title,
        "settings": asdict(trained[0]),
        "online": trained[0].online,
        "env": games[0]["env"],
        "code": sorted({result[name]["code"] for result in games for name in policies}),
        "env_steps": steps[0],
        "wall_seconds": statistics.fmean(training_seconds(run / TRAINER_FILE) for run in runs),
        **{name: _scores([result[name] for result in games]) for name in policies},
        "curves": [curve for _, curve in history],
        "along": along.read_along(runs),
        "elsewhere": elsewhere.read_elsewhere(runs),
    }


def _scores(games: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One policy's games of all runs."""
    scores = scores_of(games)
    if all("finished" in part for part in games):
        scores["stopped"] = sum(part["games"] - part["finished"] for part in games)
    return scores


def _same(runs: Sequence[Path], what: str, values: Sequence[Any]) -> None:
    for run, value in zip(runs, values, strict=True):
        if value != values[0]:
            raise UserError(f"{run}: expected the {what} of {runs[0]}, {values[0]}; got {value}")


def _refuse_unlike(names: Sequence[str], trained: Sequence[AgentConfig]) -> None:
    """Refuse runs that were trained with other settings than the seed (and, offline, the world model of that seed)."""
    for name, config in zip(names, trained, strict=True):
        first, other = (asdict(one) | {"seed": 0, "world_model": "", "data": ""} for one in (trained[0], config))
        found = difference(other, first)
        if found is not None:
            raise UserError(f"{name}: expected the {found[0]} of {names[0]}, {found[2]}; got {found[1]}")


def _refuse_misnamed(name: str, job: Mapping[str, Any], there: Mapping[str, Any] | None) -> None:
    learned = kind(job)
    if {"online": "offline", "offline": "online"}[learned] in name.lower():
        raise UserError(f"name: expected a name for runs that learned {learned}, got {name}")
    if there is not None and (kind(there), _game(there)) != (learned, _game(job)):
        raise UserError(
            f"name: {name} is a job that learned {kind(there)} with {_game(there)} in the table there; these runs "
            f"learned {learned} with {_game(job)}: expected another name"
        )


def _game(job: Mapping[str, Any]) -> str:
    sticky = job["env"]["repeat_action_probability"]
    return f"sticky actions {sticky:g}" if sticky else "no sticky actions"


def _read_jobs(path: Path) -> dict[str, Any]:
    """The table that is there; none is an empty one."""
    if not path.exists():
        return {}
    return read_json(path, "the table of earlier jobs", _JOBS)


def _read_games(path: Path) -> dict[str, Any]:
    result = read_games(path)
    for key, what in (("env", "game"), ("weights", "agent")):
        lookup(result, key, str(path), what)
    missing = [name for name in POLICIES if name not in result]
    if missing:
        names = " and ".join(POLICIES)
        raise UserError(f"{path}: expected {names} games; those of the {missing[0]} policy are missing")
    return result


def _read_curve(path: Path) -> tuple[int, Curve]:
    """The real steps at a run's end, and its evaluations while they went up (offline, only the last).

    Of the policy as it plays while it learns, its actions drawn: without sticky actions a greedy one plays some 31
    games over and over, and its score jumps by ten points from one evaluation to the next.
    """
    rows = [row for row in read_history(path) if row.get("env_steps") is not None]
    scores = {row["env_steps"]: row[_SCORE] for row in rows if row.get(_SCORE) is not None}
    if not scores:
        raise UserError(f"{path}: expected at least one evaluation in real games ({_SCORE}), found none")
    return rows[-1]["env_steps"], sorted(scores.items())


def _picture(jobs: Mapping[str, Any]) -> bytes:
    """Score against real steps: every seed thin, their mean strong."""
    lines = []
    for number, job in enumerate(jobs.values()):
        colour = COLOURS[number % len(COLOURS)]
        lines += [Line("", curve, colour, width=0.5) for curve in job["curves"]]
        mean = mean_curve(job["curves"])
        lines.append(Line(job["title"], mean, colour, width=1.8, marker="o" if len(mean) == 1 else ""))
    return to_png(curves(lines, "score in real games (sampled), points", "real agent steps", log=False))
