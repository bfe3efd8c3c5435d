"""Rolling a model out from real states, on its own predictions, on the truth, or on a mixture of both."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from rssm.baselines.dynamics import StepModel, observe


def unroll(model: StepModel, stacks: Tensor, actions: Tensor, context: int, length: int, truth: float = 0.0) -> Tensor:
    """Predict ``length`` steps from each of the first ``context`` steps of every piece; gradients flow through all.

    Args:
        model: what predicts.
        stacks: (B, L, F, S), normalised, L at least context + length - 1.
        actions: (B, L) int64, taken after each stack.
        context: C, steps that a rollout starts from; the memory is empty before the first.
        length: K, steps of each rollout.
        truth: chance that a later step of a rollout is predicted from the real stack, not from the model's own.

    Returns:
        (B, C, K, F, S), normalised: entry (b, c, k) predicts the stack after ``stacks[b, c + k]``.
    """
    batch = len(stacks)
    empty = stacks.new_zeros(batch, model.memory_size)
    memory = rearrange(observe(model, empty, stacks[:, :context], actions[:, :context]), "b c m -> (b c) m")
    predicted: list[Tensor] = []
    for k in range(length):
        real = rearrange(stacks[:, k : k + context], "b c f s -> (b c) f s")
        action = rearrange(actions[:, k : k + context], "b c -> (b c)")
        if k == 0:
            stack = real
        else:
            shown = torch.rand(len(real), 1, 1, device=real.device) < truth
            stack = torch.where(shown, real, predicted[-1])
            memory = model.remember(memory, stack, action)
        predicted.append(model.predict(memory, stack, action))
    return rearrange(torch.stack(predicted, 1), "(b c) k f s -> b c k f s", b=batch)
