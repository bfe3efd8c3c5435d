"""The charts of a run over its training, one for each question: all that belongs together is on one chart.

The same charts are drawn as pictures (:mod:`rssm.dashboard.pictures`) and are panels of the workspace
(:mod:`rssm.dashboard.workspace`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rssm.config import HORIZON
from rssm.dashboard.names import AGENT, IMAGINED, LOSSES, SYSTEM
from rssm.game import Game

_LAST, _LAST_STEP = f"k{HORIZON - 1}", f"k = {HORIZON - 1}"


@dataclass(frozen=True)
class Question:
    """A chart over the training.

    Attributes:
        name: of the chart.
        title: what is drawn, with its unit.
        lines: what each line is called, by the name of its metric in ``metrics.jsonl``.
        section: that it stands in.
        log: whether the vertical axis is logarithmic.
        needs: a family of metrics without which there is no such question: some are only measured with sticky actions,
            or where the game can be played again.
    """

    name: str
    title: str
    lines: Mapping[str, str]
    section: str = IMAGINED
    log: bool = True
    needs: str = ""


def error_unit(game: Game) -> str:
    """What a squared error of the game's positions is counted in."""
    return "px²" if game.in_pixels else "squared units"


def world_model_questions(game: Game) -> list[Question]:
    """What is asked of a world model in training."""
    unit = error_unit(game)
    length = "px" if game.in_pixels else "units"
    return [
        Question(
            "model and baselines",
            f"squared error at {_LAST_STEP}, {unit}",
            {
                f"openloop/constant_velocity_{_LAST}": "constant velocity",
                f"openloop/persistence_{_LAST}": "persistence",
                f"openloop/mse_{_LAST}": "model, mean",
                f"openloop/median_{_LAST}": "model, median",
                f"floor/mse_{_LAST}": "floor",
            },
        ),
        Question("error at each step", f"mean squared error, {unit}", _steps("openloop/mse")),
        Question(
            "error by event",
            f"squared error at {_LAST_STEP} by what happens, {unit}",
            {f"events/{name}": name.replace("_", " ") for name in game.events},
        ),
        Question(
            "error by feature",
            f"squared error at {_LAST_STEP} of each feature, squared units",
            {f"features/{game.layout.features[i]}": game.layout.features[i] for i in game.layout.seen},
        ),
        Question(
            "distance",
            f"mean distance at {_LAST_STEP}, {length}",
            {f"distance/{name}": name for name in game.positions},
        ),
        Question(
            "off policy",
            f"squared error under random actions, {unit}",
            {
                f"off_policy/mse_{_LAST}": f"random actions, {_LAST}",
                f"openloop/mse_{_LAST}": f"recorded actions, {_LAST}",
                "off_policy/mse_k0": "random actions, k0",
                "openloop/mse_k0": "recorded actions, k0",
            },
            needs="off_policy/",
        ),
        Question("calibration", "spread of the futures over their error (1 is right)", _steps("calibration/ratio")),
        Question(
            "sticky floor",
            f"squared error and the least that is possible, {unit}",
            {
                f"openloop/mse_{_LAST}": f"model, {_LAST}",
                f"floor/mse_{_LAST}": f"floor, {_LAST}",
                "openloop/mse_k0": "model, k0",
                "floor/mse_k0": "floor, k0",
            },
            needs="floor/",
        ),
    ]


def agent_questions() -> list[Question]:
    """What is asked of an agent in training; the second to fourth hold its dreams against the real game."""
    return [
        Question(
            "score",
            "points a game",
            {
                "real/score": "greedy",
                "real/sampled_score": "sampled",
                "real/played_score": "while it collects",
            },
            AGENT,
            log=False,
        ),
        Question(
            "reward",
            f"points in {HORIZON} steps of the same actions",
            {"imagination/reward": "imagined", "real/reward": "real"},
            log=False,
        ),
        Question(
            "value and return",
            "points to come, discounted",
            {
                "imagination/value": "the critic's value",
                "real/value": "real return",
                "imagination/return": "imagined return",
            },
            log=False,
        ),
        Question(
            "length",
            f"steps that the game lasts, of {HORIZON}",
            {"imagination/steps": "imagined", "real/steps": "real"},
            log=False,
        ),
        Question("error on its own behaviour", "mean squared error, squared units", _steps("imagination/error")),
    ]


def learning_questions() -> list[Question]:
    """How a training goes, whatever it trains."""
    world = ("loss", "open_loop", "reconstruction", "dynamics", "representation", "reward", "continue")
    return [
        Question("world model's losses", "nats", {f"train/{name}": name for name in world}, LOSSES),
        Question("online world model's losses", "nats", {f"world/{name}": name for name in world}, LOSSES),
        Question("critic's loss", "nats", {"train/critic": "critic"}, LOSSES),
        Question("actor's loss", "loss", {"train/actor": "actor"}, LOSSES, log=False),
        Question("entropy", "nats", {"train/entropy": "entropy"}, AGENT, log=False),
        Question(
            "value, return and reward in imagination",
            "points",
            {
                "train/value": "value",
                "train/return": "return",
                "train/imagined_reward": "reward",
            },
            AGENT,
            log=False,
        ),
        Question(
            "gradients",
            "norm",
            {
                "train/gradient_norm": "world model",
                "world/gradient_norm": "online world model",
                "train/actor_gradient_norm": "actor",
                "train/critic_gradient_norm": "critic",
            },
            SYSTEM,
        ),
        Question(
            "learning rates",
            "learning rate",
            {
                "train/learning_rate": "world model",
                "world/learning_rate": "online world model",
                "train/actor_learning_rate": "actor",
                "train/critic_learning_rate": "critic",
            },
            SYSTEM,
        ),
    ]


def _steps(metric: str) -> dict[str, str]:
    return {f"{metric}_k{k}": f"k = {k}" for k in range(HORIZON)}
