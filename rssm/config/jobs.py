"""Settings of the jobs beside training: recording games, importing them, scoring, comparing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rssm import ENV_ID
from rssm.config.data import STEPS
from rssm.config.game import check_players, find_game
from rssm.config.settings import SEEDS, WORKERS, Settings, check, group, required, setting
from rssm.config.world_model import EvalConfig


@dataclass(frozen=True)
class CollectConfig(Settings):
    """Play real games and keep them as a data set.

    Pong's players are tracking (follows the ball), random or sweeping (up and down), and what is changed about each:
    epsilon=0.1 (chance of a random action in each step; 0.5 where a tracking player does not say), rest (does nothing
    while no ball is in play), lag=3 (sees every frame so many steps late), hold=4 (keeps an action for a random
    stretch, so many steps on average), dead_zone=4 (pixels within which it does not move), aim=6 (meets the ball up to
    so many pixels off the paddle's centre). Several share the steps: "60% tracking, 40% tracking epsilon=0.1 rest".
    Other games have the random player alone.
    """

    out: str = required("folder of the new data set; must not exist yet", filled=True)
    steps: int = setting(100_000, "transitions to record, in agent steps", low=1, high=STEPS)
    games: int = setting(0, "whole games of each player to record instead; 0 goes by steps", low=0, high=10**6)
    players: str = setting("tracking", "who plays", filled=True)
    seed: int = setting(0, "fixes the games, whatever the number of workers", low=0, high=SEEDS)
    sticky: float = setting(0.0, "repeat-action probability of the game", low=0, high=1)
    noops: int = setting(30, "a game starts after 0 to this many NOOP console frames", low=0, high=10_000)
    workers: int = setting(
        0, "processes that play whole episodes side by side; 0 takes one per core", low=0, high=WORKERS
    )
    env_id: str = setting(ENV_ID, "gymnasium id of the game", filled=True)

    def check_together(self) -> None:
        check_players("players", self.players, find_game("env_id", self.env_id))

    def idle(self) -> Mapping[str, str]:
        settings = {"sticky": "env.repeat_action_probability", "noops": "env.noop_max"}
        nothing = find_game("env_id", self.env_id).idle
        idle = {own: f"in {self.env_id}" for own, key in settings.items() if key in nothing}
        return idle | ({"steps": "with games"} if self.games else {})


@dataclass(frozen=True)
class ImportConfig(Settings):
    """Turn somebody's recorded transitions into a data set."""

    input: str = required(
        ".npz file with obs (N,56), actions (N,), optional rewards (N,), episode_boundaries", filled=True
    )
    out: str = required("folder of the new data set; must not exist yet", filled=True)
    layout: Literal["pong", "jaxatari"] = setting("pong", "what the 14 features of obs are")


@dataclass(frozen=True)
class InspectConfig(Settings):
    """Say what is in a data set, after all its checksums were looked at."""

    data: str = required("folder of the data set", filled=True)
    gif: str = setting("", "file of an animation of its games; empty makes none")
    episode: int = setting(0, "index of the game that is shown", low=0, high=STEPS)
    steps: int = setting(300, "agent steps that are shown", low=1, high=100_000)
    minari: str = setting(
        "",
        "name of a Minari data set to export it to, such as pong/tracking-v0; it is written where Minari keeps its "
        "data sets (MINARI_DATASETS_PATH); empty exports nothing",
    )

    def idle(self) -> Mapping[str, str]:
        return {} if self.gif else dict.fromkeys(("episode", "steps"), "without gif")


@dataclass(frozen=True)
class EvalOverrides(Settings):
    """What to change of a run's own evaluation settings; -1 leaves the run's."""

    samples: int = setting(
        -1, "futures imagined per window, whose mean is the prediction; 0 predicts the mode", low=-1, high=10_000
    )
    bootstrap: int = setting(-1, "resamplings of the episodes for the 95 % interval", low=-1, high=10**6)
    off_policy_windows: int = setting(
        -1, "windows from cloned emulator states under random actions; 0 leaves them out", low=-1, high=10**6
    )
    action_blind_windows: int = setting(
        -1, "windows that are also predicted from the actions of other windows; 0 leaves them out", low=-1, high=10**6
    )
    floor_futures: int = setting(
        -1, "emulator futures per window that measure the irreducible error; 0 leaves the floor out", low=-1, high=10**4
    )
    floor_windows: int = setting(-1, "windows that the floor is measured on", low=-1, high=10**6)
    survival_every: int = setting(
        -1, "steps between the starts of long rollouts; 0 leaves them out", low=-1, high=10**6
    )
    calibration_windows: int = setting(
        -1,
        "windows on which the spread of the futures is held against their error; 0 leaves it out",
        low=-1,
        high=10**6,
    )
    calibration_samples: int = setting(-1, "futures of each of these", low=-1, high=10_000)
    seed: int = setting(-1, "of the bootstrap, the sampled futures and the off-policy actions", low=-1, high=SEEDS)

    def check_together(self) -> None:
        self.over(EvalConfig())

    def over(self, own: EvalConfig) -> EvalConfig:
        """A run's own settings with these changes."""
        return replace(own, **{key: value for key, value in vars(self).items() if value != -1})


@dataclass(frozen=True)
class EvaluateConfig(Settings):
    """Score a run's world model on a data set.

    Scored as its training did, on its own held-out data with its own settings, the run's openloop.json is written
    anew. Anything else goes into a file of its own; games that the run was trained on are refused.
    """

    run: str = setting(
        "",
        "folder of the run, or the name of shipped weights; empty takes the shipped ones, whose results go into "
        "runs/NAME",
    )
    data: str = setting("", "folder of the data set; empty takes the run's own held-out data")
    role: Literal["auto", "held-out", "development", "test", "other"] = setting(
        "auto",
        "what the data are to the model, for the record; auto says held-out of the run's own data and other of "
        "anything else",
    )
    others: str = setting(
        "",
        "folders of games by other players, separated by commas; empty takes the run's own where data is empty too",
    )
    test: bool = setting(
        False,
        "score on the test set instead (collected when first asked for), games of other players included; the results "
        "go into openloop-test.json",
    )
    json: str = setting(
        "",
        "file to write the results to; empty writes openloop-NAME.json into the run, NAME being that of the data's "
        "folder (openloop.json where nothing differs from the run's own evaluation)",
    )
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    threads: int = setting(0, "of torch on the CPU; 0 takes the physical cores, four at most", low=0, high=WORKERS)
    eval: EvalOverrides = group(EvalOverrides)

    def check_together(self) -> None:
        for key in ("data", "others"):
            value = getattr(self, key)
            check(not (self.test and value), f"{key}: expected nothing beside test, got {value}")


@dataclass(frozen=True)
class AblationConfig(Settings):
    """Train variants that change one thing, in the same time, and print and write a table."""

    rows: str = setting("", "names of presets, separated by commas; empty takes the default and every preset")
    presets: str = setting("", "folder of the presets, each of which changes only what it names; empty takes ours")
    seconds: float = setting(
        300.0,
        "of each training, CPU time or, on an accelerator, wall time: each row stops by the clock, and its learning "
        "rate follows the share of the time that is spent",
        above=0,
        high=10**7,
    )
    seeds: int = setting(1, "trainings per row", low=1, high=1_000)
    threads: int = setting(1, "of torch on the CPU; 0 takes the physical cores, four at most", low=0, high=WORKERS)
    runs: str = setting(
        "runs/ablation",
        "folder of the results of each training; those that are there are not trained again",
        filled=True,
    )
    out: str = setting(
        "runs/results",
        "folder of the table; docs/results publishes it, and never over rows that it lacks",
        filled=True,
    )
    name: str = setting("ablation", "of the table's files", name=True)


@dataclass(frozen=True)
class BenchmarkConfig(Settings):
    """Time updates, imagination and real play on this machine; nothing else should run beside it."""

    updates: int = setting(30, "timed updates of each variant", low=3, high=10_000)
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    instructions: Literal["all", "avx2"] = setting(
        "all", "avx2 makes a newer processor compute as a common one does; auto is then the CPU"
    )
    out: str = setting("runs/results", "folder of the table; docs/results publishes it", filled=True)
    name: str = setting("speed", "of the table's files", name=True)

    def check_together(self) -> None:
        check(
            self.instructions == "all" or self.device in ("auto", "cpu"),
            f"instructions: expected all, avx2 is of a processor and device is {self.device}",
        )


@dataclass(frozen=True)
class ResultsConfig(Settings):
    """Print and write one table over several runs of the same job, such as its seeds."""

    runs: str = required("folders of evaluated runs, separated by commas", filled=True)
    name: str = setting("summary", "of the table's files", name=True)
    title: str = setting("", "of the page; empty takes the name")
    command: str = setting("", "that made each run, for the record; empty takes it from the first run's settings")
    result: str = setting(
        "openloop.json",
        "file of each run that is read: its own evaluation, or one of other data (openloop-NAME.json)",
        name=True,
    )
    out: str = setting(
        "runs/results",
        "folder of the table; docs/results publishes it, and never over rows that it lacks",
        filled=True,
    )


@dataclass(frozen=True)
class DashboardConfig(Settings):
    """Make wandb's workspace and report of a project: charts of several lines, sections, animations, final numbers."""

    project: str = setting("pong-rssm", "wandb project", filled=True)
    entity: str = setting("", "wandb user or team; empty takes that of the key")
    env_id: str = setting(ENV_ID, "gymnasium id of the game, whose events and features have a line each", filled=True)
    dry_run: bool = setting(False, "print what would be made, as JSON; needs no account")

    def check_together(self) -> None:
        find_game("env_id", self.env_id)
