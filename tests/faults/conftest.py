"""The commands, and the smallest jobs that do everything a large one does."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.config import AgentConfig, AgentTrainConfig, EvaluationConfig, PlayConfig, WorldConfig
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from rssm.config import (
    DataConfig,
    EnvConfig,
    EvalConfig,
    LogConfig,
    LossConfig,
    ModelConfig,
    OthersConfig,
    TrainConfig,
    WorldModelConfig,
)
from rssm.config.yaml_file import save_config
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode, to_observation

sys.path.insert(0, str(Path(__file__).parent))

from harness import Commands, FaultJob, Undisturbed, fresh, results


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    started = Commands(tmp_path_factory.mktemp("logs"))
    yield started
    started.close()


def world_model_job(sizes: dict[str, int]) -> WorldModelConfig:
    """Four updates on two short games, an evaluation and a checkpoint after every second one."""
    return WorldModelConfig(
        run="runs/wm",
        device="cpu",
        workers=1,
        threads=1,
        env=EnvConfig(max_episode_steps=100),
        data=DataConfig(
            train="data/train",
            heldout="data/heldout",
            train_steps=240,
            heldout_steps=120,
            validation_steps=60,
            players="random",
            heldout_player="random",
            workers=1,
            others=OthersConfig(games=0),
        ),
        model=ModelConfig(**sizes),
        loss=LossConfig(open_loop_starts=1),
        train=TrainConfig(
            updates=4,
            batch_size=2,
            chunk_length=9,
            warmup=1,
            ema=0.9,
            evaluate_every=2,
            checkpoint_every=2,
            log_every=1,
            muon_precision="float32",
        ),
        eval=EvalConfig(samples=0, bootstrap=5, off_policy_windows=2, survival_every=0, calibration_windows=0),
        log=LogConfig(wandb="disabled"),
    )


def agent_job(sizes: dict[str, int], *, online: bool) -> AgentConfig:
    """Three cycles of two updates, a checkpoint after every second one."""
    job = AgentConfig(
        run="runs/agent",
        online=online,
        device="cpu",
        threads=1,
        env=EnvConfig(max_episode_steps=40),
        actor_critic=ActorCriticConfig(hidden=8, layers=1, bins=11),
        imagination=ImaginationConfig(chunks=2, chunk_length=8, burn_in=3, horizon=2, starts=4),
        train=AgentTrainConfig(cycle=2, actor_warmup=1, critic_warmup=1, checkpoint_every=4),
        evaluation=EvaluationConfig(games=1, final_games=1, planned_games=0, states=0, workers=0),
        log=LogConfig(wandb="disabled"),
    )
    if not online:
        return replace(job, train=replace(job.train, updates=6, evaluate_every=4))
    return replace(
        job,
        env_steps=84,
        play=PlayConfig(games=2, random_steps=44, steps_per_update=8, final_updates=1, memory=6),
        world=WorldConfig(first_updates=2, steps_per_update=20, batch_size=2, chunk_length=10, warmup=1, workers=0),
        model=ModelConfig(**sizes),
        loss=LossConfig(open_loop_starts=1),
        evaluation=replace(job.evaluation, steps=30),
    )


@pytest.fixture(scope="session")
def jobs(
    commands: Commands,
    pong_data: Dataset,
    tiny_sizes: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, FaultJob]:
    """The jobs that write, by name."""
    home = tmp_path_factory.mktemp("jobs")
    empty = home / "empty"
    empty.mkdir()
    save_config(world_model_job(tiny_sizes), empty / "wm.yaml")
    trained = fresh(empty, home / "trained")
    done = commands.run(trained, "train_wm", ["--config", "wm.yaml"])
    assert done.code == 0, done.err
    for online in (True, False):
        where = empty if online else trained
        save_config(agent_job(tiny_sizes, online=online), where / f"{'online' if online else 'offline'}.yaml")
    imported = home / "imported"
    imported.mkdir()
    game = pong_data.episode(0)
    np.savez(
        imported / "theirs.npz", obs=to_observation(stack_episode(game.features)), actions=game.action.astype(np.int64)
    )
    collected = ("--out", "data/c", "--steps", "500", "--players", "60% random, 40% random hold=4", "--workers", "1")
    return {
        "train_wm": FaultJob("train_wm", ("--config", "wm.yaml"), empty),
        "online": FaultJob("train_agent", ("--config", "online.yaml"), empty),
        "offline": FaultJob("train_agent", ("--config", "offline.yaml"), trained),
        "collect": FaultJob("collect", collected, empty),
        "import_data": FaultJob("import_data", ("--input", "theirs.npz", "--out", "data/i"), imported),
        "evaluate": FaultJob("evaluate", ("--run", "runs/wm", "--threads", "1", "--device", "cpu"), trained),
    }


@pytest.fixture(scope="session")
def undisturbed(
    jobs: dict[str, FaultJob], commands: Commands, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    """Does a job once, with nobody in its way."""
    known: dict[str, Undisturbed] = {}
    home = tmp_path_factory.mktemp("undisturbed")

    def find(name: str) -> Undisturbed:
        if name not in known:
            job = jobs[name]
            done = commands.run(fresh(job.start, home / name), job.command, job.words, kill_at=0)
            assert done.code == 0, done.err
            known[name] = Undisturbed(home / name, done.points, results(home / name))
        return known[name]

    return find
