from dataclasses import replace

import pytest
import torch

from agents.config import AgentConfig
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from agents.learning.memory import refuse_training
from rssm.errors import UserError
from rssm.games.pong.game import PONG
from rssm.system import memory

CPU = torch.device("cpu")


@pytest.fixture
def small_machine(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 4 * 10**9)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"imagination": ImaginationConfig(horizon=1_000, starts=1_500)}, "imagination.starts"),
        ({"imagination": ImaginationConfig(chunks=65_536, starts=0)}, "imagination.chunks"),
        ({"imagination": ImaginationConfig(chunks=65_536, chunk_length=2_000)}, "imagination.chunk_length"),
        ({"actor_critic": ActorCriticConfig(hidden=16_384, layers=64)}, "actor_critic.hidden"),
        ({"online": True, "env_steps": 10**9}, "env_steps"),
    ],
)
def test_a_training_that_cannot_fit_is_refused_by_its_setting(small_machine, changes, key):
    with pytest.raises(UserError, match=rf"^{key}: this needs about [\d,.]+ [GT]B of memory"):
        refuse_training(replace(AgentConfig(), **changes), PONG, CPU)


@pytest.mark.parametrize("online", [False, True])
def test_the_default_trainings_fit_a_small_machine(small_machine, online):
    refuse_training(AgentConfig(online=online), PONG, CPU)
