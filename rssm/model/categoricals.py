"""Independent categoricals over the outcomes of features, and their likelihood with a gradient written by hand."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rssm.model.support import LOGIT_CAP, Reach, Support

#: pixels per unit of the network's output
_CENTRE_SCALE = 8.0
#: log-precisions are counted from here: a bell begins about fifteen pixels wide
_PRECISION_OFFSET = 4.0 + math.log(2.0)
#: a floor under every likelihood: no single value costs more than -ln of this (about 18 nats)
_LEAST_LIKELIHOOD = 1e-8


class _Odds(NamedTuple):
    """What a network's output means.

    Args:
        moving, choosing: (..., R, O) and (..., Q, U), odds, not normalised; 0 where there is no outcome.
        odds: (..., R O + Q U), the same.
        bend: the same shape, 0 to 1: where on the soft cap's curve each logit lies.
        distance: (..., R, M), pixels from the bell's centre to each move.
        steepness: (..., R, 1), of the bell.
    """

    moving: Tensor
    choosing: Tensor
    odds: Tensor
    bend: Tensor
    distance: Tensor
    steepness: Tensor


def _odds(support: Support, output: Tensor, *, keep: bool) -> _Odds:
    """``keep`` what a gradient needs; else the bend is overwritten by the odds."""
    numbers = output.index_select(-1, support.columns)
    moving, choosing = support.split(numbers)
    moves, _, centre, precision = moving.split([support.moves, 1 + support.landed, 1, 1], -1)
    distance = torch.add(support.grid, centre, alpha=-_CENTRE_SCALE)
    steepness = (precision - _PRECISION_OFFSET).exp()
    moves.addcmul_(steepness, distance.square(), value=-1.0)
    # cap * tanh(logit / cap), by a sigmoid, and a power of two, which processors are quicker at
    bend = numbers.mul_(2.0 / LOGIT_CAP).sigmoid_()
    odds = torch.empty_like(bend) if keep else bend
    torch.add(support.pad, bend, alpha=2.0 * LOGIT_CAP / math.log(2.0), out=odds).exp2_()
    if keep:
        moving, choosing = support.split(odds)
    return _Odds(moving, choosing, odds, bend, distance, steepness)


class Categoricals:
    """Independent categoricals over the outcomes of features.

    The logits of the moves are a bell around a predicted change, for the sense of distance that makes learning quick,
    plus one free logit per outcome, for any shape. Several outcomes can lead to one value (a move, the last change
    going on, a landing): a value's probability is their sum.

    Values come in the order of ``support.features``, without those features that never change.

    Args:
        support: the outcomes.
        output: (..., support.outputs): by head the free logits, the bells' centres and their log-precisions.
        stack: (..., F, S), the previous stack.
        min_p: samples leave out the values that are less than this share as likely as the likeliest (Nguyen et al.
            2024, "Min-p sampling"): six steps of twelve features each would else drift off on some error of one in a
            hundred.
    """

    def __init__(self, support: Support, output: Tensor, stack: Tensor, min_p: float = 0.0) -> None:
        # likelihoods need every digit, whatever precision the networks run in
        self.output = output.to(stack.dtype)
        self.support, self.stack, self.min_p = support, stack, min_p

    def loss(self, target: Tensor) -> Tensor:
        """-ln p (...) in nats of the next frame (..., F), summed over the features.

        Values between two whole pixels are shared linearly; a value that no outcome reaches counts as the nearest.
        """
        loss: Tensor = _Loss.apply(self.output, self.stack, target, self.support)
        return loss

    @torch.no_grad()
    def mode(self, reach: Reach | None = None) -> Tensor:
        """The likeliest values (..., F); ``reach`` is the support's of the stack, where it is known."""
        reach = self.support.reach(self.stack) if reach is None else reach
        return self._values([odds.argmax(-1, keepdim=True) for odds in self._by_value(reach)], reach)

    def sample(self) -> Tensor:
        """Values (..., F), drawn at random."""
        return self.sample_with_loss()[0]

    @torch.no_grad()
    def sample_with_loss(self, reach: Reach | None = None) -> tuple[Tensor, Tensor]:
        """Values (..., F), drawn at random, and their own -ln p (...) in nats, before any were left out.

        ``reach`` as in :meth:`mode`.
        """
        reach = self.support.reach(self.stack) if reach is None else reach
        places, likelihoods = [], []
        for odds in self._by_value(reach):
            kept = odds
            if self.min_p > 0.0:
                kept = odds * (odds >= self.min_p * odds.amax(-1, keepdim=True))
            cumulative = kept.cumsum(-1)
            uniform = torch.rand_like(cumulative[..., -1:])
            place = torch.searchsorted(cumulative, uniform * cumulative[..., -1:], right=True)
            places.append(place.clamp_(max=odds.shape[-1] - 1))
            likelihoods.append(odds.gather(-1, places[-1]).squeeze(-1) / odds.sum(-1))
        surprise = -(torch.cat(likelihoods, -1) + _LEAST_LIKELIHOOD).log().sum(-1)
        return self._values(places, reach), surprise

    @torch.no_grad()
    def mean(self, reach: Reach | None = None) -> Tensor:
        """The expected values (..., F); ``reach`` as in :meth:`mode`."""
        reach = self.support.reach(self.stack) if reach is None else reach
        found = _odds(self.support, self.output, keep=False)
        leads = torch.cat([reach.first + self.support.steps, reach.ends], -1)
        means = []
        for odds, values in ((found.moving[..., :-2], leads), (found.choosing, self.support.choices)):
            # a missing outcome leads to infinity, with no odds
            weighted = odds * values.masked_fill(values == torch.inf, 0.0)
            means.append(weighted.sum(-1) / odds.sum(-1))
        return self._with_still(means)

    def _by_value(self, reach: Reach) -> tuple[Tensor, Tensor]:
        """The odds of values instead of outcomes, (..., R, O) and (..., Q, U): each at its first outcome's place."""
        found = _odds(self.support, self.output, keep=False)
        extra = found.moving[..., self.support.moves : -2]
        odds = extra.clone()
        extra.zero_()
        found.moving.scatter_add_(-1, reach.same, odds)
        return found.moving, found.choosing

    def _values(self, places: list[Tensor], reach: Reach) -> Tensor:
        moving, choosing = places
        # a move leads from the first one's value on, anything else straight to its own
        beyond = (moving - (self.support.moves - 1)).clamp_(min=0)
        values = torch.cat([reach.first, reach.ends], -1).gather(-1, beyond) + moving * (beyond == 0)
        choices = self.support.choices.expand(*choosing.shape[:-1], -1)
        return self._with_still([values.squeeze(-1), choices.gather(-1, choosing).squeeze(-1)])

    def _with_still(self, values: list[Tensor]) -> Tensor:
        if len(self.support.still):
            values.append(self.support.still.expand(*values[0].shape[:-1], -1))
        return torch.cat(values, -1)


class _Loss(torch.autograd.Function):
    """A value is explained by a few outcomes: two moves, the continuation, landings. The rest enters by its sum."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, stack: Tensor, target: Tensor, support: Support) -> Tensor:
        found = _odds(support, output, keep=True)
        moving, choosing = found.moving, found.choosing
        wanted = target.index_select(-1, support.features[: support.rows + support.choosing])
        moved, chosen = wanted.unsqueeze(-1).split([support.rows, support.choosing], -2)
        first, ends = support.ends(stack)
        place = moved - first
        # the two moves beside it, or those at the nearer edge
        lower = place.floor().clamp_(support.first, support.floor)
        near = torch.cat([lower + support.neighbours - place, ends - moved], -1).abs_()
        places = lower.long() + support.following
        candidates = torch.cat([moving.gather(-1, places), moving[..., support.moves : -2]], -1)
        shares = candidates * _weights(near), choosing * _weights((support.choices - chosen).abs_())
        explained = torch.cat([share.sum(-1) for share in shares], -1)
        total = torch.cat([moving.sum(-1), choosing.sum(-1)], -1)
        likelihood = explained / total
        ctx.save_for_backward(*found[2:], places, *shares, likelihood, total)
        ctx.support = support
        return -(likelihood + _LEAST_LIKELIHOOD).log().sum(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        support = ctx.support
        odds, bend, distance, steepness, places, moved, chosen, likelihood, total = ctx.saved_tensors
        # d loss / d odds = rate (likelihood - weight); d odds / d logit = odds (4 bend (1 - bend))
        rate = 4.0 * grad.unsqueeze(-1) / ((likelihood + _LEAST_LIKELIHOOD) * total)
        per_row = [part.unsqueeze(-1).split([support.rows, support.choosing], -2) for part in (rate, rate * likelihood)]
        (rates, rates_chosen), (level, level_chosen) = per_row
        # one more number than the tables have, for those outputs that are in none
        numbers = odds.new_empty(*odds.shape[:-1], support.entries + 1)
        numbers[..., -1:].zero_()
        slope = numbers[..., :-1]
        moving, choosing = support.split(slope)
        odds_moving, odds_choosing = support.split(odds)
        torch.mul(odds_moving, level, out=moving)
        torch.mul(odds_choosing, level_chosen, out=choosing)
        choosing.addcmul_(chosen, rates_chosen, value=-1.0)
        pulled = moved * -rates
        moving.scatter_add_(-1, places, pulled[..., :2])
        moving[..., support.moves : -2] += pulled[..., 2:]
        slope *= torch.addcmul(bend, bend, bend, value=-1.0)
        by_distance = moving[..., : support.moves] * distance
        by_distance *= steepness
        torch.sum(by_distance, -1, keepdim=True, out=moving[..., -2:-1]).mul_(2.0 * _CENTRE_SCALE)
        torch.sum(by_distance.mul_(distance), -1, keepdim=True, out=moving[..., -1:]).neg_()
        return numbers.index_select(-1, support.places), None, None, None


def _weights(distance: Tensor) -> Tensor:
    """How far outcomes at these distances (..., O) explain a value: linearly within a pixel, else the nearest alone."""
    least = distance.amin(-1, keepdim=True)
    return torch.where(least < 1.0, (1.0 - distance).clamp_(min=0.0), (distance == least).to(distance.dtype))
