"""The likelihoods that a decoder can predict the next stack with.

Every prediction answers ``loss(target)``, ``mode()``, ``mean()`` and ``sample()``; stacks are (..., 56) raw pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm import features as F
from rssm.networks import shift_stack
from rssm.statistics import SCORES, FeatureStatistics


def huber(error: Tensor, beta: float) -> Tensor:
    """Huber loss, quadratic below beta and linear above, with unit curvature at 0."""
    size = error.abs()
    return torch.where(size < beta, 0.5 * error.square(), beta * (size - 0.5 * beta))


def _with_scores(frame: Tensor, previous: Tensor) -> Tensor:
    """The scores of frame (..., 14) as the previous frame's plus the frame's own score events."""
    scores = previous[..., list(SCORES)] + frame[..., [F.SCORE_ENEMY, F.SCORE_PLAYER]]
    return torch.cat([frame[..., : F.ENEMY_SCORE], scores, frame[..., F.SCORE_PLAYER :]], -1)


def _newest(stack: Tensor) -> Tensor:
    return stack[..., F.STACK_SIZE - 1 :: F.STACK_SIZE]


class Support(nn.Module):
    """The K values that the features can take next, as one ragged table of outcomes.

    An outcome either *moves* its feature by whole pixels or *lands* it on a fixed value, wherever it was (the ball's
    serve point, a flag's 0 and 1). One categorical over both keeps rare jumps as sharp as small motions: a goal is one
    class, not one of two hundred changes.
    """

    values: Tensor  # (K,), pixels: a change or a landing value
    moving: Tensor  # (K,), 1 where the outcome is a change
    owner: Tensor  # (K,), which of the F predicted features it belongs to
    members: Tensor  # (K, F), 1 where the outcome belongs to the feature
    features: Tensor  # (F,), indices of the predicted features: all but the scores

    def __init__(self, statistics: FeatureStatistics) -> None:
        super().__init__()
        features = [i for i in range(F.NUM_FEATURES) if i not in SCORES]
        rows = [list(statistics.moves[i]) + list(statistics.landings[i]) for i in features]
        moving = [[1.0] * len(statistics.moves[i]) + [0.0] * len(statistics.landings[i]) for i in features]
        owner = torch.tensor([f for f, row in enumerate(rows) for _ in row])
        self.sizes = [len(row) for row in rows]
        self.size, self.count = len(owner), len(rows)
        for name, table in (
            ("values", torch.tensor([v for row in rows for v in row])),
            ("moving", torch.tensor([m for row in moving for m in row])),
            ("owner", owner),
            ("members", nnf.one_hot(owner, len(rows)).float()),
            ("features", torch.tensor(features)),
        ):
            self.register_buffer(name, table, persistent=False)

    def outcomes(self, previous: Tensor) -> Tensor:
        """The values (..., K) that the outcomes lead to from a frame (..., 14)."""
        return self._spread(previous) * self.moving + self.values

    def weights(self, target: Tensor, previous: Tensor) -> Tensor:
        """How far each outcome (..., K) explains the next frame (..., 14): 1 where it leads there exactly.

        Values between two whole pixels are shared linearly; a value that no outcome reaches counts as the nearest.
        """
        distance = (self.outcomes(previous) - self._spread(target)).abs()
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

    def _spread(self, frame: Tensor) -> Tensor:
        """Each outcome's own feature: (..., 14) -> (..., K)."""
        return frame.index_select(-1, self.features[self.owner])


#: pixels per unit of the network's output
_CENTRE_SCALE = 8.0
#: logits are softly capped here, so that their exponentials can be summed without a maximum taken out first
_LOGIT_CAP = 30.0
#: a floor under every likelihood: no single value costs more than -ln of this (about 18 nats)
_LEAST_LIKELIHOOD = 1e-8


class DiscretePrediction:
    """Independent categoricals over the outcomes of each feature; the loss is in nats.

    The logits of the moves are a bell around a predicted change, for the sense of distance that makes learning quick,
    plus one free logit per outcome, for any shape.

    Args:
        support: the outcomes.
        output: (..., K + 2 F): the free logits, the bells' centres and their log-precisions.
        stack: (..., 56), the previous stack.
    """

    def __init__(self, support: Support, output: Tensor, stack: Tensor) -> None:
        self.support, self.stack = support, stack
        free, centre, precision = output.split([support.size, support.count, support.count], -1)
        distance = support.values - (_CENTRE_SCALE * centre) @ support.members.T
        bell = 0.5 * (precision - 4.0).exp() @ support.members.T * distance.square()
        logits = free - bell * support.moving
        self.odds = (_LOGIT_CAP * torch.tanh(logits / _LOGIT_CAP)).exp()
        self.total = self.odds @ support.members

    def loss(self, target: Tensor) -> Tensor:
        weights = self.support.weights(_newest(target), _newest(self.stack))
        # several outcomes can lead to the same value: its likelihood is their sum
        likelihood = ((self.odds * weights) @ self.support.members) / self.total
        return -(likelihood + _LEAST_LIKELIHOOD).log().sum(-1)

    def mode(self) -> Tensor:
        return self._pick([odds.argmax(-1) for odds in self.odds.split(self.support.sizes, -1)])

    def sample(self) -> Tensor:
        picks = []
        uniform = torch.rand_like(self.total) * self.total
        for f, odds in enumerate(self.odds.split(self.support.sizes, -1)):
            index = (odds.cumsum(-1) < uniform[..., f : f + 1]).sum(-1)
            picks.append(index.clamp(max=odds.shape[-1] - 1))
        return self._pick(picks)

    def mean(self) -> Tensor:
        outcomes = self.support.outcomes(_newest(self.stack))
        return self._stack(((self.odds * outcomes) @ self.support.members) / self.total)

    def _pick(self, index: list[Tensor]) -> Tensor:
        outcomes = self.support.outcomes(_newest(self.stack)).split(self.support.sizes, -1)
        picked = [o.gather(-1, i.unsqueeze(-1)) for o, i in zip(outcomes, index, strict=True)]
        return self._stack(torch.cat(picked, -1))

    def _stack(self, values: Tensor) -> Tensor:
        previous = _newest(self.stack)
        frame = previous.index_copy(-1, self.support.features, values)
        return shift_stack(self.stack, _with_scores(frame, previous))


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
        error = _drop_scores(self.change - (_newest(target) - _newest(self.stack)) / self.std)
        return _error_loss(error, self.beta).sum(-1)

    def mean(self) -> Tensor:
        previous = _newest(self.stack)
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
        self.output = output.unflatten(-1, (F.NUM_FEATURES, F.STACK_SIZE))
        self.stack, self._mean, self._std, self.beta = stack, mean.unsqueeze(-1), std.unsqueeze(-1), beta

    def loss(self, target: Tensor) -> Tensor:
        grid = target.unflatten(-1, (F.NUM_FEATURES, F.STACK_SIZE))
        error = self.output - (grid - self._mean) / self._std
        return _error_loss(_drop_scores(error.transpose(-1, -2)), self.beta).sum((-1, -2))

    def mean(self) -> Tensor:
        grid = self.output * self._std + self._mean
        frame = _with_scores(grid[..., -1], _newest(self.stack))
        shifted = shift_stack(self.stack, frame).unflatten(-1, (F.NUM_FEATURES, F.STACK_SIZE))
        scores = shifted[..., F.ENEMY_SCORE : F.PLAYER_SCORE + 1, :]
        return torch.cat([grid[..., : F.ENEMY_SCORE, :], scores, grid[..., F.SCORE_PLAYER :, :]], -2).flatten(-2)

    mode = sample = mean


def _drop_scores(error: Tensor) -> Tensor:
    return torch.cat([error[..., : F.ENEMY_SCORE], error[..., F.SCORE_PLAYER :]], -1)


def _error_loss(error: Tensor, beta: float | None) -> Tensor:
    return 0.5 * error.square() if beta is None else huber(error, beta)
