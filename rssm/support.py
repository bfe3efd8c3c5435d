"""Which values features can take next, as padded tables."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rssm import features as F
from rssm.statistics import FeatureStatistics

#: logits are softly capped here, so that their exponentials can be summed without a maximum taken out first
LOGIT_CAP = 30.0


class Support(nn.Module):
    """The values that some features can take next.

    An outcome *moves* its feature by whole pixels, *continues* its last change, or *lands* it on a fixed value,
    wherever it was (the ball's serve point, a flag's 0 and 1). One categorical over all of them keeps every event
    sharp and cheap to learn: a goal is one class, not one of two hundred changes, and so is free flight at any speed.

    A network gives its numbers feature by feature. Here they are laid out as two padded tables: the C features that
    move have a row each, (C, K), of M moves on one grid, the continuation and the landings; the G features that only
    take fixed values have (G, V). A feature with one outcome is in neither: it costs nothing and is always right.

    Args:
        statistics: of the training data.
        heads: the features of each network whose outputs are joined, one after the other.

    Raises:
        ValueError: the moves of a feature are not consecutive whole pixels.
    """

    columns: Tensor  # (C K + G V + 2 C,), where a network's numbers for the tables are: logits, centres, precisions
    places: Tensor  # (outputs,), and the way back; a number that is in no table is at the end
    pad: Tensor  # (C K + G V,), the least logit, -inf where there is no outcome
    grid: Tensor  # (M,), pixels, the moves
    steps: Tensor  # (M,), the same, counted from the first
    edges: Tensor  # (2, C, 1), places of the first and the last move of each feature on the grid
    floors: Tensor  # (C, 1), places of the last move but one, or of an only one
    neighbours: Tensor  # (C, 2), from a move to itself and to the next, in pixels; inf where there is no next
    following: Tensor  # (2,), the same on the grid
    own: Tensor  # (1 + L,), places of the continuation and the landings in their row
    landings: Tensor  # (C, L), pixels; inf where there is none
    choices: Tensor  # (G, V), values; inf where there is none
    still: Tensor  # values of those features that always take the same
    seen: Tensor  # (2 C,), where the moving features' newest values and the ones before are in a stack
    features: Tensor  # the features that can change: the moving, the choosing, the still ones

    def __init__(self, statistics: FeatureStatistics, *heads: Sequence[int]) -> None:
        super().__init__()
        every = [i for head in heads for i in head]
        moves, landings = statistics.moves, statistics.landings
        for i in every:
            if any(after - before != 1.0 for before, after in zip(moves[i], moves[i][1:], strict=False)):
                raise ValueError(f"moves of {F.FEATURE_NAMES[i]}: expected consecutive whole pixels, got {moves[i]}")
        #: outcomes of each feature; what moves at all can also go on
        self.sizes = [len(moves[i]) + (len(moves[i]) > 1) + len(landings[i]) for i in every]
        self.size, self.count = sum(self.sizes), len(every)
        varied = [i for i, size in zip(every, self.sizes, strict=True) if size > 1]
        moving = [i for i in varied if moves[i]]
        choosing = [i for i in varied if not moves[i]]
        still = [i for i in every if i not in varied and not moves[i]]

        low = min((moves[i][0] for i in moving), default=0.0)
        grid = torch.arange(low, max((moves[i][-1] for i in moving), default=0.0) + 1.0)
        self.moves, landed = len(grid), max((len(landings[i]) for i in moving), default=0)
        self.rows, self.width = len(moving), len(grid) + 1 + landed
        self.choosing, self.values = len(choosing), max((len(landings[i]) for i in choosing), default=1)
        edges = torch.tensor([[moves[i][end] - low for i in moving] for end in (0, -1)])

        self.tables: dict[int, list[int]] = {}  # for each feature its outcomes' places in the tables
        for row, i in enumerate(moving):
            begin, first = row * self.width, int(moves[i][0] - low)
            extra = range(self.moves + (len(moves[i]) == 1), self.moves + 1 + len(landings[i]))
            self.tables[i] = [begin + k for k in (*range(first, first + len(moves[i])), *extra)]
        for row, i in enumerate(choosing):
            begin = self.rows * self.width + row * self.values
            self.tables[i] = list(range(begin, begin + len(landings[i])))
        self.entries = self.rows * self.width + self.choosing * self.values

        columns = torch.zeros(self.entries + 2 * self.rows, dtype=torch.long)
        pad = torch.full((self.entries,), -torch.inf)
        begin = 0
        for head in heads:
            sizes = [self.sizes[every.index(i)] for i in head]
            after = begin + sum(sizes)  # the logits; centres and precisions follow
            for f, i in enumerate(head):
                if i in self.tables:
                    first = begin + sum(sizes[:f])
                    columns[self.tables[i]] = torch.arange(first, first + sizes[f])
                    pad[self.tables[i]] = -LOGIT_CAP
                if i in moving:
                    shape = self.entries + moving.index(i)
                    columns[shape], columns[shape + self.rows] = after + f, after + len(head) + f
            begin = after + 2 * len(head)
        real = torch.cat([pad > -torch.inf, torch.ones(2 * self.rows, dtype=torch.bool)])
        places = torch.full((self.outputs,), len(columns))
        places[columns[real]] = real.nonzero().squeeze(-1)
        for name, table in (
            ("columns", columns),
            ("places", places),
            ("pad", pad),
            ("grid", grid),
            ("steps", grid - low),
            ("edges", edges.view(2, self.rows, 1)),
            ("floors", torch.maximum(edges[0], edges[1] - 1.0).unsqueeze(-1)),
            ("neighbours", torch.tensor([[0.0, 1.0 if len(moves[i]) > 1 else torch.inf] for i in moving]).view(-1, 2)),
            ("following", torch.arange(2)),
            ("own", self.moves + torch.arange(1.0 + landed)),
            ("landings", _padded([landings[i] for i in moving], landed)),
            ("choices", _padded([landings[i] for i in choosing], self.values)),
            ("still", torch.tensor([landings[i][0] for i in still])),
            ("seen", torch.tensor([F.STACK_SIZE * (i + 1) - 1 - ago for ago in range(2) for i in moving], dtype=torch.long)),
            ("features", torch.tensor(moving + choosing + still, dtype=torch.long)),
        ):
            self.register_buffer(name, table, persistent=False)

    @property
    def outputs(self) -> int:
        """Numbers that the networks must give for :class:`Categoricals`."""
        return self.size + 2 * self.count

    def split(self, entries: Tensor) -> tuple[Tensor, Tensor]:
        """The two tables (..., C, K) and (..., G, V) as views of their entries (..., C K + G V)."""
        moving, choosing = entries.split([self.rows * self.width, self.choosing * self.values], -1)
        return moving.unflatten(-1, (self.rows, self.width)), choosing.unflatten(-1, (self.choosing, self.values))

    def ends(self, stack: Tensor) -> tuple[Tensor, Tensor]:
        """What the outcomes of the moving features lead to from a stack (..., 56).

        Returns:
            where the first move of the grid leads (..., C), and where the continuation and the landings do
            (..., C, 1 + L).
        """
        place, before = stack.index_select(-1, self.seen).split(self.rows, -1)
        onward = torch.lerp(before, place, 2.0).unsqueeze(-1)
        landings = self.landings.expand(*onward.shape[:-1], self.landings.shape[-1])
        return place + self.grid[0], torch.cat([onward, landings], -1)


def _padded(rows: Sequence[Sequence[float]], width: int) -> Tensor:
    return torch.tensor([[*row, *[torch.inf] * (width - len(row))] for row in rows]).view(len(rows), width)
