"""A trained baseline as a predictor that the open-loop evaluation can score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rssm.arrays import FloatArray, IntArray
from rssm.baselines.dynamics import StepModel, observe
from rssm.baselines.scaling import StackScaling
from rssm.system.device import seeded


class BaselinePredictor:
    """Rolls a baseline out from each window's start; the mean of its members' predictions feeds the next step.

    Args:
        members: the networks; those with a memory see each episode from its first observation.
        scaling: of the stacks.
        futures: rollouts per window, whose mean is the prediction; more than 1 where the members sample.
        seed: of what they sample; the prediction depends on nothing else that is random.
    """

    def __init__(self, members: Sequence[StepModel], scaling: StackScaling, futures: int = 1, seed: int = 0) -> None:
        self.members, self.scaling, self.futures, self.seed = members, scaling, futures, seed
        self.device = scaling.mean.device

    @property
    def description(self) -> str:
        """What a prediction is, for the record."""
        if self.futures > 1:
            return f"mean over {self.futures} samples"
        return f"mean of {len(self.members)} networks" if len(self.members) > 1 else "the network's own"

    @torch.no_grad()
    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        """As :class:`rssm.evaluation.predictor.Predictor` says: (W, K, F, S), raw pixels."""
        stacks = self.scaling(self._tensor(observations))
        begin, ahead = self._tensor(starts), self._tensor(futures).repeat(self.futures, 1)
        memories = [
            _before(member, stacks, self._tensor(actions), begin).repeat(self.futures, 1) for member in self.members
        ]
        stack = stacks[begin].repeat(self.futures, 1, 1)
        predicted: list[Tensor] = []
        with seeded(self.seed, self.device):
            for action in ahead.unbind(1):
                memories = [m.remember(memory, stack, action) for m, memory in zip(self.members, memories, strict=True)]
                outputs = [m.predict(memory, stack, action) for m, memory in zip(self.members, memories, strict=True)]
                stack = torch.stack(outputs).mean(0)
                predicted.append(stack)
        rollouts = self.scaling.undo(torch.stack(predicted, 1)).unflatten(0, (self.futures, len(starts)))
        mean: FloatArray = rollouts.mean(0).cpu().numpy()
        return mean

    def _tensor(self, array: FloatArray | IntArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _before(member: StepModel, stacks: Tensor, actions: Tensor, starts: Tensor) -> Tensor:
    """The memories (W, M) that know of everything before each start, of stacks (L, F, S) and actions (L,)."""
    empty = stacks.new_zeros(1, member.memory_size)
    last = int(starts.max()) if len(starts) else 0
    seen = observe(member, empty, stacks[None, :last], actions[None, :last])[0] if last else empty[:0]
    return torch.cat([empty, seen])[starts]
