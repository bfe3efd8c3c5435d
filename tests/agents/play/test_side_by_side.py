from collections import defaultdict

import numpy as np
import pytest
import torch

import agents.play.side_by_side
from agents.play.side_by_side import Arena, borrow_emulator, return_emulator
from rssm.config import EnvConfig
from rssm.data.stacks import newest
from rssm.games.pong import features as F
from rssm.games.pong.env import make_env
from rssm.model.state import State

SEEDS, STEPS = (11, 12, 13, 14), 50


def follow_the_ball(state):
    frame = newest(state.frame)
    gap = frame[..., F.BALL_Y] - frame[..., F.PLAYER_Y] - 6
    return torch.where(gap < -3, 2, torch.where(gap > 3, 3, 0))


def play_alone(env, seed, steps):
    """The stacks (steps + 1, 56) of one game, in an emulator of its own."""
    game = make_env(env)
    stacks = [game.reset(seed=seed)[0]]
    for _ in range(steps):
        stack = torch.from_numpy(stacks[-1])
        stacks.append(game.step(int(follow_the_ball(State(stack, stack, stack))))[0])
    return np.stack(stacks)


@pytest.mark.parametrize(("places", "sticky"), [(1, 0.0), (3, 0.25), (9, 0.0)])
def test_each_game_is_the_one_that_its_seed_gives_alone(make_model, places, sticky):
    env = EnvConfig(repeat_action_probability=sticky)
    model = make_model()
    arena = Arena(model, follow_the_ball, env, SEEDS, max_steps=STEPS, places=places)
    before, after, deter = defaultdict(list), defaultdict(list), defaultdict(list)
    while len(arena.games):
        assert len(arena.games) == len(arena.emulators) <= places
        state = arena.look()
        for place, game in enumerate(arena.games):
            assert arena.steps[place] == len(before[game])
            before[game].append(state.frame[place].numpy())
            deter[game].append(state.deter[place])
        turn = arena.play(state)
        for place, game in enumerate(turn.games):
            after[game].append(turn.stacks[place])
            assert turn.over[place] == (len(after[game]) == STEPS)
    for game, seed in enumerate(SEEDS):
        alone = play_alone(env, seed, STEPS)
        assert np.array_equal(np.stack(before[game]), alone[:-1])
        assert np.array_equal(np.stack(after[game]), alone[1:])
        frames = torch.from_numpy(alone[None, :-1])
        actions = follow_the_ball(State(frames, frames, frames))
        with torch.no_grad():
            filtered = model.observe(frames, actions, torch.tensor([True]), sample=False)
        torch.testing.assert_close(torch.stack(deter[game]), filtered.states.deter[0])


def test_a_match_that_the_console_ends_is_over_but_not_played_to_its_end(make_model):
    arena = Arena(make_model(), follow_the_ball, EnvConfig(), SEEDS[:2], max_steps=1_000)
    arena.emulators[0]._ale.setRAM(9, 255)  # its count of frames overflows within 256 of them
    while len(arena.games) == 2:
        turn = arena.play(arena.look())
    assert arena.games.tolist() == [1]
    assert turn.over.tolist() == [True, False]
    assert not turn.terminated.any()


def test_an_emulator_can_be_cloned_in_the_middle_of_the_game_that_it_plays(make_model):
    arena = Arena(make_model(), follow_the_ball, EnvConfig(), SEEDS, max_steps=STEPS, places=2)
    for _ in range(40):
        turn = arena.play(arena.look())
    assert np.array_equal(arena.emulators[1].clone_state().stack, turn.stacks[1])


def test_the_emulators_of_games_that_are_over_serve_the_next(make_model, monkeypatch):
    env, made = EnvConfig(noop_max=7), []  # settings that nobody else in this process plays with

    def count(settings):
        made.append(make_env(settings))
        return made[-1]

    monkeypatch.setattr(agents.play.side_by_side, "make_env", count)
    for _ in range(2):
        arena = Arena(make_model(), follow_the_ball, env, SEEDS, max_steps=3, places=2)
        while len(arena.games):
            arena.play(arena.look())
    assert len(made) == 2
    first, second, third = (borrow_emulator(env) for _ in range(3))
    assert {id(first), id(second)} == {id(game) for game in made[:2]}
    assert third is made[2]  # nobody shares an emulator
    return_emulator(env, first)
    assert borrow_emulator(env) is first
