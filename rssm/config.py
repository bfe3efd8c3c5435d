"""Every setting of every job, as frozen dataclasses that check their own values.

A job is one dataclass; ``configs/*.yaml`` gives its defaults and presets. Nothing here imports torch, so that
``--help`` answers at once. A value that cannot be right raises ValueError with one line naming the key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: number format that Muon orthogonalises in; ``auto`` takes the fastest that the processor has
Precision = Literal["auto", "float32", "bfloat16"]

#: how many processes share a training
Workers = int | Literal["auto"]

#: how far ahead the project predicts, in agent steps (the researcher's protocol)
HORIZON = 6


def check(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class EnvConfig:
    """The game.

    Args:
        frameskip: console frames per agent step.
        repeat_action_probability: chance, per console frame, that the previous action is repeated (sticky actions).
        noop_max: an episode starts after 0 to this many random NOOP console frames.
        max_episode_steps: agent steps after which an episode is truncated.
    """

    frameskip: int = 4
    repeat_action_probability: float = 0.0
    noop_max: int = 30
    max_episode_steps: int = 27_000

    def __post_init__(self) -> None:
        check(self.frameskip >= 1, f"frameskip: expected at least 1, got {self.frameskip}")
        check(
            0.0 <= self.repeat_action_probability <= 1.0,
            f"repeat_action_probability: expected a probability, got {self.repeat_action_probability}",
        )
        check(self.noop_max >= 0, f"noop_max: expected 0 or more frames, got {self.noop_max}")
        check(self.max_episode_steps >= 1, f"max_episode_steps: expected at least 1, got {self.max_episode_steps}")


@dataclass(frozen=True)
class CollectConfig:
    """Play real games and keep them as a data set (``scripts/collect.py``).

    Args:
        out: folder of the new data set; must not exist yet.
        steps: transitions to record, in agent steps.
        policy: who plays: uniformly random actions, or a player that follows the ball.
        epsilon: chance of a random action in each step (tracking only).
        seed: fixes the games, whatever the number of workers.
        sticky: repeat-action probability of the game.
        workers: processes that play whole episodes side by side; 0 takes one per core.
    """

    out: str
    steps: int = 100_000
    policy: Literal["random", "tracking"] = "tracking"
    epsilon: float = 0.5
    seed: int = 0
    sticky: float = 0.0
    workers: int = 0

    def __post_init__(self) -> None:
        check(self.steps >= 1, f"steps: expected at least 1, got {self.steps}")
        check(0.0 <= self.epsilon <= 1.0, f"epsilon: expected a probability, got {self.epsilon}")
        check(0.0 <= self.sticky <= 1.0, f"sticky: expected a probability, got {self.sticky}")
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
        check(self.workers >= 0, f"workers: expected 0 (one per core) or more, got {self.workers}")


@dataclass(frozen=True)
class ImportConfig:
    """Turn somebody's recorded transitions into a data set (``scripts/import_data.py``).

    Args:
        input: ``.npz`` file with ``obs (N,56)``, ``actions (N,)``, optional ``rewards (N,)``, ``episode_boundaries``.
        out: folder of the new data set; must not exist yet.
        layout: what the 14 features of ``obs`` are.
    """

    input: str
    out: str
    layout: Literal["pong", "jaxatari"] = "pong"


@dataclass(frozen=True)
class DataConfig:
    """The two data sets of a run; each is collected first if its folder is not there.

    Args:
        train: folder of the training data.
        heldout: folder of the data that is only ever evaluated on.
        train_steps: transitions to collect for training.
        heldout_steps: transitions to collect for evaluation.
        validation_steps: of the training data, as many (in whole episodes, the last ones) are not trained on: they
            score the weights and can stop training early, so that the held-out data decide nothing.
        policy: who plays (see :class:`CollectConfig`).
        epsilon: chance of a random action in each step.
        train_seed: seed of the training games.
        heldout_seed: seed of the held-out games.
        workers: collecting processes; 0 takes one per core.
    """

    train: str = "data/pong/train"
    heldout: str = "data/pong/heldout"
    train_steps: int = 100_000
    heldout_steps: int = 24_000
    validation_steps: int = 4_000
    policy: Literal["random", "tracking"] = "tracking"
    epsilon: float = 0.5
    train_seed: int = 1
    heldout_seed: int = 2
    workers: int = 0

    def __post_init__(self) -> None:
        check(self.train != self.heldout, "heldout: expected another folder than train")
        check(self.train_seed != self.heldout_seed, "heldout_seed: expected another seed than train_seed")
        check(self.train_steps >= 1, f"train_steps: expected at least 1, got {self.train_steps}")
        check(self.heldout_steps >= 1, f"heldout_steps: expected at least 1, got {self.heldout_steps}")
        check(
            1 <= self.validation_steps < self.train_steps,
            f"validation_steps: expected at least 1 and fewer than train_steps, got {self.validation_steps}",
        )
        check(0.0 <= self.epsilon <= 1.0, f"epsilon: expected a probability, got {self.epsilon}")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and variants of the world model.

    Args:
        posterior: ``decoupled`` q(z|x) (the recurrence runs fused) or ``coupled`` q(z|h,x).
        decoder: ``residual`` (newest frame = previous frame + change, older frames shifted) or ``direct`` (all 56).
        likelihood: of the reconstruction; ``discrete`` needs the residual decoder.
        deter: width of the GRU's deterministic state.
        stoch: number of categorical latents.
        classes: classes of each latent.
        hidden: width of the hidden layers of the encoder and the decoder.
        head_hidden: width of the one hidden layer of prior, posterior, reward and continue heads.
        layers: hidden layers of the encoder and the decoder.
        fourier: coordinates are also seen as waves of up to 2 to the power of this many pixels; 0 turns them off.
        unimix: share of the uniform distribution mixed into every latent.
        min_p: imagined frames are sampled among the outcomes that are at least this share as likely as the likeliest
            (discrete likelihood); 0 samples all.
        bins: bins of the two-hot reward head.
    """

    posterior: Literal["decoupled", "coupled"] = "decoupled"
    decoder: Literal["residual", "direct"] = "residual"
    likelihood: Literal["discrete", "huber", "mse"] = "discrete"
    deter: int = 128
    stoch: int = 8
    classes: int = 8
    hidden: int = 192
    head_hidden: int = 96
    layers: int = 2
    fourier: int = 8
    unimix: float = 0.01
    min_p: float = 0.05
    bins: int = 41

    def __post_init__(self) -> None:
        for key in ("deter", "stoch", "hidden", "head_hidden", "layers"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.classes >= 2, f"classes: expected at least 2, got {self.classes}")
        check(self.fourier >= 0, f"fourier: expected 0 or more, got {self.fourier}")
        check(0.0 <= self.min_p <= 1.0, f"min_p: expected a share from 0 to 1, got {self.min_p}")
        check(0.0 <= self.unimix < 1.0, f"unimix: expected 0 <= unimix < 1, got {self.unimix}")
        check(self.bins >= 3 and self.bins % 2 == 1, f"bins: expected an odd number from 3, got {self.bins}")
        check(
            self.likelihood != "discrete" or self.decoder == "residual",
            "likelihood: discrete needs decoder: residual; take huber or mse with decoder: direct",
        )

    @property
    def feature_size(self) -> int:
        """Width of what the heads and an agent read: deter, stoch and the encoded frame."""
        return self.deter + self.stoch * self.classes + self.hidden


@dataclass(frozen=True)
class LossConfig:
    """Scales of the terms (the sum of scale x term is trained) and their constants.

    Args:
        reconstruction: scale of the reconstruction term.
        dynamics: scale of KL(sg(posterior) || prior), which trains the prior.
        representation: scale of KL(posterior || sg(prior)), which trains the encoder.
        reward: scale of the reward term.
        continuation: scale of the continue term.
        open_loop: scale of the 6-step open-loop term; 0 turns it off.
        open_loop_starts: imagined trajectories per chunk.
        free_nats: both KL terms are clipped from below at this many nats per step.
        huber_beta: where the Huber loss turns linear, in standard deviations.
    """

    reconstruction: float = 1.0
    dynamics: float = 0.8
    representation: float = 0.2
    reward: float = 1.0
    continuation: float = 1.0
    open_loop: float = 1.0
    open_loop_starts: int = 4
    free_nats: float = 0.0
    huber_beta: float = 0.1

    def __post_init__(self) -> None:
        for key in ("reconstruction", "dynamics", "representation", "reward", "continuation", "open_loop", "free_nats"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        check(self.open_loop_starts >= 1, f"open_loop_starts: expected at least 1, got {self.open_loop_starts}")
        check(self.huber_beta > 0, f"huber_beta: expected more than 0, got {self.huber_beta}")


@dataclass(frozen=True)
class TrainConfig:
    """The trainer; everything is counted in updates.

    Args:
        updates: optimiser steps.
        batch_size: chunks per update.
        chunk_length: agent steps per chunk.
        learning_rate: peak learning rate of AdamW (output layers, biases, norms).
        muon_factor: Muon's learning rate (hidden matrices) as a multiple of AdamW's.
        muon_precision: what Muon computes in; ``auto`` takes bfloat16 only where the processor has it (many have to
            emulate it, which takes thirty times as long), and float32 elsewhere.
        warmup: updates of linear warm-up.
        final_learning_rate: share of the peak that the cosine decay ends at.
        weight_decay: decoupled weight decay.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights that are evaluated and kept; 0 turns averaging off.
        evaluate_every: updates between evaluations on the validation episodes.
        patience: evaluations without improvement after which training stops; 0 never stops early.
        keep: ``last`` ends with the newest averaged weights; ``best`` with those that scored best in the evaluations,
            for trainings that are long enough to overfit: a few validation games are a noisy judge.
        checkpoint_every: updates between checkpoints of the trainer's whole state.
        log_every: updates between logged metrics.
    """

    updates: int = 5_000
    batch_size: int = 16
    chunk_length: int = 48
    learning_rate: float = 1e-3
    muon_factor: float = 3.0
    muon_precision: Precision = "auto"
    warmup: int = 200
    final_learning_rate: float = 0.03
    weight_decay: float = 0.0
    clip: float = 20.0
    ema: float = 0.999
    evaluate_every: int = 1_000
    patience: int = 0
    keep: Literal["last", "best"] = "last"
    checkpoint_every: int = 500
    log_every: int = 100

    def __post_init__(self) -> None:
        for key in ("updates", "batch_size", "chunk_length", "evaluate_every", "checkpoint_every", "log_every"):
            check(getattr(self, key) >= 1, f"{key}: expected at least 1, got {getattr(self, key)}")
        check(self.chunk_length > HORIZON, f"chunk_length: expected more than {HORIZON} steps, got {self.chunk_length}")
        check(self.learning_rate > 0, f"learning_rate: expected more than 0, got {self.learning_rate}")
        check(self.muon_factor > 0, f"muon_factor: expected more than 0, got {self.muon_factor}")
        check(0 <= self.ema < 1, f"ema: expected 0 <= ema < 1, got {self.ema}")
        check(self.clip > 0, f"clip: expected more than 0, got {self.clip}")
        check(
            0 <= self.final_learning_rate <= 1,
            f"final_learning_rate: expected a share of the peak (0 to 1), got {self.final_learning_rate}",
        )
        for key in ("warmup", "weight_decay", "patience"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")


@dataclass(frozen=True)
class EvalConfig:
    """The open-loop evaluation.

    Args:
        samples: futures imagined per window, whose mean is the prediction; 0 predicts the mode.
        bootstrap: resamplings of the episodes for the 95 % interval.
        off_policy_windows: windows from cloned emulator states under random actions; 0 leaves them out.
        floor_futures: emulator futures per window that measure the irreducible error; 0 leaves the floor out.
        floor_windows: windows that the floor is measured on.
        seed: of the bootstrap, the sampled futures and the off-policy actions.
    """

    samples: int = 32
    bootstrap: int = 1_000
    off_policy_windows: int = 1_000
    floor_futures: int = 0
    floor_windows: int = 1_000
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("samples", "off_policy_windows", "seed"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        check(self.bootstrap >= 1, f"bootstrap: expected at least 1, got {self.bootstrap}")
        check(self.floor_windows >= 1, f"floor_windows: expected at least 1, got {self.floor_windows}")
        check(
            self.floor_futures == 0 or self.floor_futures >= 2,
            f"floor_futures: expected 0 (off) or at least 2, got {self.floor_futures}",
        )


@dataclass(frozen=True)
class LogConfig:
    """Where metrics go besides ``metrics.jsonl``.

    Args:
        wandb: ``offline`` needs no account; ``online`` uploads; ``disabled`` writes nothing.
        project: wandb project.
    """

    wandb: Literal["offline", "online", "disabled"] = "offline"
    project: str = "pong-rssm"


@dataclass(frozen=True)
class WorldModelConfig:
    """Collect, train, evaluate, report (``scripts/train_wm.py``).

    Args:
        run: folder of the run; one that was interrupted goes on where it stopped.
        seed: of the weights, the chunks and the sampled latents.
        device: ``auto`` takes an accelerator if there is one.
        workers: processes that share the training, each with a part of every batch; ``auto`` takes one for each
            physical core, or one on an accelerator. Their number changes nothing but rounding. Under ``torchrun``,
            on one machine or several, it is what that has started.
        threads: of torch on the CPU, for each worker; 0 leaves torch's choice. The default model's operations are
            small: a second thread makes an update an eighth faster on idle cores, where a second worker nearly halves
            it, and far slower beside other work.
    """

    run: str = "runs/wm"
    seed: int = 0
    device: str = "auto"
    workers: Workers = "auto"
    threads: int = 1
    env: EnvConfig = field(default_factory=EnvConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    eval: EvalConfig = field(default_factory=EvalConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def __post_init__(self) -> None:
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
        check(self.workers == "auto" or self.workers >= 1, f"workers: expected auto or at least 1, got {self.workers}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")


@dataclass(frozen=True)
class EvaluateConfig:
    """Score a run's world model on a data set (``scripts/evaluate.py``).

    Args:
        run: folder of the run.
        data: folder of the data set; empty takes the run's own held-out data.
        json: file to write the results to; empty writes ``openloop.json`` into the run.
        device: ``auto`` takes an accelerator if there is one.
        threads: of torch on the CPU; 0 leaves torch's choice.
        eval: the protocol's settings.
    """

    run: str
    data: str = ""
    json: str = ""
    device: str = "auto"
    threads: int = 0
    eval: EvalConfig = field(default_factory=EvalConfig)


@dataclass(frozen=True)
class AblationConfig:
    """Train variants that change one thing, in the same time, and write a table (``scripts/ablate.py``).

    Args:
        rows: names of presets, separated by commas; empty takes the default and every preset.
        presets: folder of the presets; each changes only what it names.
        seconds: CPU time of each training.
        seeds: trainings per row.
        threads: of torch on the CPU; 0 leaves torch's choice.
        runs: folder of the runs; rows that are already there are not trained again.
        out: folder of the table.
    """

    rows: str = ""
    presets: str = "configs/ablation"
    seconds: float = 300.0
    seeds: int = 1
    threads: int = 1
    runs: str = "runs/ablation"
    out: str = "docs/results"

    def __post_init__(self) -> None:
        check(self.seconds > 0, f"seconds: expected more than 0, got {self.seconds}")
        check(self.seeds >= 1, f"seeds: expected at least 1, got {self.seeds}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")


@dataclass(frozen=True)
class ResultsConfig:
    """Write one table over several runs of the same job (``scripts/summarize.py``).

    Args:
        runs: folders of evaluated runs, separated by commas.
        name: of the table's files.
        title: of the table.
        command: that made each run, for the record.
        out: folder of the table.
    """

    runs: str
    name: str = "pong"
    title: str = "The default world model"
    command: str = "python scripts/train_wm.py --seed SEED"
    out: str = "docs/results"
