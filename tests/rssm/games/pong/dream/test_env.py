import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env

import rssm  # noqa: F401 (registers)
from rssm.errors import UserError
from rssm.games.pong.dream.env import PongDream
from rssm.games.pong.env import PongFeatures

ID = "rssm/PongDream-v0"


@pytest.mark.parametrize("sample", [False, True])
def test_gymnasium_finds_nothing_to_complain_about(model_folder, sample):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(ID, run=model_folder, sample=sample, start_steps=(0, 5), render_mode="rgb_array")
        check_env(env.unwrapped)
        env.close()


def play(env, seed, options=None):
    observation, _ = env.reset(seed=seed, options=options)
    seen, rewards = [observation], []
    for action in (2, 3, 0, 1, 4, 5):
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append(observation)
        rewards.append(reward)
        assert np.array_equal(info["frame"], observation[3::4])
        if terminated or truncated:
            break
    return np.stack(seen), rewards


def test_a_seed_fixes_the_dream_whatever_was_dreamt_before(model):
    env, other = PongDream(model=model), PongDream(model=model)
    seen, rewards = play(env, 1)
    play(other, 2)
    torch.rand(2)
    seen_again, rewards_again = play(other, 1)
    assert np.array_equal(seen, seen_again)
    assert rewards == rewards_again
    assert not np.array_equal(seen[1:], play(env, 2)[0][1:])


def test_it_has_the_spaces_of_the_real_game_and_begins_in_one(model):
    env, real = PongDream(model=model), PongFeatures()
    assert env.observation_space == real.observation_space
    assert env.action_space == real.action_space
    first, _ = env.reset(seed=0, options={"steps": 0})
    assert np.array_equal(first.reshape(14, 4), np.repeat(first[::4], 4).reshape(14, 4))
    assert first[3::4][:4].tolist()[::2] == [140.0, 16.0]


def test_the_mode_takes_no_random_number_and_the_samples_do(model):
    likeliest = [play(PongDream(model=model, sample=False), 5)[0] for _ in range(2)]
    assert np.array_equal(*likeliest)
    assert not np.array_equal(play(PongDream(model=model, sample=True), 5)[0], likeliest[0])


def test_it_begins_in_recorded_games_where_these_are_given(model, pong_data):
    env = PongDream(model=model, data=pong_data.path)
    rows = {tuple(row) for row in pong_data.features.tolist()}
    for seed in range(5):
        assert tuple(env.reset(seed=seed)[1]["frame"].tolist()) in rows


def test_an_observation_stays_in_its_space_where_the_dream_does_not(model):
    env = PongDream(model=model, sample=False)
    env.reset(seed=0)
    far = env._dream.state.stack.clone()
    far[:, 36:40] = 1000.0
    env._dream.state = replace(env._dream.state, stack=far)
    observation, *_ = env.step(0)
    assert env.observation_space.contains(observation)
    assert not env.observation_space.contains(env._dream.stack)


def test_a_picture_is_drawn_on_the_ground_of_imagined_games(model):
    env = PongDream(model=model, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == (210, 160, 3)
    assert picture.dtype == np.uint8
    assert picture[100, 80].tolist() == [28, 38, 84]
    assert PongDream(model=model).render() is None


def test_wrong_use_is_said(model, model_folder, tmp_path):
    env = PongDream(model=model)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action: expected 0 to 5, got 6"):
        env.step(6)
    with pytest.raises(ValueError, match="render_mode: expected None or 'rgb_array', got 'human'"):
        PongDream(model=model, render_mode="human")
    with pytest.raises(ValueError, match="got both"):
        PongDream(run=model_folder, model=model)
    with pytest.raises(UserError, match="no run"):
        PongDream(run=tmp_path / "nothing")
