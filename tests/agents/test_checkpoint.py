import dataclasses
import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from agents.checkpoint import AGENT_FILE, load_agent, read_agent, save_agent
from agents.config import AgentConfig
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from rssm.config.yaml_file import save_config
from rssm.errors import CheckpointError, UserError
from rssm.games.pong.game import PONG
from rssm.training.checkpoint import MODEL_FILE, SCHEMA, save_model, sealed, weights_of


@pytest.fixture
def saved(tmp_path, make_agent):
    agent = make_agent()
    agent.normalizer.update(torch.linspace(0.0, 4.0, 100))
    save_agent(tmp_path / AGENT_FILE, agent, {"update": 7})
    return tmp_path / AGENT_FILE, agent


@pytest.fixture
def run(saved, make_model, tmp_path):
    model = make_model()
    save_model(tmp_path / MODEL_FILE, model, weights_of(model), {})
    save_config(AgentConfig(), tmp_path / "config.yaml")
    return tmp_path


def rewrite(path, **changes):
    """Change the description in an agent's file."""
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["rssm"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    save_file(weights, path, {"rssm": json.dumps(sealed(description | changes, weights))})


def test_an_agent_comes_back_whole(saved):
    path, agent = saved
    again = read_agent(path)
    assert again.config == agent.config
    one, other = agent.state_dict(), again.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    features = torch.randn(5, agent.features)
    assert torch.equal(again.actor(features), agent.actor(features))
    assert again.normalizer.scale == agent.normalizer.scale


def test_a_run_gives_its_world_model_agent_and_settings(run, make_model):
    model, agent, config = load_agent(run)
    assert config == AgentConfig()
    assert agent.features == inputs_size(model.config, PONG)
    assert torch.equal(model.rssm.start, make_model().rssm.start)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"schema": 99}, f"expected schema {SCHEMA}, it was made for 99"),
        ({"features": ["x"]}, "expected features ['player_x'"),
        ({"actions": ["UP"]}, "expected actions ['NOOP'"),
        ({"inputs": 3}, "its weights do not fit its own description"),
        ({"actor_critic": {"size": 3}}, "its weights do not fit its own description"),
    ],
)
def test_an_agent_made_for_something_else_is_refused_in_one_line(saved, changes, line):
    path, _ = saved
    rewrite(path, **changes)
    with pytest.raises(CheckpointError) as caught:
        read_agent(path)
    assert str(caught.value).startswith(f"{path}: {line}")
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / AGENT_FILE
    with pytest.raises(CheckpointError, match=r"expected an agent, there is no such file"):
        read_agent(path)
    path.write_bytes(b"no agent")
    with pytest.raises(CheckpointError, match=r"expected a safetensors file"):
        read_agent(path)


def test_an_agent_beside_another_world_model_is_refused(run, make_model):
    save_agent(run / AGENT_FILE, Agent(ActorCriticConfig(hidden=8, layers=1), 5, PONG), {})
    size = inputs_size(make_model().config, PONG)
    with pytest.raises(CheckpointError, match=rf"expected an agent that reads {size} features, .* made for 5$"):
        load_agent(run)


def test_a_folder_that_is_no_agent_s_run_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"expected the folder of an agent's run"):
        load_agent(tmp_path)


def test_a_run_whose_settings_are_not_all_there_is_refused(run):
    text = (run / "config.yaml").read_text().replace("seed: 0\n", "")
    (run / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config.yaml: seed: missing"):
        load_agent(run)


def test_the_settings_of_an_agent_can_be_changed_only_in_its_file(saved):
    path, agent = saved
    other = dataclasses.replace(agent.config, discount=0.5)
    rewrite(path, actor_critic=dataclasses.asdict(other))
    assert read_agent(path).config.discount == 0.5
