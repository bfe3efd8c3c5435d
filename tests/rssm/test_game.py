import json
import pickle

import pytest

from rssm import ENV_ID
from rssm.config import EnvConfig, ModelConfig
from rssm.errors import UserError
from rssm.game import Cloneable, Layout, cloneable, game_of, load_game
from rssm.games.pong import features as F
from rssm.games.pong.game import PONG

CARTPOLE = EnvConfig(id="CartPole-v1", frameskip=1, noop_max=0)


def test_sizes_follow_from_the_layout():
    layout = Layout(("a", "total", "b", "event"), ("left", "right"), counters=((1, 3),))
    assert (layout.num_features, layout.num_actions, layout.obs_size) == (4, 2, 16)
    assert layout.totals == (1,)
    assert layout.seen == (0, 2, 3)
    assert json.loads(json.dumps(layout.to_dict())) == layout.to_dict()


def test_pong_s_layout_is_the_one_of_its_environment():
    env = PONG.make_env(EnvConfig())
    assert env.observation_space.shape == (PONG.layout.obs_size,) == (56,)
    assert env.action_space.n == PONG.layout.num_actions == 6
    assert PONG.layout.totals == (F.ENEMY_SCORE, F.PLAYER_SCORE)
    assert [PONG.layout.actions[twin] for twin in PONG.twins.values()] == ["NOOP", "RIGHT", "LEFT"]


def test_a_game_is_found_by_its_environment_s_id():
    assert load_game(ENV_ID) is PONG
    assert load_game("CartPole-v1").name == "box"
    assert load_game("CartPole-v1") is load_game("CartPole-v1")


@pytest.mark.parametrize("game", [PONG, load_game("CartPole-v1")], ids=["pong", "box"])
def test_a_game_passes_to_other_processes(game):
    copy = pickle.loads(pickle.dumps(game))  # noqa: S301 (its own)
    assert (copy.env_id, copy.layout, dict(copy.positions)) == (game.env_id, game.layout, dict(game.positions))


@pytest.mark.parametrize("game", [PONG, load_game("CartPole-v1")], ids=["pong", "box"])
def test_the_defaults_of_a_game_suit_it(game):
    env = game.default_env()
    assert env.id == game.env_id
    assert game_of(env) is load_game(env.id)


def test_pong_can_go_back_and_an_environment_that_is_only_registered_cannot():
    assert isinstance(cloneable(PONG.make_env(EnvConfig())), Cloneable)
    assert cloneable(load_game("CartPole-v1").make_env(CARTPOLE)) is None
    assert cloneable(None) is None


@pytest.mark.parametrize(
    ("env_id", "line"),
    [
        ("Nothing-v0", "env.id: expected a gymnasium environment, got Nothing-v0 ("),
        ("no.module:Thing-v0", "env.id: expected a gymnasium environment, got no.module:Thing-v0 ("),
        ("FrozenLake-v1", "env.id: expected a Box of one dimension as observation, FrozenLake-v1 has Discrete(16)"),
        ("Pendulum-v1", "env.id: expected up to 256 Discrete actions, Pendulum-v1 has Box("),
    ],
)
def test_what_cannot_be_modelled_is_refused_in_one_line(env_id, line):
    with pytest.raises(UserError) as caught:
        load_game(env_id)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"frameskip": 4}, "env.frameskip: expected 1, CartPole-v1 is played as it is registered; got 4"),
        ({"noop_max": 30}, "env.noop_max: expected 0, "),
        ({"repeat_action_probability": 0.25}, "env.repeat_action_probability: expected 0.0, "),
    ],
)
def test_settings_that_only_pong_has_are_refused_elsewhere(settings, line):
    with pytest.raises(UserError, match="CartPole-v1") as caught:
        game_of(EnvConfig(**{"id": "CartPole-v1", "frameskip": 1, "noop_max": 0} | settings))
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize("settings", [{"likelihood": "discrete"}, {"fourier": 8}, {"min_p": 0.05}])
def test_a_model_that_only_pong_has_is_refused_elsewhere(settings):
    good = {"likelihood": "mse", "fourier": 0, "min_p": 0.0}
    load_game("CartPole-v1").check_model(ModelConfig(**good))
    with pytest.raises(UserError) as caught:
        load_game("CartPole-v1").check_model(ModelConfig(**good | settings))
    assert str(caught.value).startswith(f"model.{next(iter(settings))}: expected")
    PONG.check_model(ModelConfig())
