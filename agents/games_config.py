"""Settings of what is done with finished agents: having them play, and putting their scores into one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config import Settings, check, required, setting
from rssm.config.settings import SEEDS, WORKERS


@dataclass(frozen=True)
class EvaluateAgentConfig(Settings):
    """Have a run's agent play real games to 21."""

    run: str = setting(
        "",
        "folder of the run, or the name of shipped weights; empty takes the shipped ones, whose results go into "
        "runs/NAME",
    )
    games: int = setting(30, "that each policy plays", low=1, high=10_000)
    greedy: bool = setting(
        False,
        "take the likeliest action; without this, sampled and planned the greedy and then the sampled policy play",
    )
    sampled: bool = setting(False, "draw actions from the policy")
    planned: bool = setting(False, "try every move in imagination before one is made; about ten times slower")
    rollouts: int = setting(8, "imagined trajectories of each move, where moves are planned", low=1, high=10_000)
    sticky: float = setting(
        -1.0, "repeat-action probability of the games; -1 takes that of the run's own", low=-1, high=1
    )
    noops: int = setting(
        -1,
        "games start after 0 to this many no-ops of the console, 120 shifts the starts that a run has seen by up to "
        "thirty steps; -1 takes the run's own",
        low=-1,
        high=10_000,
    )
    enemy: Literal["own", "normal", "lazy", "late"] = setting(
        "own",
        "another enemy, without further training: lazy rests while the ball flies away from it, late until the ball "
        "that comes is past the middle; own is the run's own",
    )
    states: int = setting(
        0,
        "moments of the sampled games that are imagined from and played on for real, which shows whether the world "
        "model still holds in games by another enemy; 0 leaves it out",
        low=0,
        high=10_000,
    )
    data: str = setting(
        "", "folder of recorded games on which the reward and continue heads are scored as well; empty leaves it out"
    )
    json: str = setting(
        "",
        "file to write the results to; empty puts them into the run's games.json, beside the games of other policies, "
        "or, where game or seed differ from those there, into games-WHAT.json",
    )
    seed: int = setting(
        -1,
        "of the games and the sampled actions; -1 takes that of the games at the end of the run's training",
        low=-1,
        high=SEEDS,
    )
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    threads: int = setting(1, "of torch on the CPU; 0 takes the physical cores, four at most", low=0, high=WORKERS)
    workers: int = setting(
        1,
        "1 plays the games of one policy in a process of their own beside those of the others, 0 one after the other; "
        "the games are the same",
        low=0,
        high=1,
    )

    def check_together(self) -> None:
        check(
            self.sticky == -1.0 or self.sticky >= 0.0,
            f"sticky: expected a probability, or -1 (the run's own), got {self.sticky}",
        )
        check(
            self.states == 0 or self.sampled or not (self.greedy or self.planned),
            f"states: expected 0, or sampled among what plays: moments are drawn from its games, got {self.states}",
        )

    def idle(self) -> Mapping[str, str]:
        return {} if self.planned else {"rollouts": "without planned"}


@dataclass(frozen=True)
class AgentResultsConfig(Settings):
    """Put the runs of one job, a seed each, into the table and the picture of all jobs, and print the table."""

    runs: str = required("folders of evaluated runs, separated by commas", filled=True)
    name: str = required("of the job; one that is in the table is replaced", filled=True)
    command: str = required("that made each run, for the record")
    title: str = setting("", "what the table calls the job; empty takes the name")
    out: str = setting(
        "runs/results",
        "folder of the table; what it says of other jobs is kept; docs/results publishes it",
        filled=True,
    )
