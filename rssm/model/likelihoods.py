"""The likelihoods that a decoder can predict the next stack with.

Every prediction answers ``loss(target)``, ``mode()``, ``mean()`` and ``sample()``; stacks are (..., 56) raw pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.data.stacks import grid_to_stack, newest, shift_stack, stack_to_grid
from rssm.games.pong import features as F
from rssm.games.pong.statistics import SCORES, FeatureStatistics


def huber(error: Tensor, beta: float) -> Tensor:
    """Huber loss, quadratic below beta and linear above, with unit curvature at 0."""
    size = error.abs()
    return torch.where(size < beta, 0.5 * error.square(), beta * (size - 0.5 * beta))


def _with_scores(frame: Tensor, previous: Tensor) -> Tensor:
    """The scores of frame (..., 14) as the previous frame's plus the frame's own score events."""
    scores = previous[..., list(SCORES)] + frame[..., [F.SCORE_ENEMY, F.SCORE_PLAYER]]
    return torch.cat([frame[..., : F.ENEMY_SCORE], scores, frame[..., F.SCORE_PLAYER :]], -1)


class Support(nn.Module):
    """The K values that some features can take next, as one ragged table of outcomes.

    An outcome *moves* its feature by whole pixels, *continues* its last change, or *lands* it on a fixed value,
    wherever it was (the ball's serve point, a flag's 0 and 1). One categorical over all of them keeps every event
    sharp and cheap to learn: a goal is one class, not one of two hundred changes, and so is free flight at any speed.

    Args:
        statistics: of the training data.
        features: the F features.
    """

    values: Tensor  # (K,), pixels: a change or a landing value
    staying: Tensor  # (K,), 1 where the outcome starts from the value before: moves and continuations
    continuing: Tensor  # (K,), 1 where it repeats the last change
    moving: Tensor  # (K,), 1 where it changes the value by a number of pixels of its own
    owner: Tensor  # (K,), the feature it belongs to
    members: Tensor  # (K, F), 1 where the outcome belongs to the feature
    features: Tensor  # (F,)

    def __init__(self, statistics: FeatureStatistics, features: Sequence[int]) -> None:
        super().__init__()
        rows = [
            [(value, 1.0, 0.0) for value in statistics.moves[i]]
            + [(0.0, 1.0, 1.0)] * (len(statistics.moves[i]) > 1)
            + [(value, 0.0, 0.0) for value in statistics.landings[i]]
            for i in features
        ]
        values, staying, continuing = torch.tensor([outcome for row in rows for outcome in row]).unbind(-1)
        place = torch.tensor([f for f, row in enumerate(rows) for _ in row])
        self.sizes = [len(row) for row in rows]
        self.size, self.count = len(place), len(rows)
        for name, table in (
            ("values", values),
            ("staying", staying),
            ("continuing", continuing),
            ("moving", staying * (1.0 - continuing)),
            ("owner", torch.tensor(features)[place]),
            ("members", nnf.one_hot(place, len(rows)).float()),
            ("features", torch.tensor(features)),
        ):
            self.register_buffer(name, table, persistent=False)

    @property
    def outputs(self) -> int:
        """Numbers that a network must give for :class:`Categoricals`."""
        return self.size + 2 * self.count

    def outcomes(self, stack: Tensor) -> Tensor:
        """The values (..., K) that the outcomes lead to from a stack (..., 56)."""
        frame = newest(stack)
        change = (frame - newest(stack, ago=1)).index_select(-1, self.owner)
        return frame.index_select(-1, self.owner) * self.staying + change * self.continuing + self.values

    def weights(self, target: Tensor, outcomes: Tensor) -> Tensor:
        """How far each of the outcomes (..., K) explains the next frame (..., 14): 1 where it leads there exactly.

        Values between two whole pixels are shared linearly; a value that no outcome reaches counts as the nearest.
        """
        distance = (outcomes - target.index_select(-1, self.owner)).abs()
        weights = (1.0 - distance).clamp(min=0.0)
        unreached = ((weights @ self.members) == 0.0).any(-1)
        if unreached.any():
            weights[unreached] = self._nearest(distance[unreached])
        return weights

    def _nearest(self, distance: Tensor) -> Tensor:
        parts = []
        for d in distance.split(self.sizes, -1):
            least = d.amin(-1, keepdim=True)
            parts.append(torch.where(least < 1.0, (1.0 - d).clamp(min=0.0), (d == least).to(d.dtype)))
        return torch.cat(parts, -1)


#: pixels per unit of the network's output
_CENTRE_SCALE = 8.0
#: logits are softly capped here, so that their exponentials can be summed without a maximum taken out first
_LOGIT_CAP = 30.0
#: a floor under every likelihood: no single value costs more than -ln of this (about 18 nats)
_LEAST_LIKELIHOOD = 1e-8


class Categoricals:
    """Independent categoricals over the outcomes of F features.

    The logits of the moves are a bell around a predicted change, for the sense of distance that makes learning quick,
    plus one free logit per outcome, for any shape.

    Args:
        support: the outcomes.
        output: (..., K + 2 F): the free logits, the bells' centres and their log-precisions.
        stack: (..., 56), the previous stack.
        min_p: samples leave out the values that are less than this share as likely as the likeliest (Nguyen et al.
            2024, "Min-p sampling"): six steps of twelve features each would else drift off on some error of one in a
            hundred.
    """

    def __init__(self, support: Support, output: Tensor, stack: Tensor, min_p: float = 0.0) -> None:
        self.support, self.min_p = support, min_p
        self.outcomes = support.outcomes(stack)
        free, centre, precision = output.split([support.size, support.count, support.count], -1)
        distance = support.values - (_CENTRE_SCALE * centre) @ support.members.T
        bell = 0.5 * (precision - 4.0).exp() @ support.members.T * distance.square()
        logits = free - bell * support.moving
        self.odds = (_LOGIT_CAP * torch.tanh(logits / _LOGIT_CAP)).exp()
        self.total = self.odds @ support.members

    def loss(self, target: Tensor) -> Tensor:
        """-ln p (...) in nats of the next frame (..., 14), summed over the F features."""
        weights = self.support.weights(target, self.outcomes)
        # several outcomes can lead to the same value: its likelihood is their sum
        likelihood = ((self.odds * weights) @ self.support.members) / self.total
        return -(likelihood + _LEAST_LIKELIHOOD).log().sum(-1)

    def mode(self) -> Tensor:
        """The likeliest values (..., F)."""
        return self._pick([mass.argmax(-1) for _, mass in self._masses()])

    def sample(self) -> Tensor:
        """Values (..., F), drawn at random."""
        picks = []
        uniform = torch.rand_like(self.total)
        for f, (odds, mass) in enumerate(self._masses()):
            kept = odds * (mass >= self.min_p * mass.amax(-1, keepdim=True))
            cumulative = kept.cumsum(-1)
            index = (cumulative <= uniform[..., f : f + 1] * cumulative[..., -1:]).sum(-1)
            picks.append(index.clamp(max=odds.shape[-1] - 1))
        return self._pick(picks)

    def mean(self) -> Tensor:
        """The expected values (..., F)."""
        return ((self.odds * self.outcomes) @ self.support.members) / self.total

    def _masses(self) -> list[tuple[Tensor, Tensor]]:
        """Each feature's odds (..., k), and for each outcome those of all that lead to the same value (..., k)."""
        sizes = self.support.sizes
        parts = zip(self.odds.split(sizes, -1), self.outcomes.split(sizes, -1), strict=True)
        return [
            (odds, ((value.unsqueeze(-1) == value.unsqueeze(-2)).to(odds.dtype) @ odds.unsqueeze(-1)).squeeze(-1))
            for odds, value in parts
        ]

    def _pick(self, index: list[Tensor]) -> Tensor:
        outcomes = self.outcomes.split(self.support.sizes, -1)
        return torch.cat([o.gather(-1, i.unsqueeze(-1)) for o, i in zip(outcomes, index, strict=True)], -1)


class DiscretePrediction:
    """The next frame in two parts, p(paddles, flags) p(ball | paddles); the loss is in nats.

    Args:
        first: the paddles, whether a ball is in play, the score events.
        ball: the ball's categoricals, given the rest of the next frame (..., 14).
        stack: (..., 56), the previous stack.
    """

    def __init__(self, first: Categoricals, ball: Callable[[Tensor], Categoricals], stack: Tensor) -> None:
        self.first, self.ball, self.stack = first, ball, stack
        self._drawn: tuple[Tensor, Categoricals] | None = None

    def loss(self, target: Tensor) -> Tensor:
        frame = newest(target)
        # the surprise at a sample is asked for at every imagined step: its ball was decoded already
        drawn = self._drawn
        ball = drawn[1] if drawn is not None and drawn[0] is target else self.ball(frame)
        return self.first.loss(frame) + ball.loss(frame)

    def mode(self) -> Tensor:
        frame = self._with(self.first, self.first.mode(), newest(self.stack))
        ball = self.ball(frame)
        return self._stack(self._with(ball, ball.mode(), frame))

    def sample(self) -> Tensor:
        frame = self._with(self.first, self.first.sample(), newest(self.stack))
        ball = self.ball(frame)
        drawn = self._stack(self._with(ball, ball.sample(), frame))
        self._drawn = drawn, ball
        return drawn

    def mean(self) -> Tensor:
        """The mean of either part, the ball's given the likeliest paddles."""
        ball = self.ball(self._with(self.first, self.first.mode(), newest(self.stack)))
        frame = self._with(self.first, self.first.mean(), newest(self.stack))
        return self._stack(self._with(ball, ball.mean(), frame))

    @staticmethod
    def _with(part: Categoricals, values: Tensor, frame: Tensor) -> Tensor:
        return frame.index_copy(-1, part.support.features, values)

    def _stack(self, frame: Tensor) -> Tensor:
        return shift_stack(self.stack, _with_scores(frame, newest(self.stack)))


class ChangePrediction:
    """A point prediction of the newest frame as previous frame + change, under a Huber or a squared loss.

    Args:
        change: (..., 14), in standard deviations.
        stack: (..., 56), the previous stack.
        std: (14,), standard deviations in raw units.
        beta: of the Huber loss in standard deviations; None takes the squared loss.
    """

    def __init__(self, change: Tensor, stack: Tensor, std: Tensor, beta: float | None) -> None:
        self.change, self.stack, self.std, self.beta = change, stack, std, beta

    def loss(self, target: Tensor) -> Tensor:
        error = _drop_scores(self.change - (newest(target) - newest(self.stack)) / self.std)
        return _error_loss(error, self.beta).sum(-1)

    def mean(self) -> Tensor:
        previous = newest(self.stack)
        return shift_stack(self.stack, _with_scores(previous + self.change * self.std, previous))

    mode = sample = mean


class DirectPrediction:
    """A point prediction of all four frames, normalised, under a Huber or a squared loss.

    Args:
        output: (..., 56), normalised.
        stack: (..., 56), the previous stack, read for its scores alone.
        mean, std: (14,), of the raw features.
        beta: of the Huber loss in standard deviations; None takes the squared loss.
    """

    def __init__(self, output: Tensor, stack: Tensor, mean: Tensor, std: Tensor, beta: float | None) -> None:
        self.output = stack_to_grid(output)
        self.stack, self._mean, self._std, self.beta = stack, mean.unsqueeze(-1), std.unsqueeze(-1), beta

    def loss(self, target: Tensor) -> Tensor:
        grid = stack_to_grid(target)
        error = self.output - (grid - self._mean) / self._std
        return _error_loss(_drop_scores(error.transpose(-1, -2)), self.beta).sum((-1, -2))

    def mean(self) -> Tensor:
        grid = self.output * self._std + self._mean
        frame = _with_scores(grid[..., -1], newest(self.stack))
        shifted = stack_to_grid(shift_stack(self.stack, frame))
        scores = shifted[..., F.ENEMY_SCORE : F.PLAYER_SCORE + 1, :]
        full = torch.cat([grid[..., : F.ENEMY_SCORE, :], scores, grid[..., F.SCORE_PLAYER :, :]], -2)
        return grid_to_stack(full)

    mode = sample = mean


def _drop_scores(error: Tensor) -> Tensor:
    return torch.cat([error[..., : F.ENEMY_SCORE], error[..., F.SCORE_PLAYER :]], -1)


def _error_loss(error: Tensor, beta: float | None) -> Tensor:
    return 0.5 * error.square() if beta is None else huber(error, beta)
