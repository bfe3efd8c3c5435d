import dataclasses

import pytest
import torch

from rssm.games.pong import features as F
from rssm.model.support import Support

PREDICTED = [i for i in range(F.NUM_FEATURES) if i not in (F.ENEMY_SCORE, F.PLAYER_SCORE)]


def test_every_number_of_a_network_has_one_place_or_none(pong_statistics):
    support = Support(pong_statistics, PREDICTED)
    placed = support.places[support.places < support.entries]
    assert len(placed) == len(placed.unique())
    assert torch.equal(support.columns[placed], (support.places < support.entries).nonzero().squeeze(-1))
    # a feature with one outcome is always right: its logit, centre and precision are in no table; flags have no bell
    alone = sum(size == 1 for size in support.sizes)
    flags = sum(not pong_statistics.moves[i] for i in PREDICTED)
    assert alone == 2
    assert support.outputs - len(placed) == 3 * alone + 2 * flags


def test_networks_that_are_joined_keep_the_places_of_each(pong_statistics):
    first, second = PREDICTED[:5], PREDICTED[5:]
    both = Support(pong_statistics, first, second)
    parts = [Support(pong_statistics, part, like=both) for part in (first, second)]
    assert both.outputs == sum(part.outputs for part in parts)
    numbers = [torch.randn(part.outputs) for part in parts]
    joined = both.split(torch.cat(numbers)[both.columns])
    apart = [part.split(own[part.columns]) for part, own in zip(parts, numbers, strict=True)]
    real = both.split(both.pad > -torch.inf)
    for table, pieces, where in zip(joined, zip(*apart, strict=True), real, strict=True):
        assert torch.equal(table[where], torch.cat(pieces)[where])
    # the bells' centres and precisions are behind the outcomes
    assert torch.equal(joined[0][:, -2:], torch.cat([moving for moving, _ in apart])[:, -2:])


def test_the_tables_are_no_wider_than_the_widest_feature(pong_statistics):
    support = Support(pong_statistics, PREDICTED)
    moves = [m for m in pong_statistics.moves if len(m) > 1]
    low, high = min(m[0] for m in moves), max(m[-1] for m in moves)
    assert support.moves == high - low + 1
    assert support.grid.tolist() == list(range(int(low), int(high) + 1))
    assert support.values == 3


def test_moves_have_to_be_consecutive(pong_statistics):
    moves = list(pong_statistics.moves)
    moves[F.BALL_X] = (0.0, 2.0)
    gap = dataclasses.replace(pong_statistics, moves=tuple(moves))
    message = r"^moves of feature 8: expected consecutive whole pixels, got \(0\.0, 2\.0\)$"
    with pytest.raises(ValueError, match=message):
        Support(gap, PREDICTED)
