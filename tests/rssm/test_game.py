import pickle

import pytest

from rssm import ENV_ID
from rssm.config import DataConfig, EnvConfig, ModelConfig, OthersConfig, WorldModelConfig
from rssm.config.keys import build, idle_settings
from rssm.errors import UserError
from rssm.game import load_game
from rssm.games.pong import features as F
from rssm.games.pong.game import PONG

NOBODY = OthersConfig(games=0)


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
def test_a_game_says_truly_whether_its_environment_can_go_back(game):
    env = game.make_env(EnvConfig(id=game.env_id))
    assert game.clones == hasattr(env, "clone_state") == (game.cloneable(env) is env)


@pytest.mark.parametrize(
    ("env_id", "line"),
    [
        ("Nothing-v0", "expected a gymnasium environment, got Nothing-v0 ("),
        ("no.module:Thing-v0", "expected an environment that is registered, got no.module:Thing-v0; import no.module"),
        ("FrozenLake-v1", "expected a Box of one dimension as observation, FrozenLake-v1 has Discrete(16)"),
        ("Pendulum-v1", "expected up to 256 Discrete actions, Pendulum-v1 has Box("),
    ],
)
def test_what_cannot_be_modelled_is_refused_in_one_line(env_id, line):
    with pytest.raises(UserError) as caught:
        load_game(env_id)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_settings_that_only_pong_has_do_nothing_elsewhere():
    model, data = ModelConfig(likelihood="mse"), DataConfig(players="random", heldout_player="random", others=NOBODY)
    config = WorldModelConfig(env=EnvConfig(id="CartPole-v1"), model=model, data=data)
    idle = idle_settings(config)
    for key in ("env.frameskip", "env.noop_max", "env.repeat_action_probability", "env.enemy"):
        assert idle[key] == "in CartPole-v1"
    assert not any("in CartPole-v1" in reason for reason in idle_settings(WorldModelConfig()).values())


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "model.likelihood: expected huber or mse, as CartPole-v1 has no pixels, got discrete"),
        ({"model.likelihood": "mse"}, "data.players: expected random, the only player of CartPole-v1, got tracking"),
        (
            {"model.likelihood": "mse", "data.players": "random"},
            "data.heldout_player: expected random, the only player of CartPole-v1, got tracking",
        ),
        ({"env.id": "Nothing-v0"}, "env.id: expected a gymnasium environment, got Nothing-v0 ("),
    ],
)
def test_what_a_game_does_not_have_is_refused(settings, line):
    with pytest.raises(UserError) as caught:
        build(WorldModelConfig, {"env.id": "CartPole-v1"} | settings)
    assert str(caught.value).startswith(line)
