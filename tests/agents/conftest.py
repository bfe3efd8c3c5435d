"""What a tiny run of an agent is made of."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import torch

from agents.checkpoint import AGENT_FILE, save_agent
from agents.config import AgentConfig, AgentTrainConfig, EvaluationConfig
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from agents.learning.inputs import inputs_size
from agents.online.config import PlayConfig, WorldConfig
from rssm.config import EnvConfig, LogConfig, LossConfig, ModelConfig
from rssm.data.chunks import Chunk, ChunkSampler
from rssm.data.dataset import Dataset
from rssm.games.pong.dream.session import Session, View
from rssm.games.pong.game import PONG
from rssm.model.state import State
from rssm.model.world_model import WorldModel

AgentMaker = Callable[..., Agent]


@pytest.fixture(scope="session")
def make_agent(make_model: Callable[..., WorldModel]) -> AgentMaker:
    """Makes tiny agents whose every parameter is random, with all six actions; settings of ActorCriticConfig are
    changed by name."""
    features = inputs_size(make_model().config, PONG)

    def make(*, fire: bool = True, **settings: float) -> Agent:
        torch.manual_seed(1)
        agent = Agent(ActorCriticConfig(fire=fire, hidden=16, layers=1, bins=11, **settings), features, PONG)
        with torch.no_grad():
            for parameter in agent.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return agent

    return make


@pytest.fixture(scope="session")
def batches(pong_data: Dataset) -> list[Chunk]:
    """Chunks of 12 steps; among them are beginnings and ends of games."""
    sampler = ChunkSampler(pong_data, batch_size=40, length=12, seed=0)
    return [sampler.batch(update) for update in range(20)]


@pytest.fixture(scope="session")
def numbered() -> Callable[[Iterable[int]], State]:
    """Makes states that can be told apart by their numbers."""

    def make(numbers: Iterable[int]) -> State:
        values = torch.tensor(list(numbers), dtype=torch.float32).unsqueeze(-1)
        return State(values, values.unsqueeze(-1), values.unsqueeze(-1).expand(-1, 14, 4))

    return make


@pytest.fixture
def online_job(tmp_path: Path, tiny_sizes: dict[str, int]) -> AgentConfig:
    """An online run of a few seconds: two games of at most 60 steps, 80 random steps, 7 cycles of two updates."""
    return AgentConfig(
        run=str(tmp_path / "run"),
        online=True,
        env_steps=203,
        device="cpu",
        threads=1,
        env=EnvConfig(max_episode_steps=60),
        actor_critic=ActorCriticConfig(hidden=16, layers=1, bins=11),
        imagination=ImaginationConfig(chunks=2, chunk_length=10, burn_in=3, horizon=2, starts=8),
        train=AgentTrainConfig(cycle=2, actor_warmup=2, critic_warmup=2, checkpoint_every=4),
        play=PlayConfig(games=2, random_steps=80, steps_per_update=10, final_updates=1, memory=12),
        world=WorldConfig(first_updates=3, steps_per_update=20, batch_size=2, chunk_length=12, warmup=2, workers=0),
        model=ModelConfig(**tiny_sizes),
        loss=LossConfig(open_loop_starts=1),
        evaluation=EvaluationConfig(games=1, steps=110, final_games=2, planned_games=1, states=3, workers=0),
        log=LogConfig(wandb="disabled"),
    )


@pytest.fixture(scope="session")
def agent_folder(model_folder: Path, make_agent: AgentMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a tiny model and of a tiny agent."""
    folder: Path = tmp_path_factory.mktemp("shown_agent") / "run"
    shutil.copytree(model_folder, folder)
    save_agent(folder / AGENT_FILE, make_agent(), {})
    return folder


@pytest.fixture
def session_view(make_model: Callable[..., WorldModel]) -> View:
    """What a session shows after its first step."""
    return Session(make_model().eval(), EnvConfig(), start_steps=(45, 45)).step()
