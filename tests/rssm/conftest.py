"""Models of every variant, a batch to train on, and what a tiny run is made of."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.config import (
    DataConfig,
    EnvConfig,
    EvalConfig,
    LossConfig,
    ModelConfig,
    OthersConfig,
    SealedConfig,
    TrainConfig,
    WorldModelConfig,
)
from rssm.config.yaml_file import save_config
from rssm.data.chunks import Chunk, ChunkSampler
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.frames import to_stack
from rssm.data.play import play_episode
from rssm.evaluation.predictor import Predictor
from rssm.games.pong.env import make_env
from rssm.games.pong.player import Player
from rssm.model.world_model import WorldModel

#: every posterior, decoder and likelihood that may be combined
VARIANTS = [
    ("decoupled", "residual", "discrete"),
    ("coupled", "residual", "discrete"),
    ("decoupled", "residual", "huber"),
    ("coupled", "residual", "mse"),
    ("decoupled", "direct", "huber"),
    ("coupled", "direct", "mse"),
]

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(params=VARIANTS, ids="-".join)
def any_model(request: pytest.FixtureRequest, make_model: Callable[..., WorldModel]) -> WorldModel:
    """A tiny model of each variant in turn."""
    return make_model(*request.param)


@pytest.fixture(scope="session")
def chunk(pong_data: Dataset) -> Chunk:
    """Four chunks of 12 transitions, all of whose observations exist."""
    sampler = ChunkSampler(pong_data, batch_size=4, length=12, seed=0)
    return next(c for c in map(sampler.batch, range(100)) if bool(c.next_exists.all()) and not c.is_first.any())


@pytest.fixture(scope="session")
def tiny_job(tmp_path_factory: pytest.TempPathFactory, tiny_sizes: dict[str, int]) -> WorldModelConfig:
    """The whole job in a few seconds: short episodes, 12 updates, a checkpoint every second one."""
    folder = tmp_path_factory.mktemp("job")
    return WorldModelConfig(
        run=str(folder / "runs" / "whole"),
        device="cpu",
        workers=1,
        threads=1,
        env=EnvConfig(max_episode_steps=150),
        data=DataConfig(
            train=str(folder / "train"),
            heldout=str(folder / "heldout"),
            train_steps=900,
            heldout_steps=310,
            validation_steps=200,
            players="tracking",
            workers=1,
            others=OthersConfig(str(folder / "others"), players="random, sweeping", games=2),
            test=SealedConfig(str(folder / "test"), games=3, other_games=1),
        ),
        model=ModelConfig(**tiny_sizes),
        loss=LossConfig(open_loop_starts=1),
        train=TrainConfig(
            updates=12,
            batch_size=4,
            chunk_length=10,
            warmup=2,
            ema=0.9,
            evaluate_every=5,
            checkpoint_every=2,
            log_every=1,
            muon_precision="float32",
        ),
        eval=EvalConfig(
            bootstrap=20, off_policy_windows=6, calibration_windows=8, calibration_samples=3, action_blind_windows=8
        ),
    )


@pytest.fixture(scope="session")
def finished_run(tiny_job: WorldModelConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``tiny_job``'s run, made by the command itself in a process of its own, wandb offline."""
    home = tmp_path_factory.mktemp("home")
    settings = home / "tiny.yaml"
    save_config(tiny_job, settings)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
    process = subprocess.run(
        [sys.executable, SCRIPTS / "train_wm.py", "--config", settings],
        env=environment | {"HOME": str(home), "NETRC": str(home / "netrc")},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return Path(tiny_job.run)


class RecordingOracle:
    """Answers with what the episode recorded, so it is perfect for recorded actions (and cheats)."""

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        return observations[starts[:, None] + np.arange(1, futures.shape[1] + 1)]


class EmulatorOracle:
    """Plays every window from the episode's reset in a game of its own, without any cloned state."""

    def __init__(self, dataset: Dataset) -> None:
        assert dataset.env is not None
        self.episodes = [dataset.episode(index) for index in range(len(dataset.episodes))]
        self.game = make_env(dataset.env)

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        (episode,) = [one for one in self.episodes if np.array_equal(one.action, actions)]
        answer = np.zeros((*futures.shape, *observations.shape[1:]), np.float32)
        for window, start in enumerate(starts):
            self.game.reset(seed=episode.seed)
            for action in actions[:start]:
                self.game.step(action)
            for step, action in enumerate(futures[window]):
                answer[window, step] = to_stack(self.game.step(action)[0], 4)
        return answer


def _record(path: Path, env: EnvConfig, seeds: tuple[int, ...], steps: int) -> Dataset:
    episodes = [play_episode(env, Player("tracking"), seed, steps) for seed in seeds]
    write_dataset(path, episodes, env=env, policy={"name": "tracking"}, seed=0)
    return Dataset.open(path)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three beginnings of games without sticky actions, 100 rows each."""
    return _record(tmp_path_factory.mktemp("data") / "plain", EnvConfig(), (1, 2, 3), 100)


@pytest.fixture(scope="session")
def recorded_sticky(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two beginnings of games with sticky actions, 100 rows each."""
    return _record(tmp_path_factory.mktemp("data") / "sticky", EnvConfig(repeat_action_probability=0.25), (1, 2), 100)


@pytest.fixture(scope="session")
def whole_game(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """One game to its end."""
    return _record(tmp_path_factory.mktemp("data") / "whole", EnvConfig(), (7,), 10_000)


@pytest.fixture
def recording_oracle() -> Predictor:
    return RecordingOracle()


@pytest.fixture
def emulator_oracle() -> Callable[[Dataset], Predictor]:
    return EmulatorOracle


@pytest.fixture
def assert_causal() -> Callable[[Predictor, FloatArray, IntArray], None]:
    """A check that a window's prediction does not change with what comes after its start."""

    def check(predictor: Predictor, observations: FloatArray, actions: IntArray) -> None:
        starts = np.array([len(actions) // 2])
        futures = np.array([[0, 2, 3, 2, 1, 5]])
        rng = np.random.default_rng(0)
        later, taken = observations.copy(), actions.copy()
        later[starts[0] + 1 :] = rng.uniform(0, 200, later[starts[0] + 1 :].shape)
        taken[starts[0] :] = (taken[starts[0] :] + 1) % 6
        before = predictor.predict(observations, actions, starts, futures)
        after = predictor.predict(later, taken, starts, futures)
        assert np.array_equal(before, after), "the prediction depends on what happens after its start"

    return check
