import numpy as np
import pytest
import torch

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.frames import stack_episode, to_observation, to_stack
from rssm.data.play import play_episode
from rssm.errors import DataError
from rssm.games.pong.dream.starts import PlayedStarts, RecordedStarts
from rssm.games.pong.env import make_env
from rssm.games.pong.player import Player


def same(one, other):
    return all(torch.equal(getattr(one, part), getattr(other, part)) for part in ("deter", "stoch", "stack"))


def test_a_played_start_is_decided_by_the_generator_alone(model):
    starts, again = PlayedStarts(model, EnvConfig()), PlayedStarts(model, EnvConfig())
    first = starts.draw(np.random.default_rng(1))
    starts.draw(np.random.default_rng(2))
    assert same(again.draw(np.random.default_rng(1)).state, first.state)
    assert same(starts.draw(np.random.default_rng(1)).state, first.state)
    assert not same(starts.draw(np.random.default_rng(3)).state, first.state)


def test_the_game_of_a_played_start_goes_on_from_its_moment(model):
    start = PlayedStarts(model, EnvConfig()).draw(np.random.default_rng(1))
    game = make_env(EnvConfig())
    assert np.array_equal(to_stack(game.restore_state(start.game), 4), start.state.stack[0].numpy())
    frame = game.step(0)[0][3::4]
    assert np.abs(frame - start.state.stack[0].numpy()[..., -1]).max() < 30


def test_a_start_after_no_step_is_the_game_s_first_moment(model):
    starts = PlayedStarts(model, EnvConfig(), (0, 0))
    state = starts.draw(np.random.default_rng(0)).state
    assert torch.equal(state.deter, model.rssm.initial(torch.tensor([True])))
    assert len(np.unique(state.stack[0], axis=1).T) == 1


def test_a_game_that_ends_sooner_is_stopped_a_step_before_its_end(model):
    start = PlayedStarts(model, EnvConfig()).draw(np.random.default_rng(0), steps=20_000)
    game = make_env(EnvConfig())
    frame = to_stack(game.restore_state(start.game), 4)[:, -1]
    assert frame[10:12].max() == 20
    # somebody is about to make the last point: the ball is behind a paddle
    assert not 20 < frame[8] < 136


@pytest.mark.parametrize("steps", [(-1, 3), (5, 4)])
def test_start_steps_must_be_a_range(model, steps):
    with pytest.raises(ValueError, match="start_steps: expected two numbers"):
        PlayedStarts(model, EnvConfig(), steps)


def test_a_recorded_start_is_the_state_of_filtering_up_to_it(model, pong_data):
    starts = RecordedStarts(model, pong_data)
    state = starts.draw(np.random.default_rng(0), steps=20).state
    candidates = []
    for index in range(len(pong_data.episodes)):
        episode = pong_data.episode(index)
        if len(episode) > 21:
            stacks = torch.from_numpy(stack_episode(episode.features)[None, :21])
            actions = torch.from_numpy(episode.action[None, :21].astype(np.int64))
            candidates.append(model.observe(stacks, actions, torch.tensor([True]), sample=False).states[:, 20])
    assert any(same(state, candidate) for candidate in candidates)


def test_recorded_starts_are_spread_over_all_moments_but_the_last_ones(model, tmp_path):
    episodes = [play_episode(EnvConfig(), Player("tracking"), seed, steps) for seed, steps in [(1, 3), (2, 1), (3, 5)]]
    write_dataset(tmp_path / "data", episodes, env=EnvConfig(), policy={"name": "tracking"}, seed=0)
    starts = RecordedStarts(model, Dataset.open(tmp_path / "data"))
    rng = np.random.default_rng(0)
    drawn = {tuple(starts.draw(rng).state.stack.flatten().tolist()) for _ in range(60)}
    stacks = [tuple(row) for i in (0, 2) for row in to_observation(stack_episode(episodes[i].features))[:-1].tolist()]
    assert drawn == set(stacks)
    with pytest.raises(DataError, match="expected a game of more than 4 steps"):
        starts.draw(rng, steps=4)


def test_games_of_one_step_hold_no_start(model, tmp_path):
    episode = play_episode(EnvConfig(), Player("tracking"), 1, 1)
    write_dataset(tmp_path / "data", [episode], env=EnvConfig(), policy={"name": "tracking"}, seed=0)
    with pytest.raises(DataError, match="expected a game of at least two steps"):
        RecordedStarts(model, Dataset.open(tmp_path / "data"))


def test_the_game_is_the_one_of_the_settings(model):
    """An enemy that rests while the ball flies away from it is elsewhere after a while than the console's own."""
    lazy, own = (
        PlayedStarts(model, EnvConfig(enemy=enemy)).draw(np.random.default_rng(0), 60).state.stack
        for enemy in ("lazy", "normal")
    )
    assert not torch.equal(lazy, own)
