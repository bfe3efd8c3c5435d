"""The world model of an online run, trained on the growing replay beside the agent or in turn with it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch

from agents.config import AgentConfig
from rssm.config import TrainConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.game import load_game
from rssm.model.world_model import WorldModel
from rssm.protocols import Statistics
from rssm.seeds import Stream, derived_seed
from rssm.system.assistant import Assistant
from rssm.system.device import pick_device, seeded, set_threads
from rssm.training.optimizer import Optimizer
from rssm.training.step import train_step

_KILLED = (
    "world.workers: the process that trains the world model was killed (out of memory?); start the same command again "
    "to go on from the last checkpoint"
)


@dataclass(frozen=True)
class Work:
    """A stretch of updates of the world model, whole in itself: the same work gives the same weights in any process.

    Args:
        config: the whole job.
        optimizer: settings of the optimiser, with the number of updates that its schedule ends at.
        statistics: of the features.
        state: weights and optimiser as :func:`pack` wrote them; empty starts a new model.
        data: the real steps so far.
        first: number of the first update.
        stop: number of the update after the last one.
    """

    config: AgentConfig
    optimizer: TrainConfig
    statistics: Statistics
    state: bytes
    data: Dataset
    first: int
    stop: int

    def do(self) -> tuple[bytes, dict[str, float]]:
        """Do it.

        Returns:
            weights and optimiser after the last update, and the mean of what the updates have to log, as
            ``world/NAME``.
        """
        config, device = self.config, pick_device(self.config.device)
        set_threads(config.threads, 2)  # the agent learns beside it
        model, optimizer = self._start(device)
        seed = derived_seed(config.seed, Stream.WORLD_CHUNKS)
        sampler = ChunkSampler(self.data, config.world.batch_size, config.world.chunk_length, seed, beyond=True)
        sums: dict[str, float] = {}
        for update in range(self.first, self.stop):
            drawn = derived_seed(config.seed, Stream.WORLD_UPDATE, update)
            terms = train_step(optimizer, sampler, config.loss, drawn, update)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value
        means = {name.replace("train/", "world/"): value / (self.stop - self.first) for name, value in sums.items()}
        return pack({"model": model.state_dict(), "optimizer": optimizer.state_dict()}), means

    def _start(self, device: torch.device) -> tuple[WorldModel, Optimizer]:
        with seeded(derived_seed(self.config.seed, Stream.WORLD_WEIGHTS), device):
            model = make_world(self.config, self.statistics).to(device)
        optimizer = Optimizer(model, self.optimizer)
        if self.state:
            state = unpack(self.state)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        return model, optimizer


class WorldTrainer:
    """Does one :class:`Work` after the other; a context manager.

    Args:
        workers: 1 for a process of its own, so that :meth:`start` returns at once; 0 works when the result is asked
            for.
    """

    def __init__(self, workers: int) -> None:
        self._assistant = Assistant(_KILLED) if workers else None
        self._work: Work | None = None

    def start(self, work: Work) -> None:
        """Begin with the work."""
        self._work = work
        if self._assistant is not None:
            self._assistant.start(Work.do, work)

    def result(self) -> tuple[bytes, dict[str, float]]:
        """What the work came to (see :meth:`Work.do`), once it is done.

        Raises:
            DivergedError: the loss or a gradient is not a finite number.
            UserError: the process was killed.
        """
        assert self._work is not None
        if self._assistant is None:
            return self._work.do()
        result: tuple[bytes, dict[str, float]] = self._assistant.result()
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._assistant is not None:
            self._assistant.__exit__(kind, error, trace)


def make_world(config: AgentConfig, statistics: Statistics) -> WorldModel:
    """A new world model of an online run."""
    return WorldModel(config.model, load_game(config.env.id, config.env.stack), statistics, config.loss.huber_beta)


def pack(state: dict[str, Any]) -> bytes:
    """Tensors in plain containers as bytes, which pass between processes without shared memory."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpack(state: bytes) -> dict[str, Any]:
    """What :func:`pack` was given, on the CPU."""
    result: dict[str, Any] = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    return result
