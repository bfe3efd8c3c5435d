from collections import defaultdict

import numpy as np
import pytest

from agents.play.side_by_side import Beginning, SideBySide, borrow_emulator, one_after_the_other, return_emulator
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong.env import make_env
from rssm.games.pong.game import Pong

SEEDS, STEPS = (11, 12, 13, 14), 50


def actions_of(games, steps):
    """What is done in each game (B,) at its step (B,)."""
    return (7 * games + steps // 5) % 6


def play_alone(env, seed, game, steps):
    """The stacks (steps + 1, 14, 4) of one game, in an emulator of its own."""
    emulator = make_env(env)
    stacks = [emulator.reset(seed=seed)[0]]
    for step in range(steps):
        stacks.append(emulator.step(actions_of(game, step))[0])
    return to_stack(np.stack(stacks), 4)


def finish(games):
    """Play them to their ends: the turns."""
    turns = []
    while len(games):
        turns.append(games.step(actions_of(games.games, games.steps)))
    return turns


@pytest.mark.parametrize(("places", "sticky"), [(1, 0.0), (3, 0.25), (4, 0.0)])
def test_each_game_is_the_one_that_its_seed_gives_alone(places, sticky):
    env = EnvConfig(repeat_action_probability=sticky)
    games = SideBySide(env, one_after_the_other(SEEDS), max_steps=STEPS, places=places)
    before, after = defaultdict(list), defaultdict(list)
    while len(games):
        assert len(games) == len(games.emulators) <= places
        for row, game in enumerate(games.games):
            assert games.steps[row] == len(before[game])
            before[game].append(games.stacks[row])
        turn = games.step(actions_of(games.games, games.steps))
        for row, game in enumerate(turn.games):
            assert turn.steps[row] == len(after[game])
            after[game].append(turn.stacks[row])
            assert turn.stopped[row] == turn.over[row] == (len(after[game]) == STEPS)
    for game, seed in enumerate(SEEDS):
        alone = play_alone(env, seed, game, STEPS)
        assert np.array_equal(np.stack(before[game]), alone[:-1])
        assert np.array_equal(np.stack(after[game]), alone[1:])


def test_each_place_has_games_of_its_own_until_there_are_no_more():
    asked = []

    def following(place):
        asked.append(place)
        number = asked.count(place) - 1
        return Beginning(10 * place + number, 5 + number) if number <= place else None

    games = SideBySide(EnvConfig(), following, max_steps=3, places=3)
    played = [turn.games.tolist() for turn in finish(games)]
    assert played == [[0, 10, 20]] * 3 + [[11, 21]] * 3 + [[22]] * 3


def test_a_game_goes_on_from_a_moment_of_another_whichever_place_plays_it():
    env = EnvConfig(repeat_action_probability=0.25)
    first = SideBySide(env, one_after_the_other(SEEDS[:2]), max_steps=STEPS, places=2)
    for _ in range(20):
        first.step(actions_of(first.games, first.steps))
    moments = [emulator.clone_state() for emulator in first.emulators]
    shown, went_on = [], []
    while len(first):
        shown.append(first.stacks)
        went_on.append(first.step(np.full(2, 3)).stacks)
    again = SideBySide(env, one_after_the_other(moments), max_steps=30, places=1)
    for game in range(2):
        for step in range(30):
            assert np.array_equal(again.stacks[0], shown[step][game])
            assert np.array_equal(again.step(np.array([3])).stacks[0], went_on[step][game])
    assert len(again) == 0


def test_a_match_that_the_console_ends_is_over_but_not_played_to_its_end():
    games = SideBySide(EnvConfig(), one_after_the_other(SEEDS[:2]), max_steps=1_000, places=2)
    games.emulators[0]._ale.setRAM(9, 255)  # its count of frames overflows within 256 of them
    while len(games) == 2:
        turn = games.step(np.zeros(2, np.int64))
    assert games.games.tolist() == [1]
    assert turn.kept.tolist() == [1]
    assert turn.over.tolist() == turn.truncated.tolist() == [True, False]
    assert not turn.terminated.any()
    assert not turn.stopped.any()


def test_the_emulators_of_games_that_are_over_serve_the_next(monkeypatch):
    env, made = EnvConfig(noop_max=7), []  # settings that nobody else in this process plays with

    def count(game, settings):
        made.append(make_env(settings))
        return made[-1]

    monkeypatch.setattr(Pong, "make_env", count)
    for _ in range(2):
        finish(SideBySide(env, one_after_the_other(SEEDS), max_steps=3, places=2))
    SideBySide(env, one_after_the_other(SEEDS), max_steps=3, places=2).close()
    assert len(made) == 2
    first, second, third = (borrow_emulator(env) for _ in range(3))
    assert {id(first), id(second)} == {id(game) for game in made[:2]}
    assert third is made[2]  # nobody shares an emulator
    return_emulator(env, first)
    assert borrow_emulator(env) is first
