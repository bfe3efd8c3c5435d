import sys
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch

from rssm import ENV_ID
from rssm.api import Model
from rssm.config import EnvConfig, LossConfig, ModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.collect import ensure_dataset
from rssm.data.frames import stack_episode, to_observation, to_stack
from rssm.data.mixture import Mixture
from rssm.data.play import play_episode
from rssm.data.streams import Recording
from rssm.errors import UserError
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.game import load_game
from rssm.games.box import Box, RandomPlayer, Stacked
from rssm.model.losses import chunk_losses
from rssm.model.world_model import WorldModel
from rssm.training.checkpoint import load_model, save_model, weights_of

ENV = EnvConfig(id="CartPole-v1")
BOX = load_game("CartPole-v1")
PLAYERS = Mixture.parse("random", BOX.read_player)
SIZES = {"likelihood": "mse", "deter": 8, "stoch": 2, "classes": 3, "hidden": 12, "head_hidden": 8, "layers": 1}
CONFIG = ModelConfig(**SIZES)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("box") / "data"
    return ensure_dataset(path, Recording(ENV, PLAYERS, seed=1, steps=400), workers=1)


@pytest.fixture
def model(data):
    torch.manual_seed(0)
    return WorldModel(CONFIG, data.game, data.game.fit(data.features, data.action, data.is_first))


def test_the_stacks_are_those_of_the_environment_s_own_observations():
    env, plain = BOX.make_env(ENV), gymnasium.make("CartPole-v1")
    stack, info = env.reset(seed=3)
    frames = [plain.reset(seed=3)[0]]
    stacks = [stack]
    assert np.array_equal(info["frame"], frames[0])
    for action in (1, 0, 1, 1, 0):
        stack, reward, terminated, truncated, info = env.step(action)
        seen, *rest, _ = plain.step(action)
        assert [reward, terminated, truncated] == rest
        assert np.array_equal(info["frame"], seen)
        stacks.append(stack)
        frames.append(seen)
    assert np.array_equal(to_stack(np.stack(stacks), 4), stack_episode(np.stack(frames)))
    assert np.array_equal(stack[3::4], seen)


def test_the_registered_step_limit_holds():
    """Acrobot is stopped after 500 steps, long before the limit that the settings have."""
    env = EnvConfig(id="Acrobot-v1")
    episode = play_episode(env, RandomPlayer(), seed=0, max_steps=2_000)
    assert (len(episode), episode.truncated, episode.terminated) == (500, True, False)
    assert episode.reward.tolist() == [-1.0] * 500


def test_actions_that_do_not_begin_at_0():
    class Shifted(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-1, 1, (1,))
        action_space = gymnasium.spaces.Discrete(2, start=-1)

        def reset(self, *, seed=None, options=None):
            return np.zeros(1), {}

        def step(self, action):
            return np.array([action]), 0.0, False, False, {}

    gymnasium.register("test/Shifted-v0", Shifted)
    game = Box("test/Shifted-v0")
    env = game.make_env(EnvConfig(id=game.env_id))
    assert isinstance(env, Stacked)
    env.reset(seed=0)
    assert [env.step(action)[4]["frame"].tolist() for action in (0, 1)] == [[-1.0], [0.0]]


def test_data_are_collected_and_opened_with_their_game(data):
    assert data.game is BOX
    assert data.env == ENV
    assert data.meta["env"] == {"stack": 4, "max_episode_steps": 27_000}  # nothing that it does not have
    assert data.features.shape == (400, 4)
    assert len(data.episodes) > 5
    assert data.terminated.sum() == len(data.episodes) - 1  # the last one was cut
    again = play_episode(ENV, RandomPlayer(), data.meta["episode_seeds"][2], 10_000)
    assert np.array_equal(again.features, data.features[data.episodes[2]])


def test_another_game_s_data_are_refused(data):
    other = EnvConfig(id="Acrobot-v1")
    with pytest.raises(UserError, match="id: expected Acrobot-v1, but the data set there has CartPole-v1"):
        ensure_dataset(data.path, Recording(other, PLAYERS, seed=1, steps=400), workers=1)


def test_only_the_random_player_plays():
    with pytest.raises(ValueError, match="expected random, the only player of CartPole-v1, got tracking"):
        BOX.read_player("tracking")
    player = BOX.read_player(" random ")
    assert (str(player), player.meta()) == ("random", {"name": "random"})
    act, rng = BOX.policy(player), np.random.default_rng(0)
    assert {act(np.zeros(4), rng) for _ in range(50)} == {0, 1}


def test_statistics(data):
    fitted = BOX.fit(data.features, data.action, data.is_first)
    assert fitted.mean == pytest.approx(data.features.mean(0), abs=1e-5)
    assert fitted.std == pytest.approx(data.features.std(0), rel=1e-4)
    changes = np.concatenate([np.diff(data.features[rows], axis=0) for rows in data.episodes])
    assert fitted.change == pytest.approx(changes.std(0), rel=1e-4)
    assert BOX.read_statistics(fitted.to_dict()) == fitted == fitted.widened()
    still = BOX.fit(np.ones((3, 4), np.float32), np.zeros(3, np.uint8), np.array([True, False, False]))
    assert still.std == still.change == (1.0,) * 4


def test_the_embedding_and_the_view_are_of_the_normalised_stack(model, data):
    """Features on another scale look the same once the statistics have that scale too."""
    stacks = torch.from_numpy(stack_episode(np.array(data.features[:9])))
    embedding, view = model.encoder.see(stacks)
    assert embedding.shape == (9, CONFIG.hidden)
    assert view.shape == (9, BOX.view_size)
    assert torch.equal(model.encoder(stacks), embedding)
    assert torch.equal(model.encoder.view(stacks), view)
    scaled = BOX.fit(100 * data.features + 7, data.action, data.is_first)
    other = BOX.encoder(CONFIG, scaled)
    other.network = model.encoder.network
    assert torch.allclose(other.see(100 * stacks + 7)[1], view, atol=1e-3)


@pytest.mark.parametrize("decoder", ["residual", "direct"])
@pytest.mark.parametrize("likelihood", ["mse", "huber"])
def test_predictions_of_every_kind(data, decoder, likelihood):
    config = ModelConfig(**SIZES | {"decoder": decoder, "likelihood": likelihood})
    model = WorldModel(config, BOX, BOX.fit(data.features, data.action, data.is_first))
    stacks = torch.from_numpy(stack_episode(np.array(data.features[:8])))[None]
    seen = model.observe(stacks, torch.zeros(1, 8, dtype=torch.int64), torch.tensor([True]))
    ahead = model.imagine(seen.states[:, -1], torch.ones(1, 6, dtype=torch.int64))
    assert ahead.states.stack.shape == (1, 6, 4, 4)
    assert ahead.predictions[0].loss(stacks[:, 0]).shape == (1,)
    if decoder == "residual":  # a change of 0, before anything is learnt
        assert torch.equal(ahead.states.stack[0, 0, :, -1], stacks[0, -1, :, -1])


@pytest.mark.parametrize("stack", [1, 2])
@pytest.mark.parametrize("decoder", ["residual", "direct"])
def test_stacks_of_other_sizes_are_collected_learned_and_imagined(tmp_path, stack, decoder):
    env = replace(ENV, stack=stack)
    data = ensure_dataset(tmp_path / "data", Recording(env, PLAYERS, seed=1, steps=200), workers=1)
    assert (data.env, data.game.layout.stack) == (env, stack)
    assert data.game.make_env(env).reset(seed=0)[0].shape == (4 * stack,)
    torch.manual_seed(0)
    config = ModelConfig(**SIZES | {"decoder": decoder})
    model = WorldModel(config, data.game, data.game.fit(data.features, data.action, data.is_first))
    sampler = ChunkSampler(data, batch_size=4, length=8, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for update in range(8):
        loss = chunk_losses(model, sampler.batch(update % 2), LossConfig()).total(LossConfig())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-2:]) < sum(losses[:2])
    save_model(tmp_path / "model.safetensors", model, weights_of(model), {})
    again = Model(load_model(tmp_path / "model.safetensors", torch.device("cpu")))
    observation = to_observation(stack_episode(np.array(data.features[:9]), stack))[-1]
    ahead = again.predict(observation, [0, 1, 1, 0])
    assert ahead.shape == (4, 4 * stack)
    assert np.isfinite(ahead).all()
    if stack == 2 and decoder == "residual":  # the older frame of a step is the newest of the step before
        np.testing.assert_array_equal(to_stack(ahead, 2)[1:, :, 0], to_stack(ahead, 2)[:-1, :, 1])
    oldest_first = ConstantVelocity(data.game.positions.values()).predict(
        stack_episode(np.array(data.features[:9]), stack), data.action[:9], np.array([5]), np.zeros((1, 2), int)
    )
    change = data.features[5] - data.features[4]
    np.testing.assert_allclose(oldest_first[0, 0, :, -1], data.features[5] + change, rtol=1e-6)


def test_stacks_that_there_are_not_are_refused():
    with pytest.raises(UserError, match=r"^env.stack: expected 1 to 16, got 17$"):
        load_game("CartPole-v1", 17)
    with pytest.raises(UserError, match=r"^env.stack: expected 4 in rssm/PongFeatures-v0, got 2$"):
        load_game(ENV_ID, 2)


def test_all_windows_are_alike():
    assert BOX.label(np.zeros((3, 7, 4)), np.arange(3)).tolist() == [0, 0, 0]
    assert list(BOX.events) == ["all"]


def test_there_is_no_picture(tmp_path):
    assert not BOX.draw(tmp_path / "a.gif", np.zeros((6, 4)), np.zeros((6, 4)))
    assert not BOX.draw_open_loop(tmp_path / "a.gif", np.zeros((6, 4)), np.zeros((6, 4)), np.zeros(6, bool))
    assert not BOX.draw_paths(tmp_path / "a.gif", np.zeros((1, 7, 4)), np.zeros((1, 7, 4)), ["one"])
    assert not (tmp_path / "a.gif").exists()


def test_an_id_imports_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with pytest.raises(UserError, match=r"that is registered, got this:CartPole-v1; import this before"):
        load_game("this:CartPole-v1")
    assert "this" not in sys.modules
    assert load_game("json:CartPole-v1").layout == BOX.layout  # of a module that is there
