"""Independent categoricals over the outcomes of features, and their likelihood with a gradient written by hand."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rssm.support import LOGIT_CAP, Support

#: pixels per unit of the network's output
_CENTRE_SCALE = 8.0
#: a floor under every likelihood: no single value costs more than -ln of this (about 18 nats)
_LEAST_LIKELIHOOD = 1e-8


class _Odds(NamedTuple):
    """What a network's output means.

    Args:
        odds: (..., C K + G V), not normalised; 0 where there is no outcome.
        bend: the same shape, 0 to 1: where on the soft cap's curve each logit lies.
        distance: (..., C, M), pixels from the bell's centre to each move.
        steepness: (..., C, 1), of the bell.
    """

    odds: Tensor
    bend: Tensor
    distance: Tensor
    steepness: Tensor


def _odds(support: Support, output: Tensor) -> _Odds:
    numbers = output.index_select(-1, support.columns)
    logits, centre, precision = numbers.split([support.entries, support.rows, support.rows], -1)
    distance = torch.add(support.grid, centre.unsqueeze(-1), alpha=-_CENTRE_SCALE)
    steepness = 0.5 * (precision - 4.0).exp().unsqueeze(-1)
    moves = support.split(logits)[0][..., : support.moves]
    moves.addcmul_(steepness, distance.square(), value=-1.0)
    # cap * tanh(logit / cap), by a sigmoid, which processors are quicker at
    bend = (logits * (2.0 / LOGIT_CAP)).sigmoid_()
    odds = torch.add(support.pad, bend, alpha=2.0 * LOGIT_CAP).exp_()
    return _Odds(odds, bend, distance, steepness)


class Categoricals:
    """Independent categoricals over the outcomes of features.

    The logits of the moves are a bell around a predicted change, for the sense of distance that makes learning quick,
    plus one free logit per outcome, for any shape. Several outcomes can lead to one value (a move, the last change
    going on, a landing): a value's probability is their sum.

    Values come in the order of ``support.features``, without those features that never change.

    Args:
        support: the outcomes.
        output: (..., support.outputs): by head the free logits, the bells' centres and their log-precisions.
        stack: (..., 56), the previous stack.
        min_p: samples leave out the values that are less than this share as likely as the likeliest (Nguyen et al.
            2024, "Min-p sampling"): six steps of twelve features each would else drift off on some error of one in a
            hundred.
    """

    def __init__(self, support: Support, output: Tensor, stack: Tensor, min_p: float = 0.0) -> None:
        self.support, self.output, self.stack, self.min_p = support, output, stack, min_p

    def loss(self, target: Tensor) -> Tensor:
        """-ln p (...) in nats of the next frame (..., 14), summed over the features.

        Values between two whole pixels are shared linearly; a value that no outcome reaches counts as the nearest.
        """
        loss: Tensor = _Loss.apply(self.output, self.stack, target, self.support)
        return loss

    @torch.no_grad()
    def mode(self) -> Tensor:
        """The likeliest values (..., F)."""
        tables, leads = self._by_value()
        return self._values([odds.argmax(-1, keepdim=True) for odds in tables], leads)

    def sample(self) -> Tensor:
        """Values (..., F), drawn at random."""
        return self.sample_with_loss()[0]

    @torch.no_grad()
    def sample_with_loss(self) -> tuple[Tensor, Tensor]:
        """Values (..., F), drawn at random, and their own -ln p (...) in nats, before any were left out."""
        tables, leads = self._by_value()
        places, likelihoods = [], []
        for odds in tables:
            kept = odds
            if self.min_p > 0.0:
                kept = odds * (odds >= self.min_p * odds.amax(-1, keepdim=True))
            cumulative = kept.cumsum(-1)
            uniform = torch.rand_like(cumulative[..., -1:])
            place = torch.searchsorted(cumulative, uniform * cumulative[..., -1:], right=True)
            places.append(place.clamp_(max=odds.shape[-1] - 1))
            likelihoods.append(odds.gather(-1, places[-1]).squeeze(-1) / odds.sum(-1))
        surprise = -(torch.cat(likelihoods, -1) + _LEAST_LIKELIHOOD).log().sum(-1)
        return self._values(places, leads), surprise

    def mean(self) -> Tensor:
        """The expected values (..., F)."""
        support, tables = self.support, self.support.split(_odds(self.support, self.output).odds)
        values = self._leads(*support.ends(self.stack)), support.choices
        # a missing outcome has no odds, but leads to infinity
        means = [
            (odds * value.masked_fill(value == torch.inf, 0.0)).sum(-1) / odds.sum(-1)
            for odds, value in zip(tables, values, strict=True)
        ]
        return self._with_still(means)

    def _by_value(self) -> tuple[list[Tensor], Tensor]:
        """The odds of values instead of outcomes: (..., C, K) and (..., G, V); and where the former lead (..., C, K).

        Moves differ from each other, and so do landings; but the continuation can lead where a move does, and a landing
        where either does. Its odds go there and leave it with none.
        """
        support = self.support
        moving, choosing = support.split(_odds(support, self.output).odds)
        first, ends = support.ends(self.stack)
        place = ends - first.unsqueeze(-1)  # on the grid of moves
        as_move = place.clamp(*support.edges).floor() == place
        as_continuation = torch.where(place == place[..., :1], float(support.moves), support.own)
        place = torch.where(as_move, place, as_continuation).long()
        extra = moving[..., support.moves :]
        odds = extra.clone()
        extra.zero_()
        moving.scatter_add_(-1, place, odds)
        return [moving, choosing], self._leads(first, ends)

    def _leads(self, first: Tensor, ends: Tensor) -> Tensor:
        """Where the outcomes of the moving features lead, (..., C, K), from what :meth:`Support.ends` gave."""
        return torch.cat([first.unsqueeze(-1) + self.support.steps, ends], -1)

    def _values(self, places: list[Tensor], leads: Tensor) -> Tensor:
        moving, choosing = places
        choices = self.support.choices.expand(*choosing.shape[:-1], -1)
        return self._with_still([leads.gather(-1, moving).squeeze(-1), choices.gather(-1, choosing).squeeze(-1)])

    def _with_still(self, values: list[Tensor]) -> Tensor:
        if len(self.support.still):
            values.append(self.support.still.expand(*values[0].shape[:-1], -1))
        return torch.cat(values, -1)


class _Loss(torch.autograd.Function):
    """A value is explained by a few outcomes: two moves, the continuation, landings. The rest enters by its sum."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, stack: Tensor, target: Tensor, support: Support) -> Tensor:
        found = _odds(support, output)
        moving, choosing = support.split(found.odds)
        wanted = target.index_select(-1, support.features[: support.rows + support.choosing])
        moved, chosen = wanted.unsqueeze(-1).split([support.rows, support.choosing], -2)
        first, ends = support.ends(stack)
        place = moved - first.unsqueeze(-1)
        # the two moves beside it, or those at the nearer edge
        lower = torch.clamp(place.floor(), support.edges[0], support.floors)
        near = torch.cat([lower + support.neighbours - place, ends - moved], -1).abs_()
        places = lower.long() + support.following
        candidates = torch.cat([moving.gather(-1, places), moving[..., support.moves :]], -1)
        shares = candidates * _weights(near), choosing * _weights((support.choices - chosen).abs_())
        explained = torch.cat([share.sum(-1) for share in shares], -1)
        total = torch.cat([moving.sum(-1), choosing.sum(-1)], -1)
        likelihood = explained / total
        ctx.save_for_backward(*found, places, *shares, likelihood, total)
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
        slope = torch.empty_like(odds)
        moving, choosing = support.split(slope)
        odds_moving, odds_choosing = support.split(odds)
        torch.mul(odds_moving, level, out=moving)
        torch.mul(odds_choosing, level_chosen, out=choosing)
        choosing.addcmul_(chosen, rates_chosen, value=-1.0)
        pulled = moved * -rates
        moving.scatter_add_(-1, places, pulled[..., :2])
        moving[..., support.moves :] += pulled[..., 2:]

        numbers = odds.new_empty(*odds.shape[:-1], len(support.columns) + 1)
        d_logits, d_centre, d_precision, rest = numbers.split([support.entries, support.rows, support.rows, 1], -1)
        torch.mul(slope, torch.addcmul(bend, bend, bend, value=-1.0), out=d_logits)
        rest.zero_()
        by_distance = support.split(d_logits)[0][..., : support.moves] * distance
        by_distance *= steepness
        torch.sum(by_distance, -1, out=d_centre).mul_(2.0 * _CENTRE_SCALE)
        torch.sum(by_distance.mul_(distance), -1, out=d_precision).neg_()
        return numbers.index_select(-1, support.places), None, None, None


def _weights(distance: Tensor) -> Tensor:
    """How far outcomes at these distances (..., K) explain a value: linearly within a pixel, else the nearest alone."""
    least = distance.amin(-1, keepdim=True)
    return torch.where(least < 1.0, (1.0 - distance).clamp_(min=0.0), (distance == least).to(distance.dtype))
