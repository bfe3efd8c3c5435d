import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from agents.play import scores as module
from agents.play.moments import Moments
from agents.play.scores import WAYS, Games, Series, play_games, score_agent
from rssm.config import EnvConfig
from rssm.errors import UserError
from rssm.games.pong.env import make_env
from rssm.games.pong.features import NUM_ACTIONS
from rssm.games.pong.game import PONG
from rssm.seeds import episode_seed


def stand_still(state):
    return torch.zeros(state.shape, dtype=torch.int64)


def at_random(state):
    return torch.randint(NUM_ACTIONS, state.shape)


def test_games_are_played_to_the_end_and_scored(make_model):
    played = play_games(make_model(), stand_still, games=2, env=EnvConfig(), seed=5)
    game = make_env(EnvConfig())
    for index in range(2):
        game.reset(seed=episode_seed(5, index))
        score, length, terminated = 0.0, 0, False
        while not terminated:
            _, reward, terminated, _, _ = game.step(0)
            score, length = score + reward, length + 1
        assert (played.scores[index], played.lengths[index]) == (score, length)
    assert played.finished.all()
    assert (played.scores <= -19).all()  # a paddle that stands still is hit now and then


def test_the_seed_fixes_the_games_and_nothing_else_does(make_model):
    model = make_model()

    def play(seed, before):
        torch.manual_seed(before)
        torch.rand(before)
        state = torch.get_rng_state()
        played = play_games(model, at_random, games=3, env=EnvConfig(), seed=seed, max_steps=300)
        assert torch.equal(torch.get_rng_state(), state)
        return played.scores.tolist()

    one = play(1, before=1)
    assert play(1, before=2) == one
    assert play(2, before=1) != one


@pytest.fixture
def agent(make_model):
    torch.manual_seed(0)
    return Agent(ActorCriticConfig(hidden=8, layers=1), inputs_size(make_model().config, PONG), PONG)


@pytest.mark.parametrize("policies", [["greedy", "sampled"], ["greedy", "planned"], ["sampled"]])
def test_games_beside_each_other_are_those_that_are_played_in_turn(make_model, agent, policies):
    series = Series(EnvConfig(max_episode_steps=60), 2, 3, rollouts=1)
    results = [score_agent(make_model(), agent, policies, series, workers=workers) for workers in (0, 1)]
    assert results[0] == results[1]
    assert [name for name in results[1] if name in WAYS] == policies
    assert [results[1][name]["lengths"] for name in policies] == [[60, 60]] * len(policies)


def test_moments_are_of_the_sampled_games_wherever_they_are_played(make_model, agent):
    env, drawn = EnvConfig(max_episode_steps=30), []
    for workers in (0, 1):
        moments = Moments(5, 0.9, 30, seed=1)
        score_agent(make_model(), agent, ["sampled", "greedy"], Series(env, 1, 3), moments, workers)
        drawn.append([(moment.game, moment.step) for moment in moments.drawn()[0]])
    assert len(drawn[0]) == 5
    assert drawn[0] == drawn[1]


def test_a_killed_process_is_said_in_one_line(make_model, agent, monkeypatch):
    def killed(*arguments, **names):
        (process,) = multiprocessing.active_children()
        os.kill(process.pid, signal.SIGKILL)
        return Games(np.zeros(1), np.zeros(1, np.int64), np.ones(1, np.bool_))

    monkeypatch.setattr(module, "play_games", killed)
    with pytest.raises(UserError, match=r"^workers: the process that plays beside this one was killed") as caught:
        score_agent(make_model(), agent, ["greedy", "sampled"], Series(EnvConfig(), 1, 3), workers=1)
    assert "\n" not in str(caught.value)
    assert not multiprocessing.active_children()


def test_what_goes_wrong_here_does_not_wait_for_the_other_games(make_model, agent, monkeypatch):
    def fail(*arguments, **names):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "play_games", fail)
    with pytest.raises(KeyboardInterrupt):
        score_agent(make_model(), agent, ["greedy", "sampled"], Series(EnvConfig(), 1_000, 3), workers=1)
    assert not multiprocessing.active_children()


def test_the_policy_reads_sampled_latents(make_model):
    seen = []

    def watch(state):
        seen.append(state.stoch)
        return stand_still(state)

    # with at most one no-op there are two starts, which modes would show as two states
    play_games(make_model(), watch, games=30, env=EnvConfig(noop_max=1), seed=0, max_steps=1)
    assert len(seen[0].unique(dim=0)) > 2


def test_a_game_is_the_same_among_any_number_of_others(make_model):
    def play(games):
        env = EnvConfig(repeat_action_probability=0.25)
        return play_games(make_model(), stand_still, games=games, env=env, seed=3, max_steps=150).scores.tolist()

    five = play(5)
    assert any(five)
    assert play(2) == five[:2]


@pytest.mark.parametrize("limit", ["argument", "settings"])
def test_a_game_that_is_stopped_counts_as_it_stands(make_model, limit):
    env = EnvConfig(max_episode_steps=200 if limit == "settings" else 27_000)
    steps = 200 if limit == "argument" else None
    played = play_games(make_model(), stand_still, games=2, env=env, seed=0, max_steps=steps)
    assert played.lengths.tolist() == [200, 200]
    assert not played.finished.any()
    assert all(-10 < score < 0 for score in played.scores)


def test_games_that_go_on_are_reported(make_model, capsys, monkeypatch):
    monkeypatch.setattr("rssm.progress._EVERY", 0.0)
    play_games(make_model(), stand_still, games=2, env=EnvConfig(), seed=0, max_steps=200, title="greedy games")
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith("greedy games: 0 of 2 games, 0 s; 1 steps, +0.0 points a game")
    assert last.startswith("greedy games: 2 of 2 games")
    assert "; 200 steps, -" in last


def test_the_summary_of_four_games():
    scores, lengths = np.array([21, -21, 3, 5]), np.array([1700, 900, 2400, 3000])
    summary = Games(scores, lengths, np.ones(4, np.bool_)).summary()
    assert summary == {
        "mean": 2.0,
        # deviations 19, -23, 1, 3: squares 361 + 529 + 1 + 9 = 900, over 3 is 300, over 4 games is 75
        "standard_error": pytest.approx(75**0.5),
        "min": -21.0,
        "median": 4.0,
        "wins": 3.0,
        "length": 2000.0,
    }


def test_one_game_has_no_spread():
    assert Games(np.array([4]), np.array([10]), np.ones(1, np.bool_)).summary()["standard_error"] == 0.0
