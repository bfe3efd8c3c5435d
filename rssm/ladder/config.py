"""Settings of the comparison, and of one row of it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Literal

from rssm.baselines.config import BaselineConfig
from rssm.config import DataConfig, EnvConfig, LossConfig, ModelConfig, TrainConfig, check
from rssm.config_file import flat_settings

#: settings that change no result: how it is computed, and where the presets and the pages lie
_UNSAID = ("presets", "out", "threads", "device", "data.workers")


@dataclass(frozen=True)
class CompareConfig:
    """Train every row of the ladder on the same data for the same time and write one table (``scripts/compare.py``).

    Args:
        rows: names of presets, separated by commas; empty takes all. The table shows every row whose results are there.
        budget: CPU seconds of each training; 0 lets each row run to its own stop (a baseline until the validation error
            no longer improves, the RSSM for its preset's updates).
        seeds: trainings per row.
        learning_rates: numbers separated by commas: instead of the ladder, train each row with each of them, score on
            the validation episodes and write a table to choose from; the choice is then put into the row's preset.
        samples: sampled futures per window whose mean the RSSM predicts; 0 predicts the mode.
        presets: folder of the rows' presets.
        threads: of torch on the CPU; 0 leaves torch's choice.
        device: ``auto`` takes an accelerator if there is one; budgets are CPU seconds all the same.
        more_data: folder of the data of the row with more data; collected when such a row is asked for.
        more_steps: transitions in it.
        runs: folder of the results of each training; those that are there are not trained again.
        out: folder of the table.
        name: of the table's files.
    """

    rows: str = ""
    budget: float = 120.0
    seeds: int = 3
    learning_rates: str = ""
    samples: int = 32
    presets: str = "configs/ladder"
    threads: int = 1
    device: str = "cpu"
    more_data: str = "data/pong_mixed/train_more"
    more_steps: int = 880_000
    runs: str = "runs/ladder"
    out: str = "docs/results"
    name: str = "ladder"
    env: EnvConfig = field(default_factory=EnvConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        check(
            self.budget >= 0 and math.isfinite(self.budget),
            f"budget: expected seconds, or 0 (own stop), got {self.budget}",
        )
        check(self.seeds >= 1, f"seeds: expected at least 1, got {self.seeds}")
        check(self.samples >= 0, f"samples: expected 0 (mode) or more, got {self.samples}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")
        check(self.more_steps >= 1, f"more_steps: expected at least 1, got {self.more_steps}")
        for folder in (self.data.train, self.data.heldout):
            check(self.more_data != folder, f"more_data: expected a folder of its own, got {folder}")
        try:
            rates = self.rates
        except ValueError:
            rates = (0.0,)
        check(
            all(rate > 0 for rate in rates),
            f"learning_rates: expected numbers above 0, separated by commas, got {self.learning_rates}",
        )

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates to sweep over; none where the ladder itself is asked for."""
        return tuple(float(rate) for rate in self.learning_rates.split(",") if rate.strip())

    @property
    def command(self) -> str:
        """The command that gives the same results again: budget, seeds, and what is not as by default."""
        given = {"budget": f"{self.budget:g}", "seeds": self.seeds}
        default = dict(flat_settings(asdict(CompareConfig())))
        for key, value in flat_settings(asdict(self)):
            if key not in _UNSAID and value != default[key]:
                given.setdefault(key, value)
        return " ".join(["python scripts/compare.py", *(f"--{key} {value}" for key, value in given.items())])


@dataclass(frozen=True)
class RSSMConfig:
    """A row that is a world model: see :class:`rssm.config.WorldModelConfig` for its parts."""

    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class RowConfig:
    """One row: a preset names only what it changes.

    Args:
        notes_name: what the researcher's notes call it.
        family: what is trained (the two last ones need no training).
        data: ``common`` to all rows, or the larger set.
        baseline: the parts of a row of the family ``baseline``.
        rssm: the parts of a row of the family ``rssm``.
    """

    notes_name: str
    family: Literal["baseline", "rssm", "persistence", "constant_velocity"] = "baseline"
    data: Literal["common", "more"] = "common"
    baseline: BaselineConfig = field(default_factory=BaselineConfig)
    rssm: RSSMConfig = field(default_factory=RSSMConfig)
