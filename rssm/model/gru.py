"""A gated recurrent unit over time as one differentiable function, for processors on which torch does not fuse it.

Cho et al. 2014, in the form of :class:`torch.nn.GRU`, whose parameters it takes. With gates r and z and candidate n::

    r, z = sigmoid(W x + b + U h + c)        n = tanh(W x + b + r (U h + c))        h' = n + z (h - n)

A step is one matrix product and five pointwise operations, and three in all on the way back; what does not depend on
the recurrence (the inputs' product, the slopes, every gradient of a weight) is done for all steps at once. torch's own
loop runs some twenty operations a step and more on the way back: for a small state, mostly overhead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def gru(x: Tensor, initial: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """Run over inputs x (B, T, I) from a state (B, D).

    Args:
        x: (B, T, I).
        initial: (B, D).
        weights: the input's (3 D, I), the state's (3 D, D) and their biases (3 D,); gates in the order r, z, n.

    Returns:
        (B, T + 1, D): the state at the start and after each step.
    """
    states: Tensor = _GRU.apply(x, initial, *weights)
    return states


class _GRU(torch.autograd.Function):
    # inside, time comes first: what one step touches lies together in memory

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, initial: Tensor, w_input: Tensor, w_state: Tensor, b_input: Tensor, b_state: Tensor
    ) -> Tensor:
        batch, steps, size = x.shape[0], x.shape[1], initial.shape[-1]
        flat = x.transpose(0, 1).reshape(steps * batch, -1)
        # what r, z and n are computed from; then, in the same place, what they are
        gates = torch.addmm(b_input, flat, w_input.t()).view(steps, batch, 3 * size)
        from_state = torch.empty_like(gates)
        states = gates.new_empty(steps + 1, batch, size)
        states[0] = initial
        parts = (gates[..., : 2 * size], *gates.split(size, -1), from_state, from_state[..., : 2 * size])
        views = (part.unbind(0) for part in (*parts, from_state[..., 2 * size :], states, states[1:]))
        to_gates = w_state.t()
        for both, r, z, n, product, to_both, inner, before, after in zip(*views, strict=False):
            torch.addmm(b_state, before, to_gates, out=product)
            both.add_(to_both).sigmoid_()
            n.addcmul_(r, inner).tanh_()
            torch.lerp(n, before, z, out=after)
        ctx.save_for_backward(flat, states, gates, from_state, w_input, w_state)
        return states.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, states, gates, from_state, w_input, w_state = ctx.saved_tensors
        steps, batch, size = states.shape[0] - 1, states.shape[1], states.shape[2]
        reset, update, candidate = gates.split(size, -1)
        inner, before, grad = from_state[..., 2 * size :], states[:-1], grad.transpose(0, 1)
        # the next state's slopes by what goes into the candidate; into r, z and, of the candidate, U h + c
        slope = torch.ops.aten.tanh_backward(1.0 - update, candidate)
        slopes = gates.new_empty(steps, batch, 3, size)
        torch.mul(slope * inner, torch.addcmul(reset, reset, reset, value=-1.0), out=slopes[:, :, 0])
        torch.mul(before - candidate, torch.addcmul(update, update, update, value=-1.0), out=slopes[:, :, 1])
        torch.mul(slope, reset, out=slopes[:, :, 2])

        d_inner = torch.empty_like(slopes)
        d_states = gates.new_empty(steps + 1, batch, 1, size)
        d_states[-1, :, 0] = grad[-1]
        rows, d_rows = d_states.squeeze(2).unbind(0), d_inner.view(steps, batch, 3 * size).unbind(0)
        views = (part.unbind(0) for part in (d_states[1:], slopes, d_inner, grad[:-1], update))
        steps_back = list(zip(*views, d_rows, rows[:-1], rows[1:], strict=True))[::-1]
        for d_after, by, d_gates, own, z, d_row, d_before, d_next in steps_back:
            torch.mul(d_after, by, out=d_gates)
            torch.addcmul(own, d_next, z, out=d_before).addmm_(d_row, w_state)

        d_gates = d_inner.clone()
        torch.mul(d_states[1:, :, 0], slope, out=d_gates[:, :, 2])
        d_gates, d_inner = (d.view(steps * batch, 3 * size) for d in (d_gates, d_inner))
        d_input = (d_gates @ w_input).view(steps, batch, -1).transpose(0, 1) if ctx.needs_input_grad[0] else None
        d_weights = d_gates.t() @ flat, d_inner.t() @ before.reshape(steps * batch, size)
        return d_input, d_states[0, :, 0], *d_weights, d_gates.sum(0), d_inner.sum(0)
