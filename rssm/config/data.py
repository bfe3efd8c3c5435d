"""Settings of the data sets: who plays, how much, and which games are for what."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rssm.config.game import check_players
from rssm.config.settings import SEEDS, WORKERS, Settings, check, group, setting

#: transitions of a data set
STEPS = 10**8

#: half of the steps by the player that the headline is measured on, half by others that show what it never does; a
#: quarter begins when the game has waited up to 120 console frames, where the headline's wait at most 30
MIXTURE = (
    "50% tracking, 10% tracking rest, 10% tracking epsilon=0.1 rest, 10% tracking lag=3 noops=120, "
    "10% tracking hold=4 noops=120, 10% random noops=120"
)


@dataclass(frozen=True)
class OthersConfig(Settings):
    """Games by other players: does the model know the game, or the player that its data come from?"""

    path: str = setting("data/pong/others", "folder of these games", filled=True, before="data/pong/others")
    players: str = setting(
        "tracking rest, tracking epsilon=0.1, tracking lag=3, random, sweeping",
        "who plays; all have as many games",
        filled=True,
        before="random",
    )
    games: int = setting(
        2,
        "whole games of each, for tries; 0 leaves other players out of the evaluation",
        low=0,
        high=10_000,
        before=0,
    )
    noops: int = setting(
        120, "these games start after 0 to this many NOOP console frames", low=0, high=10_000, before=120
    )
    seed: int = setting(3, "of these games", low=0, high=SEEDS, before=3)

    def check_together(self) -> None:
        check_players("players", self.players)
        check("%" not in self.players, f"players: expected players without shares, got {self.players}")

    def idle(self) -> Mapping[str, str]:
        return {} if self.games else dict.fromkeys(("path", "players", "noops", "seed"), "with games 0")


@dataclass(frozen=True)
class SealedConfig(Settings):
    """The test set, for published figures: collected when first asked for (evaluate --test)."""

    path: str = setting(
        "data/pong/test", "folder of its two data sets, main and others", filled=True, before="data/pong/test"
    )
    games: int = setting(65, "whole games of the held-out player", low=1, high=10_000, before=65)
    other_games: int = setting(20, "whole games of each other player", low=1, high=10_000, before=20)
    seed: int = setting(4, "of the held-out player's games", low=0, high=SEEDS, before=4)
    others_seed: int = setting(5, "of the other players' games", low=0, high=SEEDS, before=5)


@dataclass(frozen=True)
class DataConfig(Settings):
    """The data sets of a run; each is collected first if its folder is not there.

    Validation games (part of the training data) steer a training, the held-out games and those of other players are
    for tries, and the test set gives the figures that are published. No game is in two of them: all seeds differ.
    """

    renamed: ClassVar[Mapping[str, tuple[str, ...]]] = {"policy": (), "epsilon": ()}

    train: str = setting("data/pong_million/train", "folder of the training data", filled=True)
    heldout: str = setting("data/pong/heldout", "folder of the data that is only ever evaluated on", filled=True)
    train_steps: int = setting(
        1_000_000,
        "transitions to collect for training; two cores play a million in some two minutes",
        low=1,
        high=STEPS,
    )
    heldout_steps: int = setting(24_000, "transitions to collect for evaluation", low=1, high=STEPS)
    validation_steps: int = setting(
        4_000,
        "of the training data, as many (in whole episodes, the last ones) are not trained on: they score the weights "
        "and can stop training early, so that the held-out data decide nothing; the last 4 % of data by several "
        "players are of all of them in their proportions",
        low=1,
        high=STEPS,
    )
    players: str = setting(
        MIXTURE,
        "who plays the training games, each its share of train_steps; collect --help says what players there are",
        filled=True,
        before="tracking",
    )
    fresh_steps: int = setting(
        0,
        "new transitions per update, by the same players, played by a process of its own while the training goes on "
        "(each process of a shared training has its own): the oldest ones give way to them; 0 trains on the data set "
        "alone",
        low=0,
        high=STEPS,
        before=0,
    )
    heldout_player: str = setting(
        "tracking", "who plays the held-out games and those of the test set", filled=True, before="tracking"
    )
    train_seed: int = setting(1, "seed of the training games", low=0, high=SEEDS)
    heldout_seed: int = setting(2, "seed of the held-out games", low=0, high=SEEDS)
    workers: int = setting(0, "collecting processes; 0 takes one per core", low=0, high=WORKERS)
    others: OthersConfig = group(OthersConfig)
    test: SealedConfig = group(SealedConfig)

    def check_together(self) -> None:
        folders = {"train": self.train, "heldout": self.heldout, "others": self.others.path, "test": self.test.path}
        seeds = {
            "train_seed": self.train_seed,
            "heldout_seed": self.heldout_seed,
            "others.seed": self.others.seed,
            "test.seed": self.test.seed,
            "test.others_seed": self.test.others_seed,
        }
        for what, values in (("folder", folders), ("seed", seeds)):
            for (key, value), (other, same) in itertools.combinations(values.items(), 2):
                check(value != same, f"{other}: expected another {what} than {key}")
        check(
            self.validation_steps < self.train_steps,
            f"validation_steps: expected fewer than train_steps, got {self.validation_steps}",
        )
        most = self.train_steps // 5
        check(
            self.fresh_steps <= most,
            f"fresh_steps: expected at most a fifth of train_steps ({most}), got {self.fresh_steps}",
        )
        check_players("players", self.players)
        check_players("heldout_player", self.heldout_player)
        check("," not in self.heldout_player, f"heldout_player: expected one player, got {self.heldout_player}")
