"""The world model as a predictor that the open-loop evaluation can score."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch

from rssm.arrays import FloatArray, IntArray
from rssm.evaluation.calibration import Futures
from rssm.model.futures import BATCH, expected_stacks
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.system.device import seeded


class WorldModelPredictor:
    """Filters each episode from its first observation, then imagines from the states at the windows' starts.

    Args:
        model: the world model, in evaluation mode.
        samples: futures per window whose mean is the prediction (the last step of each future as the mean of its
            decoded distribution); 0 predicts the mode, which takes no random numbers.
        seed: of the sampled futures; the prediction depends on nothing else that is random.
        advance: told now and then how many more windows are done.
    """

    def __init__(
        self, model: WorldModel, samples: int = 0, seed: int = 0, advance: Callable[[int], object] | None = None
    ) -> None:
        self.model, self.samples, self.seed = model, samples, seed
        self.advance = advance or (lambda windows: None)
        self.device = next(model.parameters()).device

    @property
    def description(self) -> str:
        """What a prediction is, for the record."""
        return f"mean over {self.samples} samples" if self.samples else "mode"

    @torch.no_grad()
    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        """As :class:`rssm.evaluation.predictor.Predictor` says: (W, K, F, S), raw pixels."""
        states = self._filter(observations, actions, starts)
        ahead = torch.from_numpy(np.ascontiguousarray(futures)).to(self.device)
        with seeded(self.seed, self.device):  # an evaluation changes nothing of the training around it
            predicted = [
                expected_stacks(self.model, states[i : i + BATCH], ahead[i : i + BATCH], self.samples, self.advance)
                for i in range(0, len(starts), BATCH)
            ]
        empty = torch.zeros(0, futures.shape[1], *observations.shape[1:])
        joined: FloatArray = torch.cat(predicted or [empty]).cpu().numpy()
        return joined

    @torch.no_grad()
    def sample_futures(
        self,
        observations: FloatArray,
        actions: IntArray,
        starts: IntArray,
        futures: IntArray,
        truth: FloatArray,
        samples: int,
    ) -> Futures:
        """As :class:`rssm.evaluation.calibration.Sampler` says."""
        states = self._filter(observations, actions, starts)
        ahead, came = (torch.from_numpy(np.ascontiguousarray(part)).to(self.device) for part in (futures, truth))
        window = torch.arange(len(starts), device=self.device).repeat(samples)  # all futures of all windows at once
        frames, losses = [], []
        with seeded(self.seed, self.device):
            for rows in window.split(BATCH):
                imagined = self.model.imagine(states[rows], ahead[rows], sample=True)
                frames.append(imagined.states.stack[..., -1])
                losses.append(torch.stack([one.loss(came[rows, k]) for k, one in enumerate(imagined.predictions)], 1))
        shape = (samples, *futures.shape)
        surprise = None
        if self.model.config.likelihood == "discrete":  # the others' losses are no probabilities
            together = torch.logsumexp(-torch.cat(losses).view(shape).double(), 0) - math.log(samples)
            surprise = (-together).cpu().numpy()
        return Futures(torch.cat(frames).view(*shape, -1).cpu().numpy(), surprise)

    def _filter(self, observations: FloatArray, actions: IntArray, starts: IntArray) -> State:
        """The states at the windows' starts."""
        stacks = torch.from_numpy(np.ascontiguousarray(observations[None])).to(self.device)
        taken = torch.from_numpy(np.ascontiguousarray(actions[None])).to(self.device)
        is_first = torch.ones(1, dtype=torch.bool, device=self.device)
        states = self.model.observe(stacks, taken, is_first, sample=False).states[0]
        return states[torch.from_numpy(np.ascontiguousarray(starts)).to(self.device)]


def _digest(values: FloatArray | IntArray) -> bytes:
    return hashlib.sha256(values.tobytes()).digest()


class FilteredOnce(WorldModelPredictor):
    """The same for a model that is asked about the same games again and again: each of them is filtered once."""

    def __init__(self, model: WorldModel, samples: int = 0, seed: int = 0) -> None:
        super().__init__(model, samples, seed)
        self._states: dict[tuple[bytes, bytes], State] = {}

    def _filter(self, observations: FloatArray, actions: IntArray, starts: IntArray) -> State:
        key = _digest(observations), _digest(actions)
        if key not in self._states:
            self._states[key] = super()._filter(observations, actions, np.arange(len(observations)))
        return self._states[key][torch.from_numpy(np.ascontiguousarray(starts)).to(self.device)]
