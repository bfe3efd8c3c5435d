"""Settings of the comparison, and of one row of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.baselines.config import BaselineConfig
from rssm.config import (
    DataConfig,
    EnvConfig,
    LossConfig,
    ModelConfig,
    Settings,
    TrainConfig,
    check,
    check_open_loop,
    group,
    required,
    setting,
)
from rssm.config.data import STEPS
from rssm.config.rerun import command_of
from rssm.config.settings import RATES, WORKERS

#: seconds that no training is given
BUDGET = 10**7
#: settings that change no result: how it is computed, and where the presets and the pages lie
_UNSAID = ("presets", "redraw", "out", "threads", "device", "data.workers")


@dataclass(frozen=True)
class LadderDataConfig(DataConfig):
    """The data sets that all rows share: as those of a world model, but for the number of training steps."""

    train: str = setting("data/pong_mixed/train", "folder of the training data", filled=True)
    train_steps: int = setting(100_000, "transitions to collect for training", low=1, high=STEPS)


@dataclass(frozen=True)
class CompareConfig(Settings):
    """Train every row of the ladder on the same data for the same time and print and write one table."""

    rows: str = setting(
        "",
        "names of presets, separated by commas; empty takes all; the table shows every row whose results are there",
    )
    budget: float = setting(
        120.0,
        "seconds of each training, CPU time or, on an accelerator, wall time: each row stops by the clock, and its "
        "schedules follow the share of the time that is spent; 0 lets each row run to its own stop (a baseline until "
        "the validation error no longer improves, the RSSM for its preset's updates)",
        low=0,
        high=BUDGET,
    )
    seeds: int = setting(3, "trainings per row", low=1, high=1_000)
    learning_rates: str = setting(
        "",
        "numbers separated by commas: instead of the ladder, train each row with each of them, score on the "
        "validation episodes and write a table to choose from; the choice is then put into the row's preset",
    )
    budgets: str = setting(
        "",
        "seconds separated by commas: instead of the ladder, train each row for each of them, with a schedule of that "
        "length, and write a table and a picture of the error against time",
    )
    redraw: str = setting(
        "", "a table's JSON, for example docs/results/ladder.json: draw its picture anew beside it, and train nothing"
    )
    samples: int = setting(
        32, "sampled futures per window whose mean the RSSM predicts; 0 predicts the mode", low=0, high=10_000
    )
    presets: str = setting("", "folder of the rows' presets; empty takes ours")
    threads: int = setting(1, "of torch on the CPU; 0 takes the physical cores, four at most", low=0, high=WORKERS)
    device: str = setting("cpu", "auto takes an accelerator if there is one", filled=True)
    more_data: str = setting(
        "data/pong/train_more",
        "folder of the data of the row with more data; collected when such a row is asked for",
        filled=True,
    )
    more_steps: int = setting(880_000, "transitions in it", low=1, high=STEPS)
    runs: str = setting(
        "runs/ladder", "folder of the results of each training; those that are there are not trained again", filled=True
    )
    out: str = setting(
        "runs/results",
        "folder of the table; docs/results publishes it, and never over rows that it lacks",
        filled=True,
    )
    name: str = setting("ladder", "of the table's files", name=True)
    env: EnvConfig = group(EnvConfig)
    data: LadderDataConfig = group(LadderDataConfig)

    def check_together(self) -> None:
        for folder in (self.data.train, self.data.heldout):
            check(self.more_data != folder, f"more_data: expected a folder of its own, got {folder}")
        for key, what, most in (("learning_rates", "numbers", RATES), ("budgets", "seconds", BUDGET)):
            given = getattr(self, key)
            try:
                fits = all(0 < number <= most for number in _numbers(given))
            except ValueError:
                fits = False
            check(fits, f"{key}: expected {what} above 0, separated by commas, got {given}")
        check(not (self.rates and self.seconds), f"budgets: expected none with learning_rates, got {self.budgets}")

    def idle(self) -> Mapping[str, str]:
        return {"budget": "with budgets"} if self.budgets else {}

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates to sweep over; none where the ladder itself is asked for."""
        return _numbers(self.learning_rates)

    @property
    def seconds(self) -> tuple[float, ...]:
        """The budgets to compare, the shortest first; none where the ladder itself is asked for."""
        return tuple(sorted(set(_numbers(self.budgets))))

    @property
    def command(self) -> str:
        """The command that gives the same results again: budget, seeds, and what is not as by default."""
        first = {"seeds": self.seeds} if self.budgets else {"budget": f"{self.budget:g}", "seeds": self.seeds}
        return command_of("scripts/compare.py", self, _UNSAID, first)


def _numbers(text: str) -> tuple[float, ...]:
    """The numbers of a text that separates them by commas."""
    return tuple(float(part) for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class RSSMConfig(Settings):
    """A row that is a world model: see :class:`rssm.config.WorldModelConfig` for its parts."""

    model: ModelConfig = group(ModelConfig)
    loss: LossConfig = group(LossConfig)
    train: TrainConfig = group(TrainConfig)

    def check_together(self) -> None:
        check_open_loop("loss.open_loop_steps", self.loss, "train.chunk_length", self.train.chunk_length)


@dataclass(frozen=True)
class RowConfig(Settings):
    """One row: a preset names only what it changes."""

    notes_name: str = required("what the researcher's notes call it", filled=True)
    label: str = setting("", "what pictures call it, in a few words; empty takes the name of the preset")
    family: Literal["baseline", "rssm", "persistence", "constant_velocity"] = setting(
        "baseline", "what is trained (the two last ones need no training)"
    )
    data: Literal["common", "more"] = setting("common", "common to all rows, or the larger set")
    baseline: BaselineConfig = group(BaselineConfig, "The parts of a row of the family baseline.")
    rssm: RSSMConfig = group(RSSMConfig, "The parts of a row of the family rssm.")
