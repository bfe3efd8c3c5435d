import dataclasses
import itertools

import numpy as np
import pytest
import torch

from rssm.config import ModelConfig
from rssm.data.frames import stack_episode
from rssm.games.pong import features as F
from rssm.games.pong.encoder import Encoder, Normalizer
from rssm.games.pong.statistics import SCORES


@pytest.fixture(scope="module")
def stacks(pong_data):
    return torch.from_numpy(stack_episode(np.array(pong_data.episode(3).features)))


def test_normalised_features_have_zero_mean_and_unit_deviation(pong_data, pong_statistics):
    every = torch.from_numpy(np.repeat(np.array(pong_data.features)[..., None], F.STACK_SIZE, axis=-1))
    grid = Normalizer(pong_statistics)(every).unflatten(-1, (-1, F.STACK_SIZE))
    assert grid.shape == (len(pong_data), F.NUM_FEATURES - len(SCORES), F.STACK_SIZE)
    assert grid.mean(0).abs().max() < 1e-3
    spread = grid.std(0, correction=0)
    constant = [i for i, name in enumerate(F.FEATURE_NAMES) if name in ("player_x", "enemy_x")]
    assert torch.equal(spread[constant], torch.zeros(2, F.STACK_SIZE))
    varying = [i for i in range(len(spread)) if i not in constant]
    assert torch.allclose(spread[varying], torch.ones(len(varying), F.STACK_SIZE), atol=1e-3)


def test_an_embedding_has_the_hidden_width(stacks, tiny_sizes, pong_statistics):
    encoder = Encoder(ModelConfig(**tiny_sizes), pong_statistics)
    assert encoder(stacks[:6].unflatten(0, (2, 3))).shape == (2, 3, tiny_sizes["hidden"])


def test_no_shift_of_the_scores_changes_the_embedding(stacks, tiny_sizes, pong_statistics):
    encoder = Encoder(ModelConfig(**tiny_sizes), pong_statistics)
    shifted = stacks.clone()
    shifted[:, F.ENEMY_SCORE] += 17
    shifted[:, F.PLAYER_SCORE] += 3
    assert torch.equal(encoder(shifted), encoder(stacks))


@pytest.mark.parametrize("fourier", [0, 3])
def test_every_other_feature_and_every_frame_is_seen(stacks, tiny_sizes, pong_statistics, fourier):
    encoder = Encoder(dataclasses.replace(ModelConfig(**tiny_sizes), fourier=fourier), pong_statistics)
    before = encoder(stacks[50])
    for feature, frame in itertools.product(range(F.NUM_FEATURES), range(F.STACK_SIZE)):
        changed = stacks[50].clone()
        changed[feature, frame] += 3.0
        seen = not torch.equal(encoder(changed), before)
        assert seen == (feature not in SCORES), F.FEATURE_NAMES[feature]


def test_a_look_by_hand(tiny_sizes, pong_statistics):
    grid = torch.zeros(F.NUM_FEATURES, F.STACK_SIZE)
    grid[F.PLAYER_Y], grid[F.ENEMY_Y] = torch.tensor([50.0, 54, 60, 60]), torch.tensor([90.0, 90, 88, 50])
    grid[F.BALL_X], grid[F.BALL_Y] = torch.tensor([70.0, 78, 86, 94]), torch.tensor([100.0, 96, 92, 88])
    grid[F.ENEMY_SCORE] = 7.0
    look = Encoder(ModelConfig(**tiny_sizes), pong_statistics).look(grid)
    over = [[50, 42, 32, 28], [10, 6, 4, 38]]  # of the ball's top edge, from ours and from the enemy's
    moving = [grid[i].tolist() for i in (F.PLAYER_Y, F.ENEMY_Y, F.BALL_X, F.BALL_Y)]
    assert look.positions.tolist() == [value for row in moving + over for value in row]
    assert torch.equal(look.coarse[:48], Normalizer(pong_statistics)(grid))
    assert look.coarse[48:].tolist() == [value / 64 for row in over for value in row]
    changes = [4, 6, 0, 0, -2, -24, 8, 8, 8, -4, -4, -4]  # the enemy's jump counts for no more than 24 pixels
    assert (8 * look.fine[:12]).tolist() == changes
    assert look.near.tolist() == [24 / 8, 24 / 8]


def test_statistics_travel_with_the_weights(pong_statistics, stacks, tiny_sizes):
    other = dataclasses.replace(pong_statistics, mean=(0.0,) * 14, std=(1.0,) * 14)
    fitted, blank = Encoder(ModelConfig(**tiny_sizes), pong_statistics), Encoder(ModelConfig(**tiny_sizes), other)
    blank.load_state_dict(fitted.state_dict())
    assert torch.equal(blank(stacks), fitted(stacks))


def test_pixels_count_where_the_ball_turns_back(stacks, tiny_sizes, pong_statistics):
    """One pixel of the ball's height matters far more beside a wall than in the open, where only its waves see it."""
    encoder = Encoder(dataclasses.replace(ModelConfig(**tiny_sizes), fourier=0), pong_statistics)
    with torch.no_grad():  # a network that passes its last inputs on: the way to the lower and to the upper bound
        first = encoder.network.layers[0]
        first.weight.zero_()
        first.weight[0, -2], first.weight[1, -1] = 1.0, 1.0
        low, high = pong_statistics.low[F.BALL_Y], pong_statistics.high[F.BALL_Y]
        found = []
        for height in (low, low + 8, high - 4, (low + high) / 2):
            moved = stacks[50].clone()
            moved[F.BALL_Y, -1] = height
            seen = []
            hook = first.register_forward_hook(lambda _module, _inputs, output, seen=seen: seen.append(output))
            encoder(moved)
            hook.remove()
            found.append(seen[0][:2].tolist())
    # in units of eight pixels, and no more than three of them
    assert found == [[0.0, 3.0], [1.0, 3.0], [3.0, 0.5], [3.0, 3.0]]
