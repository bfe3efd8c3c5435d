"""How fast world model, agent, imagination and real play are on this machine."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from agents.config import AgentConfig
from agents.learning.agent import Agent
from agents.learning.inputs import inputs_size
from agents.learning.learner import Learner
from rssm.config import BenchmarkConfig, ModelConfig, Precision, WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.game import load_game
from rssm.jobs.data_sets import open_datasets
from rssm.progress import track
from rssm.report.publish import publish
from rssm.report.tables import markdown
from rssm.system.device import hold_to_avx2, physical_cores, pick_device, processor, set_threads
from rssm.training.benchmark import (
    fresh_model,
    imagined_steps_per_second,
    matrix_gflops,
    median_ms,
    time_updates,
)
from rssm.training.muon import name_of, pick_precision

#: a plain Dreamer of equal size: a loop over time, coupled posteriors, squared error of a direct decoder
_STEPWISE = ModelConfig(posterior="coupled", decoder="direct", likelihood="mse")
_STEPWISE_ROW = "stepwise coupled Dreamer of equal size"
_IMAGINED, _HORIZON = 1_024, 6
_REAL_STEPS = 4_000


def benchmark(config: BenchmarkConfig) -> None:
    """Time everything, print a table and write it with its numbers as JSON.

    Raises:
        UserError: the device is not there, the processor has no AVX2, or data cannot be collected.
    """
    if config.instructions == "avx2":
        hold_to_avx2()
    device = pick_device("cpu" if config.instructions == "avx2" else config.device)
    set_threads(1)
    job = WorldModelConfig()
    data, _ = open_datasets(job)
    plain = replace(job, loss=replace(job.loss, open_loop=0.0))
    direct = replace(_STEPWISE, posterior="decoupled")
    cores = physical_cores() if device.type == "cpu" else 1
    taken = name_of(pick_precision("auto", device))
    other: Precision = "bfloat16" if taken == "float32" else "float32"
    variants: dict[str, tuple[WorldModelConfig, int, int]] = {
        "default": (job, 1, 1),
        f"default, Muon in {other}": (replace(job, train=replace(job.train, muon_precision=other)), 1, 1),
        "without the open-loop term": (plain, 1, 1),
        "the same with the Dreamer's decoder": (replace(plain, model=direct), 1, 1),
        _STEPWISE_ROW: (replace(plain, model=_STEPWISE), 1, 1),
    }
    if cores > 1:
        variants[f"default, {cores} threads"] = (job, cores, 1)
        variants[f"default, {cores} processes"] = (job, 1, cores)
    work: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        (
            name,
            lambda variant=variant, threads=threads, workers=workers: asdict(  # type: ignore[misc]
                time_updates(variant, data, device, config.updates, threads, workers)
            ),
        )
        for name, (variant, threads, workers) in variants.items()
    ]
    work.append(("agent", lambda: _agent(job, data, device, config.updates)))
    rows: dict[str, dict[str, Any]] = {}
    for name, measure in track(work, "benchmark", "measurements"):
        rows[name] = measure()
    set_threads(1)
    agent = rows.pop("agent")
    result = {
        "processor": processor(),
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "updates": rows,
        "agent": agent,
        "imagined_steps_per_second": imagined_steps_per_second(job, data, device, _IMAGINED, _HORIZON),
        "real_steps_per_second": _play(job),
        "matrix_gflops": matrix_gflops(device),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "settings": {key: value for key, value in asdict(config).items() if key not in ("out", "name")},
    }
    _write(config, result)


def _agent(job: WorldModelConfig, data: Dataset, device: torch.device, count: int) -> dict[str, Any]:
    """Median time of an update of the default agent, ms, and the steps that it imagines per second."""
    set_threads(1)
    config = AgentConfig()
    model = fresh_model(job, data, device).eval().requires_grad_(False)
    agent = Agent(config.actor_critic, inputs_size(job.model, data.game), data.game).to(device)
    learner = Learner(agent, config.imagination, config.train, count)
    dreams = config.imagination
    sampler = ChunkSampler(data, dreams.chunks, dreams.chunk_length, job.seed)

    def update(number: int) -> None:
        learner.update(model, sampler.batch(number).to(device), number)

    wall, cpu = median_ms(update, count, device)
    imagined = dreams.trajectories(len(agent.actor.allowed)) * dreams.horizon
    return {"wall_ms": wall, "cpu_ms": cpu, "imagined_steps_per_second": 1e3 * imagined / wall}


def _play(job: WorldModelConfig) -> float:
    """Real steps per second of one emulator, under random actions."""
    game = load_game(job.env.id, job.env.stack)
    env, layout = game.make_env(job.env), game.layout
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    begin = time.perf_counter()
    for step in range(_REAL_STEPS):
        _, _, terminated, truncated, _ = env.step(int(rng.integers(layout.num_actions)))
        if terminated or truncated:
            env.reset(seed=step)
    seconds = time.perf_counter() - begin
    env.close()
    return _REAL_STEPS / seconds


def _write(config: BenchmarkConfig, result: dict[str, Any]) -> None:
    stepwise = result["updates"][_STEPWISE_ROW]["transitions_per_second"]
    ceiling = result["matrix_gflops"]
    rows = [
        [
            name,
            row["wall_ms"],
            row["cpu_ms"],
            row["transitions_per_second"],
            row["transitions_per_second"] / stepwise,
            f"{row['gflop'] / row['wall_ms'] * 1e3 / ceiling:.0%}" if row["gflop"] and "threads" not in name else "–",
        ]
        for name, row in result["updates"].items()
    ]
    agent, job = result["agent"], WorldModelConfig().train
    lines = [
        "# Speed",
        "",
        f"{result['processor']}; {result['device']}, torch {result['torch']}; one thread where nothing else is said. "
        f"An update is {job.batch_size} chunks of {job.chunk_length} transitions; medians of {config.updates}.",
        "",
        *markdown(["update", "wall, ms", "CPU, ms", "transitions/s", "÷ stepwise", "of the ceiling"], rows),
        "",
        f"- an update of the offline agent: {agent['wall_ms']:.0f} ms, {agent['imagined_steps_per_second']:,.0f} "
        "imagined steps per second",
        f"- imagined steps per second ({_IMAGINED:,} at once, nothing learned): "
        f"{result['imagined_steps_per_second']:,.0f}",
        f"- real steps per second of one emulator: {result['real_steps_per_second']:,.0f}",
        f"- the ceiling, float32 products of large matrices: {ceiling:,.0f} GFLOP/s",
        f"- peak memory: {result['peak_memory_mb']:,.0f} MB",
    ]
    print("\n".join(lines))
    written = publish(Path(config.out), config.name, result, "\n".join(lines) + "\n")
    print(f"written: {', '.join(map(str, written))}")
