"""The record of an agent's games: which agent played which game, from which seeds, and how it acted."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agents.checkpoint import AGENT_FILE
from agents.play.scores import GAMES_FILE, WAYS
from rssm.config import EnvConfig
from rssm.errors import UserError
from rssm.storage.files import file_checksum
from rssm.storage.shape import ANYTHING, COUNT, NUMBER, TEXT, WHOLE, ListOf, MapOf, Maybe, Record, read_json
from rssm.system.device import processor
from rssm.training.checkpoint import MODEL_FILE

#: the scores along a training, one entry for each evaluation
CURVE_FILE = "curve.json"
#: what a file's name says of a setting
_POLICY = Record(
    {"games": COUNT, "mean": NUMBER, "code": TEXT},
    {
        **dict.fromkeys(("standard_error", "min", "median", "wins", "length"), NUMBER),
        "acted": MapOf(ANYTHING),
        "finished": COUNT,
        "scores": ListOf(NUMBER),
        "lengths": ListOf(COUNT),
        "seeds": ListOf(WHOLE),
    },
)
#: as far as anything reads it; older files lack parts
_GAMES = Record(
    {},
    {
        "env": Maybe(
            Record(
                {"frameskip": COUNT, "repeat_action_probability": NUMBER},
                {"id": TEXT, "enemy": TEXT, "noop_max": COUNT, "max_episode_steps": COUNT, "stack": COUNT},
            )
        ),
        "sticky": NUMBER,
        "seed": WHOLE,
        "weights": Record({}, {"agent": TEXT, "model": TEXT}),
        **dict.fromkeys(WAYS, _POLICY),
    },
)
_CURVE = Record({"points": ListOf(Record({"env_steps": COUNT}, dict.fromkeys(WAYS, _POLICY)))})
_SHORT = {"repeat_action_probability": "sticky", "noop_max": "noops"}


def identified(result: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """The scores of :func:`agents.play.scores.score_agent` with the weights that made them, and on which processor."""
    files = {"agent": AGENT_FILE, "model": MODEL_FILE}
    weights = {name: file_checksum(run / file) for name, file in files.items() if (run / file).is_file()}
    return {"weights": weights, "processor": processor(), **result}


def read_games(path: Path) -> dict[str, Any]:
    """What a file of games holds.

    Raises:
        UserError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: expected a run that scripts/evaluate_agent.py has scored; there is no such file")
    games = read_json(path, "an agent's games", _GAMES)
    if isinstance(games.get("env"), dict):
        # those of before there were other enemies had the console's own, and four frames were a stack
        games["env"] = {"enemy": "normal", "stack": 4, **games["env"]}
    return games


def read_curve(run: Path) -> list[dict[str, Any]]:
    """The scores along a run's training, an entry for each evaluation; none where no curve was kept.

    Raises:
        UserError: the file cannot be read, or is something else.
    """
    path = run / CURVE_FILE
    if not path.is_file():
        return []
    points: list[dict[str, Any]] = read_json(path, "the scores along a training", _CURVE)["points"]
    return points


def games_file(run: Path, env: EnvConfig, seed: int, own_env: EnvConfig, own_seed: int) -> Path:
    """Where games of a run's agent are kept: ``games.json`` where they are played as those that are there, or as the
    run's own where none are; else a file that is named by what differs.
    """
    there = read_games(run / GAMES_FILE) if (run / GAMES_FILE).is_file() else {}
    reference = (
        {**there["env"], "seed": there["seed"]}
        if there.keys() >= {"env", "seed"}
        else {**asdict(own_env), "seed": own_seed}
    )
    asked = {**asdict(env), "seed": seed}
    differing = named_by(reference, asked)
    return run / (f"games-{'-'.join(differing)}.json" if differing else GAMES_FILE)


def named_by(reference: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What a file's name says of the settings that differ from a reference."""
    return [f"{_SHORT.get(key, key)}_{value}" for key, value in asked.items() if value != reference.get(key)]


def merged(path: Path, result: dict[str, Any]) -> dict[str, Any]:
    """New scores beside those that a file holds of other policies: only of the same agent in the same games.

    What another agent made is left out, which is said: the run was trained on since.
    """
    if not path.is_file():
        return result
    there = read_games(path)
    for key in ("env", "seed", "weights"):
        if there.get(key) != result[key]:
            print(f"{path}: the games there are of another {key}, or do not say; they are replaced", file=sys.stderr)
            return result
    policies = {name: (result if name in result else there)[name] for name in WAYS if name in {*result, *there}}
    return there | result | policies
