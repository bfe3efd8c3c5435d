import shutil

import pytest
import torch

from agents.checkpoint import AGENT_FILE, save_agent
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.load import load_players
from rssm.errors import CheckpointError
from rssm.games.pong.game import PONG


def test_a_model_comes_with_the_agent_beside_it_and_without_one_alone(agent_folder, model_folder, make_agent):
    model, agent = load_players(agent_folder)
    assert not model.training
    assert not agent.training
    features = torch.zeros(1, agent.features)
    assert torch.equal(agent.value(features), make_agent().value(features))
    model, agent = load_players(model_folder)
    assert agent is None


def test_an_agent_of_another_model_is_refused(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "run")
    save_agent(folder / AGENT_FILE, Agent(ActorCriticConfig(hidden=8, layers=1, bins=11), 7, PONG), {})
    with pytest.raises(CheckpointError, match=r"agent.safetensors: expected an agent that reads \d+ features"):
        load_players(folder)
