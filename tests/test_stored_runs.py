"""Runs as earlier versions stored them; whatever changes, they are read, predict, are scored and play.

``tests/fixtures/run_v1`` is such a run of a tiny world model and of an agent in it. Later settings do not stand in its
files: each says beside itself what held before it existed.
"""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import rssm
from agents.checkpoint import load_agent
from agents.config import AgentConfig
from agents.play.scores import play_games
from rssm.config import EnvConfig, EvalConfig, WorldModelConfig
from rssm.config.keys import flat_settings, setting_types
from rssm.config.yaml_file import load_config
from rssm.data.dataset import write_dataset
from rssm.data.play import play_episode
from rssm.games.pong.player import Player
from rssm.training.checkpoint import load_model
from rssm.training.run_folder import Claim

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(path.name for path in FIXTURES.glob("run_v*"))


@pytest.fixture(params=VERSIONS)
def stored(request, tmp_path):
    """A copy of the runs of one version: ``wm`` and ``agent``."""
    shutil.copytree(FIXTURES / request.param, tmp_path / "stored")
    return tmp_path / "stored"


@pytest.mark.parametrize(("name", "config_class"), [("wm", WorldModelConfig), ("agent", AgentConfig)])
def test_the_settings_that_a_run_names_are_those_it_has(stored, name, config_class):
    path = stored / name / "config.yaml"
    read = dict(flat_settings(dataclasses.asdict(load_config(path, config_class))))
    named = dict(flat_settings(yaml.safe_load(path.read_text())))
    common = named.keys() & setting_types(config_class).keys()
    assert len(common) > 40
    assert {key: read[key] for key in common} == {key: named[key] for key in common}


@pytest.mark.parametrize(("name", "config_class"), [("wm", WorldModelConfig), ("agent", AgentConfig)])
def test_a_run_goes_on_under_its_own_settings(stored, name, config_class):
    path = stored / name / "config.yaml"
    before = path.read_bytes()
    Claim(stored / name, load_config(path, config_class))
    assert path.read_bytes() == before


def test_a_world_model_predicts(stored):
    model = rssm.load(stored / "wm")
    assert same_weights(stored / "wm" / "model.safetensors", model.world_model)
    stack = np.full((3, 56), 50, np.float32)
    assert np.isfinite(model.predict(stack, np.zeros((3, 6), int), samples=2)).all()


def test_a_world_model_is_scored(stored, tmp_path):
    game = play_episode(EnvConfig(), Player("tracking"), 3, 60)
    write_dataset(tmp_path / "game", [game], env=EnvConfig(), policy={"name": "tracking"}, seed=0)
    settings = EvalConfig(samples=1, bootstrap=5, off_policy_windows=3)
    result = rssm.evaluate(stored / "wm", tmp_path / "game", settings)
    then = json.loads((stored / "wm" / "openloop.json").read_text())
    assert len(result["mse"]["mean"]) == len(then["mse"]["mean"]) == 6
    # on another game, by a model of 40 updates: the same order of size as it was then
    assert result["mse"]["mean"][0] < 10 * then["mse"]["mean"][0]


def test_an_agent_plays(stored):
    model, agent, config = load_agent(stored / "agent")
    assert same_weights(stored / "agent" / "agent.safetensors", agent)
    scores = play_games(model, agent.policy(model, greedy=True), games=1, env=EnvConfig(max_episode_steps=40), seed=0)
    assert scores.scores.shape == (1,)
    assert not config.online


@pytest.mark.parametrize("name", ["wm", "agent"])
def test_weights_from_before_a_setting_are_read_with_what_held_then(stored, name):
    """The setting is taken out of the file, as one that came later is missing there."""
    file = stored / name / "model.safetensors"
    rewrite(file, "model", lambda model: model.pop("min_p"))
    assert load_model(file).config.min_p == 0.0
    if name == "agent":
        rewrite(stored / name / "agent.safetensors", "actor_critic", lambda settings: settings.pop("bonus"))
        _, agent, _ = load_agent(stored / name)
        assert agent.config.bonus == "entropy"


def test_settings_from_before_a_setting_are_read_with_what_held_then(stored):
    path = stored / "agent" / "config.yaml"
    taken = ("continued:", "tried:", "starts:", "bonus:", "search:", "surprise_penalty:", "player_decay:")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith(taken)))
    config = load_config(path, AgentConfig)
    assert (config.imagination.continued, config.imagination.tried, config.imagination.starts) == (0.0, False, 0)
    assert (config.actor_critic.bonus, config.actor_critic.search) == ("entropy", 0.0)
    assert (config.actor_critic.surprise_penalty, config.actor_critic.player_decay) == (0.0, 0.0)


def test_a_setting_that_has_other_names_today_is_read(stored):
    path = stored / "agent" / "config.yaml"
    text = path.read_text().replace("  critic_learning_rate: 0.002\n", "")
    text = text.replace("  actor_learning_rate: 0.001\n", "  learning_rate: 3e-4\n")
    path.write_text(text.replace("actor_critic:\n", "actor_critic:\n  replay_scale: 0.3\n"))
    train = load_config(path, AgentConfig).train
    assert (train.actor_learning_rate, train.critic_learning_rate) == (3e-4, 3e-4)


def same_weights(path, module):
    stored, loaded = load_file(path), module.state_dict()
    return all(torch.equal(loaded[name].cpu(), value) for name, value in stored.items() if name in loaded)


def rewrite(path, key, change):
    with safe_open(path, framework="pt") as file:
        metadata = json.loads(file.metadata()["rssm"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    change(metadata[key])
    save_file(weights, path, {"rssm": json.dumps(metadata)})
