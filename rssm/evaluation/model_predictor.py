"""The world model as a predictor that the open-loop evaluation can score."""

from __future__ import annotations

import numpy as np
import torch

from rssm.arrays import FloatArray, IntArray
from rssm.device import seeded
from rssm.games.pong.features import OBS_SIZE
from rssm.model.state import State
from rssm.model.world_model import WorldModel

#: windows imagined in one call
_BATCH = 4096


class WorldModelPredictor:
    """Filters each episode from its first observation, then imagines from the states at the windows' starts.

    Args:
        model: the world model, in evaluation mode.
        samples: futures per window whose mean is the prediction (the last step of each future as the mean of its
            decoded distribution); 0 predicts the mode, which takes no random numbers.
        seed: of the sampled futures; the prediction depends on nothing else that is random.
    """

    def __init__(self, model: WorldModel, samples: int = 0, seed: int = 0) -> None:
        self.model, self.samples, self.seed = model, samples, seed
        self.device = next(model.parameters()).device

    @property
    def description(self) -> str:
        """What a prediction is, for the record."""
        return f"mean over {self.samples} samples" if self.samples else "mode"

    @torch.no_grad()
    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        """As :class:`rssm.evaluation.predictor.Predictor` says: (W, K, 56), raw pixels."""
        stacks = torch.from_numpy(np.ascontiguousarray(observations[None])).to(self.device)
        taken = torch.from_numpy(np.ascontiguousarray(actions[None])).to(self.device)
        is_first = torch.ones(1, dtype=torch.bool, device=self.device)
        states = self.model.observe(stacks, taken, is_first, sample=False).states[0]
        begin = torch.from_numpy(np.ascontiguousarray(starts)).to(self.device)
        ahead = torch.from_numpy(np.ascontiguousarray(futures)).to(self.device)
        with seeded(self.seed, self.device):  # an evaluation changes nothing of the training around it
            predicted = [
                self._imagine(states[begin[i : i + _BATCH]], ahead[i : i + _BATCH])
                for i in range(0, len(begin), _BATCH)
            ]
        empty = torch.zeros(0, futures.shape[1], OBS_SIZE)
        joined: FloatArray = torch.cat(predicted or [empty]).cpu().numpy()
        return joined

    def _imagine(self, states: State, actions: torch.Tensor) -> torch.Tensor:
        if self.samples == 0:
            return self.model.imagine(states, actions, sample=False).states.frame
        total = torch.zeros(*actions.shape, OBS_SIZE, device=self.device)
        for _ in range(self.samples):
            imagined = self.model.imagine(states, actions, sample=True)
            total += torch.stack([prediction.mean() for prediction in imagined.predictions], 1)
        return total / self.samples
