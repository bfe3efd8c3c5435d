"""Every setting of every job, as frozen dataclasses that check their own values.

A job is one dataclass; ``configs/*.yaml`` gives its defaults and presets. Nothing here imports torch, so that
``--help`` answers at once. A value that cannot be right raises ValueError with one line naming the key.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Literal

from rssm.data.mixture import Mixture

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


def check_players(key: str, text: str) -> None:
    """Refuse a text that names no players (see :class:`rssm.data.mixture.Mixture`)."""
    try:
        Mixture.parse(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


@dataclass(frozen=True)
class CollectConfig:
    """Play real games and keep them as a data set (``scripts/collect.py``).

    A player is ``tracking`` (follows the ball), ``random`` or ``sweeping`` (up and down), and what is changed about it:
    ``epsilon=0.1`` (chance of a random action in each step; 0.5 where a tracking player does not say), ``rest`` (does
    nothing while no ball is in play), ``lag=3`` (sees every frame so many steps late), ``hold=4`` (keeps an action for
    a random stretch, so many steps on average), ``dead_zone=4`` (pixels within which it does not move), ``aim=6``
    (meets the ball up to so many pixels off the paddle's centre). Several share the steps:
    ``"60% tracking, 40% tracking epsilon=0.1 rest"``.

    Args:
        out: folder of the new data set; must not exist yet.
        steps: transitions to record, in agent steps.
        games: whole games of each player to record instead; 0 goes by ``steps``.
        players: who plays.
        seed: fixes the games, whatever the number of workers.
        sticky: repeat-action probability of the game.
        noops: a game starts after 0 to this many NOOP console frames.
        workers: processes that play whole episodes side by side; 0 takes one per core.
    """

    out: str
    steps: int = 100_000
    games: int = 0
    players: str = "tracking"
    seed: int = 0
    sticky: float = 0.0
    noops: int = 30
    workers: int = 0

    def __post_init__(self) -> None:
        check(self.steps >= 1, f"steps: expected at least 1, got {self.steps}")
        check(self.games >= 0, f"games: expected 0 (go by steps) or more, got {self.games}")
        check_players("players", self.players)
        check(0.0 <= self.sticky <= 1.0, f"sticky: expected a probability, got {self.sticky}")
        check(self.noops >= 0, f"noops: expected 0 or more, got {self.noops}")
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


#: half of the steps by the player that the headline is measured on, half by others that show what it never does
MIXTURE = (
    "50% tracking, 10% tracking rest, 10% tracking epsilon=0.1 rest, 10% tracking lag=3, 10% tracking hold=4, "
    "10% random"
)


@dataclass(frozen=True)
class OthersConfig:
    """Games by other players: does the model know the game, or the player that its data come from?

    Args:
        path: folder of these games.
        players: who plays; all have as many games.
        games: whole games of each, for tries; 0 leaves other players out of the evaluation.
        noops: these games start after 0 to this many NOOP console frames.
        seed: of these games.
    """

    path: str = "data/pong/others"
    players: str = "tracking rest, tracking epsilon=0.1, tracking lag=3, random, sweeping"
    games: int = 2
    noops: int = 120
    seed: int = 3

    def __post_init__(self) -> None:
        check_players("players", self.players)
        check("%" not in self.players, f"players: expected players without shares, got {self.players}")
        check(self.games >= 0, f"games: expected 0 (none) or more, got {self.games}")
        check(self.noops >= 0, f"noops: expected 0 or more, got {self.noops}")
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")


@dataclass(frozen=True)
class SealedConfig:
    """The test set, for published figures: collected when first asked for (``scripts/evaluate.py --test``).

    Args:
        path: folder of its two data sets, ``main`` and ``others``.
        games: whole games of the held-out player.
        other_games: whole games of each other player.
        seed: of the held-out player's games.
        others_seed: of the other players' games.
    """

    path: str = "data/pong/test"
    games: int = 65
    other_games: int = 20
    seed: int = 4
    others_seed: int = 5

    def __post_init__(self) -> None:
        check(self.games >= 1, f"games: expected at least 1, got {self.games}")
        check(self.other_games >= 1, f"other_games: expected at least 1, got {self.other_games}")
        for key in ("seed", "others_seed"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")


@dataclass(frozen=True)
class DataConfig:
    """The data sets of a run; each is collected first if its folder is not there.

    Validation games (part of the training data) steer a training, the held-out games and those of other players are
    for tries, and the test set gives the figures that are published. No game is in two of them: all seeds differ.

    Args:
        train: folder of the training data.
        heldout: folder of the data that is only ever evaluated on.
        train_steps: transitions to collect for training.
        heldout_steps: transitions to collect for evaluation.
        validation_steps: of the training data, as many (in whole episodes, the last ones) are not trained on: they
            score the weights and can stop training early, so that the held-out data decide nothing. The last 4 % of
            data by several players are of all of them in their proportions.
        players: who plays the training games (see :class:`CollectConfig`), each its share of ``train_steps``.
        fresh_steps: new transitions per update, by the same players, played by a process of its own while the training
            goes on: the oldest ones give way to them; 0 trains on the data set alone.
        heldout_player: who plays the held-out games and those of the test set.
        train_seed: seed of the training games.
        heldout_seed: seed of the held-out games.
        workers: collecting processes; 0 takes one per core.
        others: games by other players.
        test: the test set.
    """

    train: str = "data/pong_mixed/train"
    heldout: str = "data/pong/heldout"
    train_steps: int = 100_000
    heldout_steps: int = 24_000
    validation_steps: int = 4_000
    players: str = MIXTURE
    fresh_steps: int = 0
    heldout_player: str = "tracking"
    train_seed: int = 1
    heldout_seed: int = 2
    workers: int = 0
    others: OthersConfig = field(default_factory=OthersConfig)
    test: SealedConfig = field(default_factory=SealedConfig)

    def __post_init__(self) -> None:
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
        check(self.train_steps >= 1, f"train_steps: expected at least 1, got {self.train_steps}")
        check(self.heldout_steps >= 1, f"heldout_steps: expected at least 1, got {self.heldout_steps}")
        check(
            1 <= self.validation_steps < self.train_steps,
            f"validation_steps: expected at least 1 and fewer than train_steps, got {self.validation_steps}",
        )
        check_players("players", self.players)
        check_players("heldout_player", self.heldout_player)
        check("," not in self.heldout_player, f"heldout_player: expected one player, got {self.heldout_player}")
        for key in ("train_seed", "heldout_seed", "workers", "fresh_steps"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        most = self.train_steps // 5
        check(
            self.fresh_steps <= most,
            f"fresh_steps: expected at most a fifth of train_steps ({most}), got {self.fresh_steps}",
        )


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
        survival_every: steps between the starts of long rollouts, which are followed until they go wrong; 0 leaves
            them out.
        calibration_windows: windows on which the spread of the futures is held against their error; 0 leaves it out.
        calibration_samples: futures of each of these.
        seed: of the bootstrap, the sampled futures and the off-policy actions.
    """

    samples: int = 32
    bootstrap: int = 1_000
    off_policy_windows: int = 1_000
    floor_futures: int = 0
    floor_windows: int = 1_000
    survival_every: int = 24
    calibration_windows: int = 1_000
    calibration_samples: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for key in ("samples", "off_policy_windows", "survival_every", "calibration_windows", "seed"):
            check(getattr(self, key) >= 0, f"{key}: expected 0 or more, got {getattr(self, key)}")
        check(self.bootstrap >= 1, f"bootstrap: expected at least 1, got {self.bootstrap}")
        check(self.floor_windows >= 1, f"floor_windows: expected at least 1, got {self.floor_windows}")
        samples = self.calibration_samples
        check(samples >= 2, f"calibration_samples: expected at least 2, got {samples}")
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
        threads: of torch on the CPU; 0 leaves torch's choice. The default model's operations are small: a second
            thread makes it an eighth faster on idle cores, and far slower beside other work.
    """

    run: str = "runs/wm"
    seed: int = 0
    device: str = "auto"
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
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")


@dataclass(frozen=True)
class EvaluateConfig:
    """Score a run's world model on a data set (``scripts/evaluate.py``).

    Args:
        run: folder of the run.
        data: folder of the data set; empty takes the run's own held-out data.
        others: folders of games by other players, separated by commas; empty takes the run's own where ``data`` is
            empty too.
        test: score on the test set instead (collected when first asked for), games of other players included.
        json: file to write the results to; empty writes ``openloop.json`` (with ``test`` ``openloop-test.json``) into
            the run.
        device: ``auto`` takes an accelerator if there is one.
        threads: of torch on the CPU; 0 leaves torch's choice.
        eval: the protocol's settings.
    """

    run: str
    data: str = ""
    others: str = ""
    test: bool = False
    json: str = ""
    device: str = "auto"
    threads: int = 0
    eval: EvalConfig = field(default_factory=EvalConfig)

    def __post_init__(self) -> None:
        for key in ("data", "others"):
            value = getattr(self, key)
            check(not (self.test and value), f"{key}: expected nothing beside test, got {value}")


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
