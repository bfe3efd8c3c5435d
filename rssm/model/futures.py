"""The stacks that a world model expects, as the mean over sampled futures."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rssm.model.state import State
from rssm.model.world_model import WorldModel

#: futures imagined in one call: more are no faster, and fewer are mostly overhead
BATCH = 2048


@torch.no_grad()
def expected_stacks(
    model: WorldModel,
    states: State,
    actions: Tensor,
    samples: int,
    advance: Callable[[int], object] = lambda windows: None,
) -> Tensor:
    """What follows states (W,) under actions (W, K): stacks (W, K, F, S), raw units.

    Args:
        model: the world model.
        states: where it goes on from.
        actions: int64.
        samples: futures of each state. The prediction is their mean, the last step of each future being the mean of
            its decoded distribution. 0 predicts the mode, which takes no random numbers.
        advance: told now and then how many more states are done.
    """
    windows = len(actions)
    if samples == 0:
        modes = model.imagine(states, actions, sample=False).states.stack
        advance(windows)
        return modes
    total = torch.zeros(*actions.shape, *states.stack.shape[1:], device=states.stack.device)
    together = max(1, min(samples, BATCH // max(windows, 1)))
    for done in range(0, samples, together):
        count = min(together, samples - done)
        rows = torch.arange(windows, device=actions.device).repeat(count)
        imagined = model.imagine(states[rows], actions[rows], sample=True)
        means = torch.stack([prediction.mean() for prediction in imagined.predictions], 1)
        total += means.unflatten(0, (count, windows)).sum(0)
        # whole states, as many as their share of the samples: they add up
        advance((done + count) * windows // samples - done * windows // samples)
    return total / samples
