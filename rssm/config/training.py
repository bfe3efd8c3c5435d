"""Settings of the losses and of the trainer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config.settings import COUNTS, RATES, Settings, check, setting

#: how far ahead the project predicts, in agent steps (the researcher's protocol)
HORIZON = 6

#: number format that Muon orthogonalises in; auto takes the fastest that the processor has
Precision = Literal["auto", "float32", "bfloat16"]


def _scale(default: float, meaning: str) -> float:
    return setting(default, f"scale of {meaning}", low=0, high=10**6)


@dataclass(frozen=True)
class LossConfig(Settings):
    """Scales of the terms (the sum of scale × term is trained) and their constants."""

    reconstruction: float = _scale(1.0, "the reconstruction term")
    dynamics: float = _scale(0.8, "KL(sg(posterior) || prior), which trains the prior")
    representation: float = _scale(0.2, "KL(posterior || sg(prior)), which trains the encoder")
    reward: float = _scale(1.0, "the reward term")
    continuation: float = _scale(1.0, "the continue term")
    open_loop: float = _scale(1.0, "the six-step open-loop term; 0 turns it off")
    open_loop_starts: int = setting(4, "imagined trajectories per chunk in the open-loop term", low=1, high=4_096)
    open_loop_steps: int = setting(HORIZON, "agent steps of each; less than a chunk", low=1, high=1_000, before=HORIZON)
    foreign_past: float = setting(
        0.0,
        "share of the chunks in which the recurrence is shown paddles and actions of another moment, so that it does "
        "not time a serve by what a player is used to do meanwhile",
        low=0,
        high=1,
        before=0.0,
    )
    continue_steps: int = setting(
        2,
        "imagined steps per chunk, beside its last, that the continue head reads; of what is observed it reads "
        "nothing, since no end ever is",
        low=1,
        high=4_096,
        before=2,
    )
    free_nats: float = setting(
        0.0, "both KL terms are clipped from below at this many nats per step", low=0, high=10**4
    )
    huber_beta: float = setting(
        0.1, "where the Huber loss turns linear, in standard deviations (huber likelihood)", above=0, high=10**4
    )

    def idle(self) -> Mapping[str, str]:
        return {} if self.open_loop else dict.fromkeys(("open_loop_starts", "open_loop_steps"), "with open_loop 0")


def check_open_loop(key: str, loss: LossConfig, chunk_key: str, chunk_length: int) -> None:
    """Refuse an open loop that is as long as the chunks that it starts in."""
    steps = loss.open_loop_steps
    check(steps < chunk_length, f"{key}: expected fewer than {chunk_key}, got {steps}")


@dataclass(frozen=True)
class TrainConfig(Settings):
    """The trainer; everything is counted in updates."""

    updates: int = setting(6_500, "optimiser steps", low=1, high=COUNTS)
    batch_size: int = setting(16, "chunks per update", low=1, high=65_536)
    chunk_length: int = setting(48, "agent steps per chunk", low=HORIZON + 1, high=27_000)
    learning_rate: float = setting(
        1e-3, "peak learning rate of AdamW (output layers, biases, norms)", above=0, high=RATES
    )
    muon_factor: float = setting(
        3.0, "Muon's learning rate (hidden matrices) as a multiple of AdamW's", above=0, high=10_000
    )
    muon_precision: Precision = setting(
        "auto",
        "what Muon computes in; auto takes bfloat16 only where the processor has it (many have to emulate it, which "
        "takes thirty times as long), and float32 elsewhere",
        before="auto",
    )
    graph: bool = setting(
        True,
        "on an NVIDIA card the whole update is captured once and replayed; false runs it operation by operation",
        before=True,
    )
    warmup: int = setting(200, "updates of linear warm-up", low=0, high=COUNTS)
    final_learning_rate: float = setting(0.03, "share of the peak that the cosine decay ends at", low=0, high=1)
    decay: float = setting(
        1.0,
        "share of the updates, the last ones, over which the learning rate falls; 1 falls from the beginning",
        above=0,
        high=1,
        before=1.0,
    )
    weight_decay: float = setting(0.0, "decoupled weight decay", low=0, high=100)
    clip: float = setting(20.0, "largest norm of the gradient", above=0, high=10**9)
    ema: float = setting(
        0.999, "decay of the averaged weights that are evaluated and kept; 0 turns averaging off", low=0, below=1
    )
    evaluate_every: int = setting(250, "updates between evaluations on the validation episodes", low=1, high=COUNTS)
    patience: int = setting(
        0, "evaluations without improvement after which training stops; 0 never stops early", low=0, high=COUNTS
    )
    keep: Literal["last", "best"] = setting(
        "last",
        "last ends with the newest averaged weights; best with those that scored best in the evaluations, for "
        "trainings that are long enough to overfit",
        before="best",
    )
    checkpoint_every: int = setting(500, "updates between checkpoints of the trainer's whole state", low=1, high=COUNTS)
    log_every: int = setting(100, "updates between logged metrics", low=1, high=COUNTS)
