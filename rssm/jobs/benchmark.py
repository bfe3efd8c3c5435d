"""How fast training, imagination and real play are on this machine."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rssm.config import BenchmarkConfig, ModelConfig, WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.device import pick_device, processor, set_threads
from rssm.game import load_game
from rssm.jobs.data_sets import open_datasets
from rssm.model.world_model import WorldModel
from rssm.progress import track
from rssm.report.publish import publish
from rssm.report.tables import markdown
from rssm.seeds import Stream, derived_seed
from rssm.training.graph import GraphedUpdates
from rssm.training.optimizer import Optimizer
from rssm.training.step import train_step

#: a plain Dreamer of equal size: a loop over time, coupled posteriors, squared error of a direct decoder
_STEPWISE = ModelConfig(posterior="coupled", decoder="direct", likelihood="mse")
_IMAGINED, _HORIZON = 1_024, 6
_MATRIX, _REAL_STEPS, _FITTED = 768, 4_000, 20_000


def benchmark(config: BenchmarkConfig) -> None:
    """Time everything, print a table and write it with its numbers as JSON.

    Raises:
        UserError: the device is not there, or data cannot be collected.
    """
    device = pick_device(config.device)
    set_threads(config.threads)
    job = WorldModelConfig()
    data, _ = open_datasets(job)
    rows: dict[str, dict[str, float]] = {}
    variants = {
        "default": job,
        "without the open-loop term": replace(job, loss=replace(job.loss, open_loop=0.0)),
        "stepwise coupled Dreamer of equal size": replace(job, model=_STEPWISE, loss=replace(job.loss, open_loop=0.0)),
    }
    work: list[tuple[str, Callable[[], dict[str, float]]]] = [
        (name, lambda variant=variant: _updates(variant, data, device, config.updates))  # type: ignore[misc]
        for name, variant in variants.items()
    ]
    for name, measure in track(work, "benchmark", "measurements"):
        rows[name] = measure()
    result = {
        "processor": processor(),
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "updates": rows,
        "imagined_steps_per_second": _imagination(job, data, device),
        "real_steps_per_second": _play(job),
        "matrix_gflops": _ceiling(device),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "settings": asdict(config),
    }
    _write(config, result)


def _model(job: WorldModelConfig, data: Dataset, device: torch.device) -> WorldModel:
    """A fresh model; a part of the data says enough of their ranges."""
    torch.manual_seed(job.seed)
    part = slice(_FITTED)
    fitted = data.game.fit(data.features[part], data.action[part], data.is_first[part])
    return WorldModel(job.model, data.game, fitted, job.loss.huber_beta).to(device)


def _wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def _updates(job: WorldModelConfig, data: Dataset, device: torch.device, count: int) -> dict[str, float]:
    """Median wall and CPU time of an update, ms, and transitions that are learned from per second."""
    optimizer = Optimizer(_model(job, data, device), job.train)
    sampler = ChunkSampler(data, job.train.batch_size, job.train.chunk_length, job.seed)
    graph = GraphedUpdates(optimizer, sampler, job.loss) if device.type == "cuda" else None
    wall, spent = [], []
    for update in range(count + 5):
        seed = derived_seed(job.seed, Stream.WORLD_UPDATE, update)
        begin, cpu = time.perf_counter(), time.process_time()
        if graph is None:
            train_step(optimizer, sampler, job.loss, seed, update)
        else:
            graph.run(seed, update)
        _wait(device)
        wall.append(time.perf_counter() - begin)
        spent.append(time.process_time() - cpu)
    median = statistics.median(wall[5:])
    transitions = job.train.batch_size * job.train.chunk_length
    return {
        "wall_ms": 1e3 * median,
        "cpu_ms": 1e3 * statistics.median(spent[5:]),
        "transitions_per_second": transitions / median,
    }


@torch.no_grad()
def _imagination(job: WorldModelConfig, data: Dataset, device: torch.device) -> float:
    sampler = ChunkSampler(data, 32, 33, 0)
    model = _model(job, data, device).eval()
    chunk = sampler.batch(0).to(device)
    states = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first).states
    start = states.map(lambda part: part.flatten(0, 1)[:_IMAGINED])
    actions = torch.randint(data.game.layout.num_actions, (_IMAGINED, _HORIZON), device=device)
    times = []
    for _ in range(6):
        begin = time.perf_counter()
        model.imagine(start, actions, sample=True)
        _wait(device)
        times.append(time.perf_counter() - begin)
    return _IMAGINED * _HORIZON / statistics.median(times[1:])


def _play(job: WorldModelConfig) -> float:
    """Real steps per second of one emulator, under random actions."""
    game = load_game(job.env.id)
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


def _ceiling(device: torch.device) -> float:
    """GFLOP/s of float32 matrix products, the best of some."""
    left = torch.randn(_MATRIX, _MATRIX, device=device)
    best = 0.0
    for _ in range(8):
        begin = time.perf_counter()
        left @ left
        _wait(device)
        best = max(best, 2 * _MATRIX**3 / (time.perf_counter() - begin) / 1e9)
    return best


def _write(config: BenchmarkConfig, result: dict[str, Any]) -> None:
    stepwise = result["updates"]["stepwise coupled Dreamer of equal size"]["transitions_per_second"]
    rows = [
        [name, row["wall_ms"], row["cpu_ms"], row["transitions_per_second"], row["transitions_per_second"] / stepwise]
        for name, row in result["updates"].items()
    ]
    lines = [
        "# Speed",
        "",
        f"{result['processor']}; {result['device']}, torch {result['torch']}, {result['threads']} thread(s). An update "
        "is 16 chunks of 48 transitions; medians.",
        "",
        *markdown(["update", "wall, ms", "CPU, ms", "transitions/s", "÷ stepwise"], rows),
        "",
        f"- imagined steps per second ({_IMAGINED:,} at once): {result['imagined_steps_per_second']:,.0f}",
        f"- real steps per second of one emulator: {result['real_steps_per_second']:,.0f}",
        f"- float32 matrix products, GFLOP/s: {result['matrix_gflops']:,.0f}",
        f"- peak memory: {result['peak_memory_mb']:,.0f} MB",
    ]
    print("\n".join(lines))
    written = publish(Path(config.out), config.name, result, "\n".join(lines) + "\n")
    print(f"written: {', '.join(map(str, written))}")
