"""The parts that a deterministic baseline is put together from; the defaults are the notes' best network, attempt 4."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from rssm.config import HORIZON, check
from rssm.games.pong.features import NUM_FEATURES


@dataclass(frozen=True)
class NetworkConfig:
    """What predicts the next stack.

    Args:
        kind: ``mlp`` sees one stack and the action; ``gru`` and ``lstm`` also carry a memory; ``diffusion`` denoises
            the next frame's change.
        output: ``stack`` (all 56 = stack + residual_weight × output), ``change`` (newest frame = previous one +
            output, older ones shifted) or ``frame`` (newest frame = output, older ones shifted).
        residual_weight: of the output ``stack``.
        scale: width of the hidden layers (and of the memory) in units of 256.
        layers: hidden layers.
        members: networks trained from different starts on different batches, whose predictions are averaged at every
            step of a rollout.
        denoising_steps: steps from noise to a frame (diffusion).
        futures: sampled futures whose mean is the prediction (diffusion).
    """

    kind: Literal["mlp", "gru", "lstm", "diffusion"] = "mlp"
    output: Literal["stack", "change", "frame"] = "stack"
    residual_weight: float = 0.1
    scale: int = 2
    layers: int = 4
    members: int = 1
    denoising_steps: int = 4
    futures: int = 8

    def __post_init__(self) -> None:
        check(self.residual_weight > 0, f"residual_weight: expected more than 0, got {self.residual_weight}")
        for key in ("scale", "layers", "members", "denoising_steps", "futures"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")

    @property
    def hidden(self) -> int:
        """Units per hidden layer."""
        return 256 * self.scale


@dataclass(frozen=True)
class ErrorConfig:
    """The squared error of normalised features that is trained.

    Args:
        feature_weights: 14 numbers, separated by commas, for the features of the newest frame; empty weighs all by 1.
        variance: scale of a penalty on predicted changes that vary less over a batch than the real ones.
    """

    feature_weights: str = ""
    variance: float = 0.0

    def __post_init__(self) -> None:
        check(
            len(self.weights) == NUM_FEATURES,
            f"feature_weights: expected {NUM_FEATURES} numbers, one per feature, got {len(self.weights)}",
        )
        check(self.variance >= 0, f"variance: expected 0 or more, got {self.variance}")

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each of the 14 features."""
        return _numbers("feature_weights", self.feature_weights) or (1.0,) * NUM_FEATURES


@dataclass(frozen=True)
class RolloutConfig:
    """How many steps are predicted in training, and from what.

    Args:
        step_weights: the weight of each step's error, separated by commas; as many steps are rolled out.
        truth_start: chance that a step of a rollout is predicted from the real stack instead of the model's own, at
            the start of training (teacher forcing); each rollout and step draws its own.
        truth_end: the same at the end of training; a straight line lies between.
        curriculum: rollout lengths, separated by commas, that share the training in equal parts; empty always takes
            the full length.
    """

    step_weights: str = "1"
    truth_start: float = 0.0
    truth_end: float = 0.0
    curriculum: str = ""

    def __post_init__(self) -> None:
        check(
            1 <= len(self.weights) <= HORIZON,
            f"step_weights: expected 1 to {HORIZON} numbers, got {len(self.weights)}",
        )
        for key in ("truth_start", "truth_end"):
            check(0 <= getattr(self, key) <= 1, f"{key}: expected a probability, got {getattr(self, key)}")
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
class FitConfig:
    """The trainer: AdamW, a cosine schedule counted in updates, gradient clipping.

    Args:
        learning_rate: its peak; a small sweep (``scripts/compare.py --learning_rates``) found none better by much.
        warmup: updates of linear warm-up.
        final_learning_rate: share of the peak that the cosine ends at.
        decay_updates: updates that the cosine takes; 0 takes all of the training. A small number is the fault of a
            schedule that is counted in epochs and stepped with every update.
        weight_decay: decoupled weight decay.
        clip: largest norm of a member's gradient.
        batch_size: rollouts per update and member; for networks with a memory, pieces of an episode.
        context: steps of each piece that a rollout starts from (networks with a memory).
        stop: ``budget`` trains for the given time and keeps the last weights; ``patience`` trains for ``epochs``, or
            until the validation error has not improved for ``patience`` epochs, and keeps the best weights.
        epochs: passes over the training data (``stop: patience``).
        patience: epochs without improvement (``stop: patience``).
    """

    learning_rate: float = 3e-3
    warmup: int = 100
    final_learning_rate: float = 0.03
    decay_updates: int = 0
    weight_decay: float = 0.01
    clip: float = 1.0
    batch_size: int = 256
    context: int = 32
    stop: Literal["budget", "patience"] = "budget"
    epochs: int = 300
    patience: int = 50

    def __post_init__(self) -> None:
        for key in ("learning_rate", "clip"):
            check(getattr(self, key) > 0, f"{key}: expected more than 0, got {getattr(self, key)}")
        for key in ("warmup", "decay_updates", "weight_decay"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        for key in ("batch_size", "context", "epochs", "patience"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(
            0 <= self.final_learning_rate <= 1,
            f"final_learning_rate: expected a share of the peak (0 to 1), got {self.final_learning_rate}",
        )


@dataclass(frozen=True)
class BaselineConfig:
    """A baseline: its network, what is trained on, how far it is rolled out in training, and the trainer."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    error: ErrorConfig = field(default_factory=ErrorConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
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
