"""The parts that a deterministic baseline is put together from; the defaults are the notes' best network, attempt 4."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from rssm.config import HORIZON, Settings, check, group, setting
from rssm.config.settings import COUNTS, RATES
from rssm.errors import UserError


@dataclass(frozen=True)
class NetworkConfig(Settings):
    """What predicts the next stack."""

    kind: Literal["mlp", "gru", "lstm", "diffusion"] = setting(
        "mlp",
        "mlp sees one stack and the action; gru and lstm also carry a memory; diffusion denoises the next frame's "
        "change",
    )
    output: Literal["stack", "change", "frame"] = setting(
        "stack",
        "stack: all 56 = stack + residual_weight × output; change: newest frame = previous one + output, older ones "
        "shifted; frame: newest frame = output, older ones shifted",
    )
    residual_weight: float = setting(0.1, "of the output stack", above=0, high=10_000)
    scale: int = setting(2, "width of the hidden layers (and of the memory) in units of 256", low=1, high=64)
    layers: int = setting(4, "hidden layers", low=1, high=64)
    members: int = setting(
        1,
        "networks trained from different starts on different batches, whose predictions are averaged at every step of "
        "a rollout",
        low=1,
        high=256,
    )
    denoising_steps: int = setting(4, "steps from noise to a frame (diffusion)", low=1, high=1_000)
    futures: int = setting(8, "sampled futures whose mean is the prediction (diffusion)", low=1, high=10_000)

    @property
    def hidden(self) -> int:
        """Units per hidden layer."""
        return 256 * self.scale


@dataclass(frozen=True)
class ErrorConfig(Settings):
    """The squared error of normalised features that is trained."""

    feature_weights: str = setting(
        "", "numbers, separated by commas, one for each feature of the newest frame; empty weighs all by 1"
    )
    variance: float = setting(
        0.0,
        "scale of a penalty on predicted changes that vary less over a batch than the real ones",
        low=0,
        high=10**6,
    )

    def check_together(self) -> None:
        _numbers("feature_weights", self.feature_weights)

    def weights(self, num_features: int) -> tuple[float, ...]:
        """The weight of each feature.

        Raises:
            UserError: there are weights, but not one for each.
        """
        weights = _numbers("feature_weights", self.feature_weights) or (1.0,) * num_features
        if len(weights) != num_features:
            raise UserError(
                f"error.feature_weights: expected {num_features} numbers, one per feature, got {len(weights)}"
            )
        return weights


@dataclass(frozen=True)
class RolloutConfig(Settings):
    """How many steps are predicted in training, and from what."""

    step_weights: str = setting(
        "1", "the weight of each step's error, separated by commas; as many steps are rolled out"
    )
    truth_start: float = setting(
        0.0,
        "chance that a step of a rollout is predicted from the real stack instead of the model's own, at the start of "
        "training (teacher forcing); each rollout and step draws its own",
        low=0,
        high=1,
    )
    truth_end: float = setting(0.0, "the same at the end of training; a straight line lies between", low=0, high=1)
    curriculum: str = setting(
        "",
        "rollout lengths, separated by commas, that share the training in equal parts; empty always takes the full "
        "length",
    )

    def check_together(self) -> None:
        check(
            1 <= len(self.weights) <= HORIZON,
            f"step_weights: expected 1 to {HORIZON} numbers, got {len(self.weights)}",
        )
        check(
            all(length in range(1, len(self.weights) + 1) for length in _numbers("curriculum", self.curriculum)),
            f"curriculum: expected whole numbers from 1 to {len(self.weights)} (the step weights), got "
            f"{self.curriculum}",
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each step."""
        return _numbers("step_weights", self.step_weights)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The rollout lengths in the order in which they are trained."""
        return tuple(int(length) for length in _numbers("curriculum", self.curriculum)) or (len(self.weights),)

    def length(self, share: float) -> int:
        """The rollout length after a share of the training (0 to 1)."""
        return self.lengths[min(int(share * len(self.lengths)), len(self.lengths) - 1)]

    def truth(self, share: float) -> float:
        """The chance of teacher forcing after a share of the training (0 to 1)."""
        return self.truth_start + share * (self.truth_end - self.truth_start)


@dataclass(frozen=True)
class FitConfig(Settings):
    """The trainer: AdamW, a cosine schedule counted in updates, gradient clipping."""

    learning_rate: float = setting(3e-3, "its peak", above=0, high=RATES)
    warmup: int = setting(100, "updates of linear warm-up", low=0, high=COUNTS)
    final_learning_rate: float = setting(0.03, "share of the peak that the cosine ends at", low=0, high=1)
    decay_updates: int = setting(
        0,
        "updates that the cosine takes; 0 takes all of the training. A small number is the fault of a schedule that is "
        "counted in epochs and stepped with every update",
        low=0,
        high=COUNTS,
    )
    weight_decay: float = setting(0.01, "decoupled weight decay", low=0, high=100)
    clip: float = setting(1.0, "largest norm of a member's gradient", above=0, high=10**9)
    batch_size: int = setting(
        256,
        "rollouts per update and member; for networks with a memory, pieces of an episode",
        low=1,
        high=65_536,
    )
    context: int = setting(
        32, "steps of each piece that a rollout starts from (networks with a memory)", low=1, high=27_000
    )
    stop: Literal["budget", "patience"] = setting(
        "budget",
        "budget trains for the given time and keeps the last weights; patience trains for epochs, or until the "
        "validation error has not improved for patience epochs, and keeps the best weights",
    )
    epochs: int = setting(300, "passes over the training data (stop: patience)", low=1, high=10**6)
    patience: int = setting(50, "epochs without improvement (stop: patience)", low=1, high=10**6)


@dataclass(frozen=True)
class BaselineConfig(Settings):
    """A baseline: its network, what is trained on, how far it is rolled out in training, and the trainer."""

    network: NetworkConfig = group(NetworkConfig)
    error: ErrorConfig = group(ErrorConfig)
    rollout: RolloutConfig = group(RolloutConfig)
    fit: FitConfig = group(FitConfig)

    def check_together(self) -> None:
        if self.network.kind == "diffusion":
            check(self.network.output == "change", "network.output: diffusion needs change, the frame's change")
            check(
                self.error == ErrorConfig() and self.rollout == RolloutConfig(),
                "network.kind: diffusion trains on single steps and plain errors; expected error and rollout untouched",
            )

    @property
    def context(self) -> int:
        """Steps of each piece of an episode that a rollout starts from: 1 where nothing is remembered."""
        return self.fit.context if self.network.kind in ("gru", "lstm") else 1


def _numbers(key: str, text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(f"{key}: expected numbers separated by commas, got {text}") from None
    check(all(math.isfinite(n) and n >= 0 for n in numbers), f"{key}: expected numbers from 0, got {text}")
    return numbers
