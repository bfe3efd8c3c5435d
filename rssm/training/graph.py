"""The whole update as one CUDA graph.

An update of a small model is thousands of kernels of a few microseconds each, and a card waits for Python between them.
Captured once, the same kernels are started by a single call: data lie on the card, learning rates and places of chunks
are copied into fixed tensors, and nothing is read back but what is logged.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rssm.config import LossConfig
from rssm.data.chunks import ChunkSampler
from rssm.errors import DivergedError
from rssm.model.losses import Losses, chunk_losses
from rssm.training.average import follow_weight
from rssm.training.optimizer import Optimizer, learning_rate
from rssm.training.step import check_finite, gradient_step, named, scales_of

#: updates that run operation by operation before the capture, so that all that is made once is made
_WARM_UP = 3


class GraphedUpdates:
    """The updates of :func:`rssm.training.step.train_step`, for one process on an NVIDIA card.

    The arithmetic and the random numbers are the same. A loss or gradient that is not finite changes no weights from
    then on; it is found when the numbers are next read.

    Args:
        optimizer: of the model, which is on the card.
        sampler: of the chunks; its data are copied to the card.
        config: scales of the loss.
    """

    def __init__(self, optimizer: Optimizer, sampler: ChunkSampler, config: LossConfig) -> None:
        self.optimizer, self.sampler, self.config = optimizer, sampler, config
        self.device = next(optimizer.model.parameters()).device
        self._rows = sampler.rows.to(self.device)
        self._places = torch.zeros(3, sampler.batch_size, dtype=torch.int64, device=self.device)
        # learning rate, weight in the average, number of the update
        self._numbers = torch.zeros(3, device=self.device)
        self._diverged = torch.full((), math.inf, device=self.device)
        self._stream = torch.cuda.Stream(self.device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._scales: Tensor | None = None
        self._losses: Losses | None = None
        self._values = torch.zeros(0, device=self.device)
        self._done = 0

    def run(self, seed: int, update: int) -> None:
        """One update, started but not waited for.

        Args:
            seed: of everything that is drawn in it.
            update: its number, from 0.
        """
        self._places.copy_(torch.from_numpy(np.stack(self.sampler.places(update))), non_blocking=True)
        rate = learning_rate(self.optimizer.config, update)
        numbers = torch.tensor([rate, follow_weight(self.optimizer.config.ema, update), float(update)])
        self._numbers.copy_(numbers, non_blocking=True)
        torch.cuda.manual_seed(seed)
        if self._done < _WARM_UP:
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                self._update()
            torch.cuda.current_stream().wait_stream(self._stream)
        else:
            if self._graph is None:
                self._graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(self._graph):
                    self._update()
                torch.cuda.manual_seed(seed)
            self._graph.replay()
        self._done += 1

    def terms(self, update: int) -> dict[str, float]:
        """What to log of the last update, whose number this is.

        Raises:
            DivergedError: the loss or the gradient of an update was not a finite number; no weights have changed since.
        """
        assert self._losses is not None
        terms = named(self._losses, self._values.tolist(), learning_rate(self.optimizer.config, update))
        diverged = self._diverged.item()
        if math.isfinite(diverged):
            check_finite(terms, int(diverged))
            raise DivergedError(f"loss: not finite at update {int(diverged)}: lower train.learning_rate or train.clip")
        return terms

    def _update(self) -> None:
        start, first, stop = self._places
        chunk = self._rows.cut(start, first, stop, self.sampler.length, self.sampler.data.game.layout.stack)
        self._losses = losses = chunk_losses(self.optimizer.model, chunk, self.config)
        if self._scales is None:
            self._scales = scales_of(losses, self.config, self.device)
        values = gradient_step(self.optimizer, losses, self._scales)
        rate, weight, number = self._numbers.unbind()
        fine = values[-2:].isfinite().all()
        self._diverged.copy_(torch.where(fine | self._diverged.isfinite(), self._diverged, number))
        going = ~self._diverged.isfinite()
        self.optimizer.zero_unless(going)
        norm = torch.where(going, values[-1], 1.0)
        self.optimizer.apply(norm, torch.where(going, rate, 0.0), torch.where(going, weight, 0.0))
        self._values = values
