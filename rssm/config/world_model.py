"""Settings of the world model's training: the game, the data, the model, the losses, the trainer, the evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from rssm import ENV_ID
from rssm.config.settings import COUNTS, RATES, SEEDS, WIDTHS, WORKERS, Settings, check, group, setting
from rssm.data.mixture import Mixture, plain_player
from rssm.errors import UserError

if TYPE_CHECKING:
    from rssm.game import Game

#: how far ahead the project predicts, in agent steps (the researcher's protocol)
HORIZON = 6

#: number format that Muon orthogonalises in; auto takes the fastest that the processor has
Precision = Literal["auto", "float32", "bfloat16"]

#: how many processes share a training
Workers = int | Literal["auto"]

#: transitions of a data set
STEPS = 10**8


@dataclass(frozen=True)
class EnvConfig(Settings):
    """The game."""

    id: str = setting(
        ENV_ID,
        "gymnasium id of the environment; any with a Box of one dimension as observation and Discrete actions",
        filled=True,
        before=ENV_ID,
    )
    frameskip: int = setting(4, "console frames per agent step", low=1, high=60)
    repeat_action_probability: float = setting(
        0.0, "chance, per console frame, that the previous action is repeated (sticky actions)", low=0, high=1
    )
    noop_max: int = setting(30, "an episode starts after 0 to this many random NOOP console frames", low=0, high=10_000)
    enemy: Literal["normal", "lazy", "late"] = setting(
        "normal",
        "normal is the console's own; lazy rests while the ball flies away from it, and late until the ball that comes "
        "is past the middle",
        before="normal",
    )
    max_episode_steps: int = setting(27_000, "agent steps after which an episode is truncated", low=1, high=10**6)


#: half of the steps by the player that the headline is measured on, half by others that show what it never does
MIXTURE = (
    "50% tracking, 10% tracking rest, 10% tracking epsilon=0.1 rest, 10% tracking lag=3, 10% tracking hold=4, "
    "10% random"
)


def check_players(key: str, text: str, game: Game | None = None) -> None:
    """Refuse a text that names no players (see :class:`rssm.data.mixture.Mixture`), or none of this game's."""
    try:
        Mixture.parse(text, plain_player if game is None else game.read_player)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def find_game(key: str, env_id: str) -> Game:
    """The game of an environment.

    Raises:
        ValueError: there is none that can be modelled.
    """
    from rssm.game import load_game  # a game reads these settings

    try:
        return load_game(env_id)
    except UserError as error:
        raise ValueError(f"{key}: {error}") from None


def check_game(env: EnvConfig, model: ModelConfig | None = None, data: DataConfig | None = None) -> Game:
    """Refuse settings that the game does not have; returns the game.

    Raises:
        ValueError: the line begins with the key, such as ``model.likelihood``.
    """
    game = find_game("env.id", env.id)
    if model is not None:
        game.check_model(model)
    if data is not None:
        check_players("data.players", data.players, game)
        check_players("data.heldout_player", data.heldout_player, game)
        if data.others.games:
            check_players("data.others.players", data.others.players, game)
    return game


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

    train: str = setting("data/pong_mixed/train", "folder of the training data", filled=True)
    heldout: str = setting("data/pong/heldout", "folder of the data that is only ever evaluated on", filled=True)
    train_steps: int = setting(100_000, "transitions to collect for training", low=1, high=STEPS)
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


@dataclass(frozen=True)
class ModelConfig(Settings):
    """Sizes and variants of the world model."""

    posterior: Literal["decoupled", "coupled"] = setting(
        "decoupled", "decoupled q(z|x), whose recurrence runs fused, or coupled q(z|h,x)"
    )
    decoder: Literal["residual", "direct"] = setting(
        "residual", "residual: newest frame = previous frame + change, older frames shifted; direct: all 56 values"
    )
    likelihood: Literal["discrete", "huber", "mse"] = setting(
        "discrete", "of the reconstruction; discrete needs the residual decoder"
    )
    deter: int = setting(128, "width of the GRU's deterministic state", low=1, high=WIDTHS)
    stoch: int = setting(8, "number of categorical latents", low=1, high=1_024)
    classes: int = setting(8, "classes of each latent", low=2, high=1_024)
    hidden: int = setting(192, "width of the hidden layers of the encoder and the decoder", low=1, high=WIDTHS)
    head_hidden: int = setting(
        96, "width of the one hidden layer of prior, posterior, reward and continue heads", low=1, high=WIDTHS
    )
    layers: int = setting(2, "hidden layers of the encoder and the decoder", low=1, high=64)
    fourier: int = setting(
        8,
        "coordinates are also seen as waves of up to 2 to the power of this many pixels; 0 turns them off",
        low=0,
        high=32,
    )
    unimix: float = setting(0.01, "share of the uniform distribution mixed into every latent", low=0, below=1)
    min_p: float = setting(
        0.05,
        "imagined frames are sampled among the outcomes that are at least this share as likely as the likeliest "
        "(discrete likelihood); 0 samples all",
        low=0,
        high=1,
        before=0.0,
    )
    bins: int = setting(41, "bins of the two-hot reward head, an odd number", low=3, high=1_001)
    reward_limit: float = setting(
        2.0,
        "they span plus and minus this on the symlog scale, 2 is a reward of 6.4",
        low=0.01,
        high=20,
        before=2.0,
    )

    def check_together(self) -> None:
        check(self.bins % 2 == 1, f"bins: expected an odd number, got {self.bins}")
        check(
            self.likelihood != "discrete" or self.decoder == "residual",
            "likelihood: discrete needs decoder: residual; take huber or mse with decoder: direct",
        )

    def idle(self) -> Mapping[str, str]:
        return {} if self.likelihood == "discrete" else {"min_p": f"with likelihood {self.likelihood}"}

    @property
    def feature_size(self) -> int:
        """Width of what the heads and an agent read: deter, stoch and the encoded frame."""
        return self.deter + self.stoch * self.classes + self.hidden


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

    updates: int = setting(5_000, "optimiser steps", low=1, high=COUNTS)
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
    evaluate_every: int = setting(1_000, "updates between evaluations on the validation episodes", low=1, high=COUNTS)
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


@dataclass(frozen=True)
class EvalConfig(Settings):
    """The open-loop evaluation."""

    samples: int = setting(
        32, "futures imagined per window, whose mean is the prediction; 0 predicts the mode", low=0, high=10_000
    )
    bootstrap: int = setting(1_000, "resamplings of the episodes for the 95 % interval", low=1, high=10**6)
    off_policy_windows: int = setting(
        1_000, "windows from cloned emulator states under random actions; 0 leaves them out", low=0, high=10**6
    )
    action_blind_windows: int = setting(
        1_000,
        "windows that are also predicted from the actions of other windows; 0 leaves them out",
        low=0,
        high=10**6,
        before=1_000,
    )
    floor_futures: int = setting(
        0,
        "emulator futures per window that measure the irreducible error, 2 or more; 0 leaves the floor out",
        low=0,
        high=10_000,
    )
    floor_windows: int = setting(1_000, "windows that the floor is measured on", low=1, high=10**6)
    survival_every: int = setting(
        24,
        "steps between the starts of long rollouts, which are followed until they go wrong; 0 leaves them out",
        low=0,
        high=10**6,
        before=0,
    )
    calibration_windows: int = setting(
        1_000,
        "windows on which the spread of the futures is held against their error; 0 leaves it out",
        low=0,
        high=10**6,
        before=0,
    )
    calibration_samples: int = setting(32, "futures of each of these", low=2, high=10_000, before=32)
    seed: int = setting(0, "of the bootstrap, the sampled futures and the off-policy actions", low=0, high=SEEDS)

    def check_together(self) -> None:
        check(
            self.floor_futures != 1,
            f"floor_futures: expected 0 (off) or at least 2, got {self.floor_futures}",
        )

    def idle(self) -> Mapping[str, str]:
        idle = {} if self.floor_futures else {"floor_windows": "with floor_futures 0"}
        return idle if self.calibration_windows else idle | {"calibration_samples": "with calibration_windows 0"}


@dataclass(frozen=True)
class LogConfig(Settings):
    """Where metrics go besides metrics.jsonl."""

    wandb: Literal["offline", "online", "disabled"] = setting(
        "offline", "offline needs no account; online uploads; disabled writes nothing"
    )
    project: str = setting("pong-rssm", "wandb project", filled=True)


@dataclass(frozen=True)
class WorldModelConfig(Settings):
    """Collect real games, train a world model on them, score it on games that it never saw, and write a report."""

    run: str = setting("runs/wm", "folder of the run; one that was interrupted goes on where it stopped", filled=True)
    seed: int = setting(0, "of the weights, the chunks and the sampled latents", low=0, high=SEEDS)
    device: str = setting("auto", "auto takes an accelerator if there is one, else the CPU", filled=True)
    workers: Workers = setting(
        "auto",
        "processes that share the training, each with a part of every batch; auto takes one for each physical core, or "
        "one on an accelerator; their number changes nothing but rounding; under torchrun it is what that has started",
        low=1,
        high=WORKERS,
        before="auto",
    )
    threads: int = setting(1, "of torch on the CPU, in each worker; 0 leaves torch's choice", low=0, high=WORKERS)
    env: EnvConfig = group(EnvConfig)
    data: DataConfig = group(DataConfig)
    model: ModelConfig = group(ModelConfig)
    loss: LossConfig = group(LossConfig)
    train: TrainConfig = group(TrainConfig)
    eval: EvalConfig = group(EvalConfig)
    log: LogConfig = group(LogConfig)

    def check_together(self) -> None:
        check_game(self.env, self.model, self.data)
        check_open_loop("loss.open_loop_steps", self.loss, "train.chunk_length", self.train.chunk_length)

    def idle(self) -> Mapping[str, str]:
        return huber_only(self.model) | idle_in(self.env)


def idle_in(env: EnvConfig) -> dict[str, str]:
    """The settings that do nothing in this game."""
    return dict.fromkeys(find_game("env.id", env.id).idle, f"in {env.id}")


def huber_only(model: ModelConfig) -> dict[str, str]:
    """The setting among the losses that is read for one likelihood alone."""
    if model.likelihood == "huber":
        return {}
    return {"loss.huber_beta": f"with model.likelihood {model.likelihood}"}
