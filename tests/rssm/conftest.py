"""Models of every variant, a batch to train on, and what a tiny run is made of."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rssm.chunks import Chunk, ChunkSampler
from rssm.config import DataConfig, EnvConfig, EvalConfig, LossConfig, ModelConfig, TrainConfig, WorldModelConfig
from rssm.config_file import save_config
from rssm.dataset import Dataset
from rssm.world_model import WorldModel

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
            workers=1,
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
        eval=EvalConfig(bootstrap=20, off_policy_windows=6),
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
