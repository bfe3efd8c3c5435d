from collections import defaultdict

import numpy as np
import pytest
import torch

from agents.play.filtered_games import FilteredGames
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong import features as F
from rssm.games.pong.env import make_env
from rssm.model.state import State

SEEDS, STEPS = (11, 12, 13, 14), 50


def follow_the_ball(state):
    frame = state.stack[..., -1]
    gap = frame[..., F.BALL_Y] - frame[..., F.PLAYER_Y] - 6
    return torch.where(gap < -3, 2, torch.where(gap > 3, 3, 0))


def play_alone(env, seed, steps):
    """The stacks (steps + 1, 14, 4) of one game, in an emulator of its own."""
    game = make_env(env)
    stacks = [to_stack(game.reset(seed=seed)[0], 4)]
    for _ in range(steps):
        stack = torch.from_numpy(stacks[-1])
        stacks.append(to_stack(game.step(int(follow_the_ball(State(stack, stack, stack))))[0], 4))
    return np.stack(stacks)


@pytest.mark.parametrize(("places", "sticky"), [(3, 0.25), (9, 0.0)])
def test_in_each_game_the_policy_sees_what_filtering_it_alone_gives(make_model, places, sticky):
    env = EnvConfig(repeat_action_probability=sticky)
    model = make_model()
    playing = FilteredGames(model, follow_the_ball, env, SEEDS, max_steps=STEPS, places=places, sample=False)
    shown, deter = defaultdict(list), defaultdict(list)
    while len(playing):
        state = playing.look()
        for row, game in enumerate(playing.games.games):
            shown[game].append(state.stack[row].numpy())
            deter[game].append(state.deter[row])
        playing.play(state)
    for game, seed in enumerate(SEEDS):
        alone = play_alone(env, seed, STEPS)
        assert np.array_equal(np.stack(shown[game]), alone[:-1])
        frames = torch.from_numpy(alone[None, :-1])
        actions = follow_the_ball(State(frames, frames, frames))
        with torch.no_grad():
            filtered = model.observe(frames, actions, torch.tensor([True]), sample=False)
        torch.testing.assert_close(torch.stack(deter[game]), filtered.states.deter[0])
