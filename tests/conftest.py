"""One thread per process and no wandb; real games to draw from, and small models with nothing left at zero."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# before anything is imported that reads these
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["WANDB_MODE"] = "disabled"

import torch

from rssm.config import EnvConfig, ModelConfig
from rssm.data.collect import play_episode
from rssm.data.dataset import Dataset, write_dataset
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.world_model import WorldModel
from rssm.places import own_agents
from rssm.training.checkpoint import MODEL_FILE, save_model, weights_of

own_agents()  # however pytest was started, "agents" is this project's

ModelMaker = Callable[..., WorldModel]


@pytest.fixture(scope="session")
def pong_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Real games: three beginnings of 40, 8 and 25 rows, a whole game, and another beginning of 200 rows."""
    lengths = {1: 40, 2: 8, 3: 25, 4: 10_000, 5: 200}
    episodes = [play_episode(EnvConfig(), Player("tracking"), seed, steps) for seed, steps in lengths.items()]
    assert episodes[3].terminated
    path: Path = tmp_path_factory.mktemp("pong") / "data"
    write_dataset(path, episodes, env=EnvConfig(), policy={"name": "tracking", "epsilon": 0.5}, seed=0)
    return Dataset.open(path)


@pytest.fixture(scope="session")
def pong_statistics(pong_data: Dataset) -> FeatureStatistics:
    return FeatureStatistics.fit(pong_data.features, pong_data.action, pong_data.is_first)


@pytest.fixture(scope="session")
def tiny_sizes() -> dict[str, int]:
    """Sizes of a model that is small enough to test with."""
    return {"deter": 16, "stoch": 3, "classes": 4, "hidden": 24, "head_hidden": 16, "layers": 1, "bins": 11}


@pytest.fixture(scope="session")
def make_model(pong_statistics: FeatureStatistics, tiny_sizes: dict[str, int]) -> ModelMaker:
    """Makes tiny models whose every parameter is random: a layer that starts at zero would hide what it is fed."""

    def make(posterior: str = "decoupled", decoder: str = "residual", likelihood: str = "discrete") -> WorldModel:
        config = ModelConfig(posterior=posterior, decoder=decoder, likelihood=likelihood, **tiny_sizes)
        torch.manual_seed(0)
        model = WorldModel(config, PONG, pong_statistics)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return model

    return make


@pytest.fixture(scope="session")
def model_folder(make_model: ModelMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a tiny model, and nothing beside them."""
    folder: Path = tmp_path_factory.mktemp("shown") / "wm"
    model = make_model()
    save_model(folder / MODEL_FILE, model, weights_of(model), {})
    return folder
