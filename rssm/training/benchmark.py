"""The time of a world model's updates, of its imagination and of its arithmetic on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from rssm.config import WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.model.world_model import WorldModel
from rssm.seeds import Stream, derived_seed
from rssm.system.device import pick_device, set_threads
from rssm.training.graph import GraphedUpdates
from rssm.training.group import ALONE, Group
from rssm.training.launch import processes
from rssm.training.optimizer import Optimizer
from rssm.training.step import train_step

#: updates before the first that is timed; transitions that the data's ranges are taken from
_WARMUP, _FITTED = 5, 20_000
#: rows and columns of the matrices whose product is timed
_MATRIX = 768


@dataclass(frozen=True)
class Timing:
    """Of one update, medians.

    Args:
        wall_ms: milliseconds on the clock.
        cpu_ms: milliseconds of CPU time, all threads of the first process together.
        transitions_per_second: that are learned from, by all processes together.
        gflop: 1e9 operations in matrix products, of all processes together; 0 where they are not counted.
    """

    wall_ms: float
    cpu_ms: float
    transitions_per_second: float
    gflop: float


def fresh_model(job: WorldModelConfig, data: Dataset, device: torch.device) -> WorldModel:
    """A model with random weights; a part of the data says enough of their ranges."""
    torch.manual_seed(job.seed)
    part = slice(_FITTED)
    fitted = data.game.fit(data.features[part], data.action[part], data.is_first[part])
    return WorldModel(job.model, data.game, fitted, job.loss.huber_beta).to(device)


def wait(device: torch.device) -> None:
    """Until the device has done all that was asked of it."""
    if device.type != "cpu":
        torch.accelerator.synchronize()


def median_ms(work: Callable[[int], None], count: int, device: torch.device) -> tuple[float, float]:
    """Median milliseconds on the clock and of CPU time of ``work(number)``, after some calls that do not count."""
    wall, spent = [], []
    for number in range(count + _WARMUP):
        begin, cpu = time.perf_counter(), time.process_time()
        work(number)
        wait(device)
        wall.append(time.perf_counter() - begin)
        spent.append(time.process_time() - cpu)
    return 1e3 * statistics.median(wall[_WARMUP:]), 1e3 * statistics.median(spent[_WARMUP:])


def time_updates(
    job: WorldModelConfig, data: Dataset, device: torch.device, count: int, threads: int = 1, workers: int = 1
) -> Timing:
    """The time of an update of a fresh model.

    Args:
        job: model, loss and batch.
        data: to learn from.
        device: of the training.
        count: updates that are timed.
        threads: of each process.
        workers: processes that share each batch.

    Raises:
        UserError: a process was killed.
    """
    set_threads(threads)
    assistance = (job, str(data.path), str(device), count, threads)
    with processes(workers, device, _assist, *assistance) as join:
        return _time(join(), job, data, device, count)


def _assist(group: Group, job: WorldModelConfig, data: str, device: str, count: int, threads: int) -> None:
    set_threads(threads)
    _time(group, job, Dataset.open(data), pick_device(device), count)


def _time(group: Group, job: WorldModelConfig, data: Dataset, device: torch.device, count: int) -> Timing:
    optimizer = Optimizer(fresh_model(job, data, device), job.train, group)
    sampler = ChunkSampler(data, job.train.batch_size, job.train.chunk_length, job.seed, beyond=True)
    graph = GraphedUpdates(optimizer, sampler, job.loss) if device.type == "cuda" else None

    def update(number: int) -> None:
        seed = derived_seed(job.seed, Stream.WORLD_UPDATE, number)
        if graph is None:
            train_step(optimizer, sampler, job.loss, seed, number)
        else:
            graph.run(seed, number)

    gflop = 0.0
    wall, cpu = median_ms(update, count, device)
    if graph is None and group is ALONE:
        with _MatrixProducts() as counted:
            update(count + _WARMUP)
        gflop = counted.operations / 1e9
    transitions = job.train.batch_size * job.train.chunk_length
    return Timing(wall, cpu, 1e3 * transitions / wall, gflop)


@torch.no_grad()
def imagined_steps_per_second(
    job: WorldModelConfig, data: Dataset, device: torch.device, rows: int, horizon: int
) -> float:
    """Steps that a fresh model imagines, ``rows`` side by side, sampling all that is random."""
    model = fresh_model(job, data, device).eval()
    length = 33
    chunk = ChunkSampler(data, -(-rows // (length - 1)), length, 0).batch(0).to(device)
    states = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first).states
    start = states.map(lambda part: part.flatten(0, 1)[:rows])
    actions = torch.randint(data.game.layout.num_actions, (rows, horizon), device=device)

    def dream(_: int) -> None:
        model.imagine(start, actions, sample=True)

    return 1e3 * rows * horizon / median_ms(dream, 5, device)[0]


def matrix_gflops(device: torch.device) -> float:
    """1e9 operations per second of float32 matrix products, the best of some."""
    left = torch.randn(_MATRIX, _MATRIX, device=device)
    best = 0.0
    for _ in range(8):
        begin = time.perf_counter()
        left @ left
        wait(device)
        best = max(best, 2 * _MATRIX**3 / (time.perf_counter() - begin) / 1e9)
    return best


class _MatrixProducts(TorchDispatchMode):
    """Counts the operations of matrix products inside; torch's own counter wants every module to have a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.operations += count(*args, **(kwargs or {}), out_val=result)
        return result
