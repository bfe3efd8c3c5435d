"""Which values features can take next, as padded tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

#: logits are softly capped here, so that their exponentials can be summed without a maximum taken out first
LOGIT_CAP = 30.0


class Reachable(Protocol):
    """Statistics that say what each feature can do next.

    Attributes:
        moves: for each feature the changes per agent step that it makes, ascending; empty where it takes fixed values.
        landings: for each feature the values that it jumps to, ascending.
    """

    @property
    def moves(self) -> tuple[tuple[float, ...], ...]: ...
    @property
    def landings(self) -> tuple[tuple[float, ...], ...]: ...


class Support(nn.Module):
    """The values that some features can take next.

    An outcome *moves* its feature by whole pixels, *continues* its last change, or *lands* it on a fixed value,
    wherever it was (the ball's serve point, a flag's 0 and 1). One categorical over all of them keeps every event
    sharp and cheap to learn: a goal is one class, not one of two hundred changes, and so is free flight at any speed.

    A network gives its numbers feature by feature. Here they are laid out as two padded tables. The R features that
    move have a row each, (R, O), of M moves on one grid, the continuation, L landings, and the centre and the precision
    of the bell over the moves. The Q features that only take fixed values have (Q, U). A feature with one outcome is in
    neither: it costs nothing and is always right.

    Args:
        statistics: of the training data.
        heads: the features of each network whose outputs are joined, one after the other.
        like: a support of these features and others; the tables get its widths.

    Raises:
        ValueError: the moves of a feature are not consecutive whole pixels.
    """

    columns: Tensor  # (R O + Q U,), where a network's numbers for the tables are
    places: Tensor  # (outputs,), and the way back; a number that is in no table is at the end
    pad: Tensor  # (R O + Q U,), the least logit, in bits; -inf where there is no outcome
    grid: Tensor  # (M,), pixels, the moves
    steps: Tensor  # (M,), the same, counted from the first
    first: Tensor  # (R, 1), place of each feature's first move on the grid
    last: Tensor  # (R, 1), and of its last
    floor: Tensor  # (R, 1), place of the last move but one, or of an only one
    neighbours: Tensor  # (R, 2), from a move to itself and to the next, in pixels; inf where there is no next
    following: Tensor  # (2,), the same on the grid
    only: Tensor  # (R, 1), bool: the feature has one move, so no change that could go on
    going_on: Tensor  # (), place of the continuation in its row
    own: Tensor  # (1 + L,), places of the continuation and the landings
    landings: Tensor  # (R, L), pixels; inf where there is none
    choices: Tensor  # (Q, U), values; inf where there is none
    still: Tensor  # values of those features that always take the same
    features: Tensor  # the features that can change: the moving, the choosing, the still ones

    def __init__(self, statistics: Reachable, *heads: Sequence[int], like: Support | None = None) -> None:
        super().__init__()
        every = [i for head in heads for i in head]
        moves, landings = statistics.moves, statistics.landings
        for i in every:
            if any(after - before != 1.0 for before, after in zip(moves[i], moves[i][1:], strict=False)):
                raise ValueError(f"moves of feature {i}: expected consecutive whole pixels, got {moves[i]}")
        #: outcomes of each feature; what moves at all can also go on
        self.sizes = [len(moves[i]) + (len(moves[i]) > 1) + len(landings[i]) for i in every]
        self.size, self.count = sum(self.sizes), len(every)
        varied = [i for i, size in zip(every, self.sizes, strict=True) if size > 1]
        moving = [i for i in varied if moves[i]]
        choosing = [i for i in varied if not moves[i]]
        still = [i for i in every if i not in varied and not moves[i]]
        self.rows, self.choosing = len(moving), len(choosing)
        self.resting = any(len(moves[i]) == 1 for i in moving)
        if like is None:
            self.low = min((moves[i][0] for i in moving), default=0.0)
            self.moves = 1 + int(max((moves[i][-1] for i in moving), default=0.0) - self.low)
            self.landed = max((len(landings[i]) for i in moving), default=0)
            self.values = max((len(landings[i]) for i in choosing), default=1)
        else:
            self.low, self.moves, self.landed, self.values = like.low, like.moves, like.landed, like.values
        self.width = self.moves + 1 + self.landed + 2
        self.entries = self.rows * self.width + self.choosing * self.values

        columns, pad = torch.zeros(self.entries, dtype=torch.long), torch.full((self.entries,), -torch.inf)
        places = torch.full((self.outputs,), self.entries)
        self.tables = {i: self._places(row, moves[i], landings[i]) for row, i in enumerate(moving)}
        begin = self.rows * self.width
        for row, i in enumerate(choosing):
            self.tables[i] = [begin + row * self.values + k for k in range(len(landings[i]))]
        begin = 0
        for head in heads:
            sizes = [self.sizes[every.index(i)] for i in head]
            shapes = begin + sum(sizes)  # behind the logits: every centre, then every precision
            for f, i in enumerate(head):
                if i in self.tables:
                    logits = begin + sum(sizes[:f]) + torch.arange(sizes[f])
                    columns[self.tables[i]], places[logits] = logits, torch.tensor(self.tables[i])
                    pad[self.tables[i]] = -LOGIT_CAP / math.log(2.0)
                if i in moving:
                    shape = torch.tensor([shapes + f, shapes + len(head) + f])
                    place = (moving.index(i) + 1) * self.width + torch.tensor([-2, -1])
                    columns[place], places[shape] = shape, place
            begin = shapes + 2 * len(head)
        first, last = (torch.tensor([[moves[i][end] - self.low] for i in moving]).view(-1, 1) for end in (0, -1))
        steps = torch.arange(float(self.moves))
        for name, table in {
            "columns": columns,
            "places": places,
            "pad": pad,
            "grid": self.low + steps,
            "steps": steps,
            "first": first,
            "last": last,
            "floor": torch.maximum(first, last - 1.0),
            "neighbours": torch.cat([torch.zeros_like(first), torch.where(last > first, 1.0, torch.inf)], -1),
            "following": torch.arange(2),
            "only": first == last,
            "going_on": torch.tensor(float(self.moves)),
            "own": self.moves + torch.arange(1.0 + self.landed),
            "landings": _padded([landings[i] for i in moving], self.landed),
            "choices": _padded([landings[i] for i in choosing], self.values),
            "still": torch.tensor([landings[i][0] for i in still]),
            "features": torch.tensor(moving + choosing + still).long(),
        }.items():
            self.register_buffer(name, table, persistent=False)

    def _places(self, row: int, moves: Sequence[float], landings: Sequence[float]) -> list[int]:
        """Where the outcomes of a moving feature are in the tables."""
        first = int(moves[0] - self.low)
        extra = self.moves + (len(moves) == 1)  # an only move has no continuation
        row_places = [*range(first, first + len(moves)), *range(extra, self.moves + 1 + len(landings))]
        return [row * self.width + k for k in row_places]

    @property
    def outputs(self) -> int:
        """Numbers that the networks must give for :class:`rssm.model.categoricals.Categoricals`."""
        return self.size + 2 * self.count

    def split(self, entries: Tensor) -> tuple[Tensor, Tensor]:
        """The two tables (..., R, O) and (..., Q, U) as views of their entries (..., R O + Q U)."""
        end = self.rows * self.width
        moving, choosing = entries[..., :end], entries[..., end:]
        return moving.unflatten(-1, (self.rows, self.width)), choosing.unflatten(-1, (self.choosing, self.values))

    def ends(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """What the outcomes of the moving features lead to from a stack (..., F, S).

        Returns:
            where the first move of the grid leads (..., R, 1), and where the continuation and the landings do
            (..., R, 1 + L).
        """
        moving = stack.index_select(-2, self.features[: self.rows])
        place, before = moving[..., -1:], moving[..., -2:-1]
        onward = torch.lerp(before, place, 2.0)
        if self.resting:
            onward = onward.masked_fill(self.only, torch.inf)
        landings = self.landings.expand(*onward.shape[:-1], self.landed)
        return place + self.low, torch.cat([onward, landings], -1)

    def reach(self, stack: Tensor) -> Reach:
        """What values the outcomes of the moving features lead to from a stack (..., F, S)."""
        first, ends = self.ends(stack)
        place = ends - first  # on the grid of moves
        as_move = place.clamp(self.first, self.last).floor_() == place
        place = torch.where(as_move, place, torch.where(place == place[..., :1], self.going_on, self.own)).long()
        return Reach(first, ends, place)


class Reach(NamedTuple):
    """The values that moving features can take.

    Moves differ from each other, and so do landings; but the continuation can lead where a move does, and a landing
    where either does.

    Args:
        first: (..., R, 1), where the first move of the grid leads, pixels.
        ends: (..., R, 1 + L), where the continuation and the landings do.
        same: (..., R, 1 + L), the place in its row of the first outcome that leads where each of these does.
    """

    first: Tensor
    ends: Tensor
    same: Tensor


def _padded(rows: Sequence[Sequence[float]], width: int) -> Tensor:
    return torch.tensor([[*row, *[torch.inf] * (width - len(row))] for row in rows]).view(len(rows), width)
