"""What each number of ``metrics.jsonl`` is called in wandb: its section, its axis, and which of its values is the best.

wandb makes a section of what stands before the ``/`` of a name, so that a new project is in order before anybody has
touched it. This is the one place that knows both names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: the axes, under the same name in both places: optimiser updates, and real steps
UPDATES, REAL_STEPS = "update", "env_steps"
AXES = (UPDATES, REAL_STEPS)

#: the sections, in the order in which wandb sorts them
SECTIONS = IMAGINED, AGENT, LOSSES, SYSTEM = ("1 imagined vs real", "2 agent", "3 losses", "4 system")

#: what a run's final numbers begin with in ``metrics.jsonl``, and in wandb's summary of the run
FINAL_METRIC, FINAL_KEY = "summary/", "final/"

#: how fast it went and what it took; only in wandb, since a run that is made again has the same ``metrics.jsonl``
SYSTEM_KEYS = (f"{SYSTEM}/updates_per_second", f"{SYSTEM}/minutes", f"{SYSTEM}/peak_memory_mb")

Best = Literal["min", "max", "last"]

#: what metrics begin with: their section, what the name in wandb begins with, and which value the summary shows
_FAMILIES: dict[str, tuple[str, str, Best]] = {
    "openloop/": (IMAGINED, "", "min"),
    "events/": (IMAGINED, "event_", "min"),
    "features/": (IMAGINED, "feature_", "min"),
    "distance/": (IMAGINED, "distance_", "min"),
    "off_policy/": (IMAGINED, "off_policy_", "min"),
    "calibration/": (IMAGINED, "calibration_", "last"),
    "floor/": (IMAGINED, "floor_", "last"),
    "imagination/": (IMAGINED, "imagined_", "last"),
    "real/": (AGENT, "", "last"),
    "train/": (LOSSES, "", "min"),
    "world/": (LOSSES, "world_", "min"),
}

#: metrics that stand elsewhere than their family
_OTHERS: dict[str, tuple[str, str, Best]] = {
    **{f"real/{name}": (IMAGINED, f"real_{name}", "last") for name in ("reward", "value", "steps")},
    **{f"real/{name}": (AGENT, name, "max") for name in ("score", "sampled_score", "played_score")},
    **{
        f"train/{name}": (AGENT, name, "last")
        for name in (
            "advantage_size",
            "entropy",
            "imagined_end",
            "imagined_reward",
            "return",
            "return_range",
            "surprise",
            "value",
        )
    },
    "world/update": (SYSTEM, "world_update", "last"),
}
#: what is no loss, wherever it is logged
_SYSTEM_ENDS = ("learning_rate", "gradient_norm")
#: of the agent's families: the least is the best
_ERRORS = "imagination/error_k"
#: families that are about real play, which are drawn over real steps where these are counted
_PLAYED = ("real/", "imagination/")


@dataclass(frozen=True)
class Shown:
    """How wandb shows a metric.

    Attributes:
        key: its name there, ``SECTION/NAME``.
        axis: one of :data:`AXES`.
        best: which of its values the run's summary shows.
    """

    key: str
    axis: str
    best: Best


def shown(metric: str, real_steps: bool = False) -> Shown:
    """How a metric of ``metrics.jsonl`` is shown.

    Args:
        metric: its name, ``FAMILY/NAME``.
        real_steps: whether the run takes real steps while it learns, so that they are an axis.

    Raises:
        ValueError: it is of no family.
    """
    family, _, name = metric.partition("/")
    if f"{family}/" not in _FAMILIES:
        raise ValueError(f"metric: expected one of {', '.join(_FAMILIES)} before its name, got {metric}")
    section, start, best = _FAMILIES[f"{family}/"]
    label = start + name
    if metric in _OTHERS:
        section, label, best = _OTHERS[metric]
    elif name.endswith(_SYSTEM_ENDS):
        section, best = SYSTEM, "last"
    elif metric.startswith(_ERRORS):
        best = "min"
    axis = REAL_STEPS if real_steps and metric.startswith(_PLAYED) else UPDATES
    return Shown(f"{section}/{label}", axis, best)


def final_key(metric: str) -> str:
    """The name of a final number ``summary/NAME`` in wandb's summary."""
    return FINAL_KEY + metric.removeprefix(FINAL_METRIC)


def picture_key(name: str) -> str:
    """The name in wandb of a picture, an animation or a page; all of them hold imagined against real."""
    return f"{IMAGINED}/{name}"


def job_of(run: str, seed: int) -> str:
    """The name of a run without its seed: runs that differ in nothing else are one group (``wm-3`` is of ``wm``)."""
    for end in (f"-seed{seed}", f"_seed{seed}", f"-s{seed}", f"-{seed}", f"_{seed}"):
        if run.endswith(end) and run != end:
            return run.removesuffix(end)
    return run
