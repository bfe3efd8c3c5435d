from dataclasses import replace

import numpy as np
import pytest
import torch

from rssm.config import EnvConfig
from rssm.errors import UserError
from rssm.game import load_game
from rssm.games.pong.dream.dream import Dream, game_over, require_pong
from rssm.games.pong.dream.env import PongDream
from rssm.games.pong.dream.starts import PlayedStarts
from rssm.games.pong.features import ENEMY_SCORE, PLAYER_SCORE, SCORE_PLAYER

ACTIONS = [2, 2, 3, 0, 5, 1, 4, 0]


@pytest.fixture(scope="module")
def state(make_model):
    return PlayedStarts(make_model(), EnvConfig(), (45, 45)).draw(np.random.default_rng(0)).state


@torch.no_grad()
def test_the_likeliest_dream_is_what_the_model_imagines(any_model, state):
    fitting = PlayedStarts(any_model, EnvConfig(), (45, 45)).draw(np.random.default_rng(0)).state
    dream = Dream(any_model, fitting, sample=False)
    steps = [dream.step(action, np.random.default_rng(0)) for action in ACTIONS]
    imagined = any_model.imagine(fitting, torch.tensor([ACTIONS]), sample=False).states
    assert np.allclose(np.stack([step.stack for step in steps]), imagined.stack[0].numpy())
    reward = any_model.reward(any_model.features(imagined))[0].tolist()
    assert [step.reward for step in steps] == pytest.approx(reward, abs=1e-5)


def test_a_sampled_dream_depends_on_its_generator_alone(model, state):
    def dreamt(seed):
        dream, rng = Dream(model, state, sample=True), np.random.default_rng(seed)
        return np.stack([dream.step(action, rng).stack for action in ACTIONS])

    first = dreamt(0)
    torch.rand(3)
    before = torch.random.get_rng_state()
    assert np.array_equal(dreamt(0), first)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not np.array_equal(dreamt(1), first)


@torch.no_grad()
def test_a_dream_is_over_with_21_points_or_where_the_continue_head_says_so(make_model, state):
    model = make_model()
    last = model.continue_head.layers[-1]
    last.weight.zero_()
    frame = state.stack.clone()

    def over(points, logit):
        last.bias.fill_(logit)
        frame[:, PLAYER_SCORE] = points
        dream = Dream(model, replace(state, stack=frame), sample=False)
        return dream.step(0, np.random.default_rng(0)).over

    assert over(0, 1.0) is False
    assert over(0, -1.0) is True
    assert over(21, 1.0) is True


@pytest.mark.parametrize(("enemy", "player", "over"), [(20, 20, False), (21, 3, True), (0, 21, True)])
def test_21_points_end_a_game(enemy, player, over):
    frame = np.zeros(14, np.float32)
    frame[[ENEMY_SCORE, PLAYER_SCORE, SCORE_PLAYER]] = enemy, player, 1
    assert game_over(frame) is over


def test_the_model_of_another_game_is_no_dream_of_pong(make_model):
    model = make_model()
    require_pong(model, "runs/wm")
    model.game = load_game("CartPole-v1")
    with pytest.raises(
        UserError, match=r"^runs/wm: expected a world model of rssm/PongFeatures-v0, this one is of Cart"
    ):
        require_pong(model, "runs/wm")
    with pytest.raises(UserError, match=r"^model: expected a world model of"):
        PongDream(model=model)
