"""Settings of the jobs beside training: recording games, importing them, scoring, comparing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config.settings import SEEDS, WORKERS, Settings, group, required, setting
from rssm.config.world_model import STEPS, EvalConfig


@dataclass(frozen=True)
class CollectConfig(Settings):
    """Play real games and keep them as a data set."""

    out: str = required("folder of the new data set; must not exist yet", filled=True)
    steps: int = setting(100_000, "transitions to record, in agent steps", low=1, high=STEPS)
    policy: Literal["random", "tracking"] = setting(
        "tracking", "who plays: uniformly random actions, or a player that follows the ball"
    )
    epsilon: float = setting(0.5, "chance of a random action in each step (tracking)", low=0, high=1)
    seed: int = setting(0, "fixes the games, whatever the number of workers", low=0, high=SEEDS)
    sticky: float = setting(0.0, "repeat-action probability of the game", low=0, high=1)
    workers: int = setting(
        0, "processes that play whole episodes side by side; 0 takes one per core", low=0, high=WORKERS
    )

    def idle(self) -> Mapping[str, str]:
        return {"epsilon": "with policy random"} if self.policy == "random" else {}


@dataclass(frozen=True)
class ImportConfig(Settings):
    """Turn somebody's recorded transitions into a data set."""

    input: str = required(
        ".npz file with obs (N,56), actions (N,), optional rewards (N,), episode_boundaries", filled=True
    )
    out: str = required("folder of the new data set; must not exist yet", filled=True)
    layout: Literal["pong", "jaxatari"] = setting("pong", "what the 14 features of obs are")


@dataclass(frozen=True)
class EvaluateConfig(Settings):
    """Score a run's world model on a data set."""

    run: str = required("folder of the run", filled=True)
    data: str = setting("", "folder of the data set; empty takes the run's own held-out data")
    json: str = setting("", "file to write the results to; empty writes openloop.json into the run")
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    threads: int = setting(0, "of torch on the CPU; 0 leaves torch's choice", low=0, high=WORKERS)
    eval: EvalConfig = group(EvalConfig)


@dataclass(frozen=True)
class AblationConfig(Settings):
    """Train variants that change one thing, in the same time, and write a table."""

    rows: str = setting("", "names of presets, separated by commas; empty takes the default and every preset")
    presets: str = setting("", "folder of the presets, each of which changes only what it names; empty takes ours")
    seconds: float = setting(300.0, "CPU time of each training", above=0, high=10**7)
    seeds: int = setting(1, "trainings per row", low=1, high=1_000)
    threads: int = setting(1, "of torch on the CPU; 0 leaves torch's choice", low=0, high=WORKERS)
    runs: str = setting(
        "runs/ablation", "folder of the runs; rows that are already there are not trained again", filled=True
    )
    out: str = setting("docs/results", "folder of the table", filled=True)


@dataclass(frozen=True)
class ResultsConfig(Settings):
    """Write one table over several runs of the same job."""

    runs: str = required("folders of evaluated runs, separated by commas", filled=True)
    name: str = setting("pong", "of the table's files", name=True)
    title: str = setting("The default world model", "of the table")
    command: str = setting("python scripts/train_wm.py --seed SEED", "that made each run, for the record")
    out: str = setting("docs/results", "folder of the table", filled=True)
