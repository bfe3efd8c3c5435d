"""How good a model is while it trains: every question of the full evaluation, on few windows that stay the same."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rssm.arrays import FloatArray
from rssm.config import EvalConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.calibration import calibration
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.evaluation.floor import measure_floor
from rssm.evaluation.model_predictor import FilteredOnce, WorldModelPredictor
from rssm.evaluation.off_policy import random_windows
from rssm.evaluation.openloop import Watch, by_step, episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.window_errors import WindowErrors
from rssm.evaluation.windows import EpisodeWindows, episode_lengths
from rssm.model.world_model import WorldModel
from rssm.protocols import Cloneable
from rssm.training.trainer import SCORE

#: windows under random actions, and of the calibration and the floor, that are looked at while training
FEW = 48
#: futures of a window, for the calibration
_FUTURES = 6
_OFF_POLICY, _FLOOR = 3, 4  # one stream of random numbers each


@dataclass(frozen=True)
class Seen:
    """What an evaluation while training saw.

    Attributes:
        predictor: of the model that was scored; it remembers the games.
        errors: of N windows.
        imagined: (N, K, F) newest frames that the model predicted in them, raw units.
    """

    predictor: WorldModelPredictor
    errors: WindowErrors
    imagined: FloatArray


class Validation:
    """Scores a model on episodes that it is not trained on; nothing else decides about a training.

    Args:
        data: the data set.
        episodes: of it, to score on.
        config: what the full evaluation measures; what is left out there is left out here.
    """

    def __init__(self, data: Dataset, episodes: Sequence[slice], config: EvalConfig) -> None:
        self.data, self.config = data, config
        self.lengths = episode_lengths(data, episodes)
        #: what the last evaluation saw
        self.seen: Seen | None = None

    def __call__(self, model: WorldModel) -> dict[str, float]:
        """The metrics, in px² where nothing else is said; a value of no window is not a number.

        Returns:
            ``openloop/mse_k0`` to ``_k5``, ``median_k0`` and so on, the same of the baselines, ``mse_mean`` over the
            steps and ``log_mse``, the mean of ln(1 + error); at the last step ``events/NAME``, ``features/NAME`` and
            ``distance/NAME`` (mean absolute error, px); ``off_policy/mse_k0`` …, ``calibration/ratio_k0`` … (spread
            over error, 1 is right) and ``floor/mse_k0`` … where they are measured.
        """
        predictor = FilteredOnce(model, seed=self.config.seed)
        frames: list[FloatArray] = []
        windows = episode_windows(self.data, self.lengths)
        watch: dict[str, Watch] = {"model": lambda _, predicted, __: frames.append(predicted[..., -1])}
        errors = score_windows({"model": predictor}, windows, watch)["model"]
        self.seen = Seen(predictor, errors, np.concatenate(frames))
        mean, median = errors.stack.mean(axis=0), np.median(errors.stack, axis=0)
        metrics = by_step("openloop/mse", mean) | by_step("openloop/median", median)
        metrics["openloop/mse_mean"] = float(mean.mean())
        # nearly all of the mean lies in a handful of windows with a wrong goal or serve, too few to choose by
        metrics[SCORE] = float(np.log1p(errors.stack).mean())
        return metrics | self._fixed | self._parts(errors) | self._off_policy(predictor) | self._calibration(predictor)

    def _parts(self, errors: WindowErrors) -> dict[str, float]:
        """The error at the last step, taken apart."""
        game, last = self.data.game, errors.newest[:, -1]
        events = {
            name: float(errors.stack[which, -1].mean()) if (which := errors.event == index).any() else float("nan")
            for index, name in enumerate(game.events)
        }
        features = dict(zip(game.layout.features, last.mean(axis=0).tolist(), strict=True))
        distance = {name: float(np.sqrt(last[:, i]).mean()) for name, i in game.positions.items()}
        return {
            f"{family}/{name}": value
            for family, values in (("events", events), ("features", features), ("distance", distance))
            for name, value in values.items()
        }

    def _off_policy(self, predictor: WorldModelPredictor) -> dict[str, float]:
        if not self._random_windows:
            return {}
        errors = score_windows({"model": predictor}, self._random_windows)["model"]
        return by_step("off_policy/mse", errors.stack.mean(axis=0))

    def _calibration(self, predictor: WorldModelPredictor) -> dict[str, float]:
        windows = min(self.config.calibration_windows, FEW)
        if not windows:
            return {}
        found = calibration(predictor, self.data, windows, _FUTURES, self.config.seed, self.lengths)
        ratios = (float("nan") if ratio is None else ratio for ratio in found["ratio"])
        return by_step("calibration/ratio", ratios)

    @functools.cached_property
    def _fixed(self) -> dict[str, float]:
        """What no training changes: the baselines and, where it is measured, the floor."""
        constant_velocity = ConstantVelocity(self.data.game.positions.values())
        baselines: dict[str, Predictor] = {"persistence": Persistence(), "constant_velocity": constant_velocity}
        values: dict[str, float] = {}
        for name, errors in score_windows(baselines, episode_windows(self.data, self.lengths)).items():
            values |= by_step(f"openloop/{name}", errors.stack.mean(axis=0))
        clones = self._clones
        if clones is not None and self.config.floor_futures:
            rng = np.random.default_rng([self.config.seed, _FLOOR])
            sizes = min(self.config.floor_windows, FEW), self.config.floor_futures
            floor = measure_floor(Persistence(), clones, self.data, self.lengths, *sizes, rng).floor
            values |= by_step("floor/mse", floor.mean(axis=0))
        return values

    @functools.cached_property
    def _random_windows(self) -> list[EpisodeWindows]:
        clones, windows = self._clones, min(self.config.off_policy_windows, FEW)
        if clones is None or not windows:
            return []
        rng = np.random.default_rng([self.config.seed, _OFF_POLICY])
        return list(random_windows(clones, self.data, self.lengths, windows, rng))

    @functools.cached_property
    def _clones(self) -> Cloneable | None:
        """The game, where it can go back to an earlier moment."""
        if self.data.env is None:
            return None
        return self.data.game.cloneable(self.data.game.make_env(self.data.env))
