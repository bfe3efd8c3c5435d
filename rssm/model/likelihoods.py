"""The likelihoods that a decoder can predict the next stack with.

Every prediction answers ``loss(target)``, ``mode()``, ``mean()`` and ``sample()``; stacks are (..., F, S) raw pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from rssm.data.stacks import shift_stack
from rssm.model.categoricals import Categoricals
from rssm.model.support import Reach, Support

#: pairs (total, event), see :class:`rssm.layout.Layout`
Counters = Sequence[tuple[int, int]]


def huber(error: Tensor, beta: float) -> Tensor:
    """Huber loss, quadratic below beta and linear above, with unit curvature at 0."""
    size = error.abs()
    return torch.where(size < beta, 0.5 * error.square(), beta * (size - 0.5 * beta))


def _with_totals(frame: Tensor, previous: Tensor, counters: Counters) -> Tensor:
    """Frame (..., F) with the totals of the previous frame plus the frame's own events."""
    if not counters:
        return frame
    columns = list(frame.unbind(-1))
    for total, event in counters:
        columns[total] = previous[..., total] + frame[..., event]
    return torch.stack(columns, -1)


class DiscretePrediction:
    """The next frame in two parts, p(paddles, flags) p(ball | paddles); the loss is in nats.

    Args:
        first: the paddles, whether a ball is in play, the score events.
        ball: the ball's categoricals, given the rest of the next frame (..., F).
        both: the outcomes of both, in this order.
        stack: (..., F, S), the previous stack.
        counters: of the game.
    """

    def __init__(
        self,
        first: Categoricals,
        ball: Callable[[Tensor], Categoricals],
        both: Support,
        stack: Tensor,
        counters: Counters = (),
    ) -> None:
        self.first, self.ball, self.both, self.stack, self.counters = first, ball, both, stack, counters

    def _reach(self) -> tuple[Reach, Reach]:
        """What the outcomes of the first part and of the ball lead to."""
        rows = [self.first.support.rows, self.both.rows - self.first.support.rows]
        parts = [part.split(rows, -2) for part in self.both.reach(self.stack)]
        return Reach(*(first for first, _ in parts)), Reach(*(ball for _, ball in parts))

    def loss(self, target: Tensor) -> Tensor:
        frame = target[..., -1]
        output = torch.cat([self.first.output, self.ball(frame).output], -1)
        return Categoricals(self.both, output, self.stack).loss(frame)

    @torch.no_grad()
    def mode(self) -> Tensor:
        first, behind = self._reach()
        frame = self._with(self.first, self.first.mode(first), self.stack[..., -1])
        ball = self.ball(frame)
        return self._stack(self._with(ball, ball.mode(behind), frame))

    def sample(self) -> Tensor:
        return self.sample_with_loss()[0]

    @torch.no_grad()
    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """A stack (..., F, S), drawn at random, and its surprise (...): its own loss, in nats.

        Nothing is decoded twice, as it would be by asking for the loss of a sample.
        """
        first, behind = self._reach()
        values, surprise = self.first.sample_with_loss(first)
        frame = self._with(self.first, values, self.stack[..., -1])
        ball = self.ball(frame)
        values, more = ball.sample_with_loss(behind)
        return self._stack(self._with(ball, values, frame)), surprise + more

    @torch.no_grad()
    def mean(self) -> Tensor:
        """The mean of either part, the ball's given the likeliest paddles."""
        first, behind = self._reach()
        ball = self.ball(self._with(self.first, self.first.mode(first), self.stack[..., -1]))
        frame = self._with(self.first, self.first.mean(first), self.stack[..., -1])
        return self._stack(self._with(ball, ball.mean(behind), frame))

    @staticmethod
    def _with(part: Categoricals, values: Tensor, frame: Tensor) -> Tensor:
        return frame.index_copy(-1, part.support.features, values)

    def _stack(self, frame: Tensor) -> Tensor:
        """The next stack, of a frame of its own whose totals are still those before."""
        for total, event in self.counters:
            frame[..., total].add_(frame[..., event])
        return shift_stack(self.stack, frame)


class ChangePrediction:
    """A point prediction of the newest frame as previous frame + change, under a Huber or a squared loss.

    Args:
        change: (..., F), in standard deviations.
        stack: (..., F, S), the previous stack.
        std: (F,), standard deviations in raw units.
        beta: of the Huber loss in standard deviations; None takes the squared loss.
        counters: of the game.
    """

    def __init__(self, change: Tensor, stack: Tensor, std: Tensor, beta: float | None, counters: Counters = ()) -> None:
        self.change, self.stack, self.std, self.beta, self.counters = change, stack, std, beta, counters

    def loss(self, target: Tensor) -> Tensor:
        error = _without_totals(self.change - (target[..., -1] - self.stack[..., -1]) / self.std, self.counters)
        return _error_loss(error, self.beta).sum(-1)

    def mean(self) -> Tensor:
        previous = self.stack[..., -1]
        return shift_stack(self.stack, _with_totals(previous + self.change * self.std, previous, self.counters))

    mode = sample = mean

    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """The mean is no surprise to it: its loss is 0."""
        stack = self.mean()
        return stack, self.loss(stack)


class DirectPrediction:
    """A point prediction of all frames, normalised, under a Huber or a squared loss.

    Args:
        output: (..., F, S), normalised.
        stack: (..., F, S), the previous stack, read for its totals alone.
        mean, std: (F,), of the raw features.
        beta: of the Huber loss in standard deviations; None takes the squared loss.
        counters: of the game.
    """

    def __init__(
        self,
        output: Tensor,
        stack: Tensor,
        mean: Tensor,
        std: Tensor,
        beta: float | None,
        counters: Counters = (),
    ) -> None:
        self.output, self.counters = output, counters
        self.stack, self._mean, self._std, self.beta = stack, mean.unsqueeze(-1), std.unsqueeze(-1), beta

    def loss(self, target: Tensor) -> Tensor:
        error = self.output - (target - self._mean) / self._std
        return _error_loss(_without_totals(error.transpose(-1, -2), self.counters), self.beta).sum((-1, -2))

    def mean(self) -> Tensor:
        stack = self.output * self._std + self._mean
        if self.counters:
            shifted = shift_stack(self.stack, _with_totals(stack[..., -1], self.stack[..., -1], self.counters))
            totals = torch.tensor([total for total, _ in self.counters], device=stack.device)
            stack = stack.index_copy(-2, totals, shifted.index_select(-2, totals))
        return stack

    mode = sample = mean

    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """The mean, and its loss: 0, but for what the totals and the older frames are."""
        stack = self.mean()
        return stack, self.loss(stack)


def _without_totals(error: Tensor, counters: Counters) -> Tensor:
    totals = {total for total, _ in counters}
    return error[..., [i for i in range(error.shape[-1]) if i not in totals]] if totals else error


def _error_loss(error: Tensor, beta: float | None) -> Tensor:
    return 0.5 * error.square() if beta is None else huber(error, beta)
