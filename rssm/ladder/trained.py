"""What a training gives, whatever was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rssm.evaluation.predictor import Predictor


@dataclass(frozen=True)
class Trained:
    """A trained row.

    Attributes:
        predictor: to be scored.
        prediction: what it predicts, in words.
        parameters: trained numbers.
        updates: optimiser steps.
        seconds: of the training (see :class:`rssm.training.timing.Clock`).
        history: training errors on the way (see :class:`rssm.baselines.trainer.Fitted`).
    """

    predictor: Predictor
    prediction: str
    parameters: int = 0
    updates: int = 0
    seconds: float = 0.0
    history: Sequence[dict[str, Any]] = field(default_factory=list)
