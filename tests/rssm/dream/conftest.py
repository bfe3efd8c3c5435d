"""Sessions that start early in a game, so that they start quickly."""

from collections.abc import Callable

import pytest

from rssm.config import EnvConfig
from rssm.dream.session import Session
from rssm.model.world_model import WorldModel

STEPS = (45, 50)


@pytest.fixture(scope="session")
def model(make_model: Callable[..., WorldModel]) -> WorldModel:
    return make_model().eval()


@pytest.fixture
def make_session(model: WorldModel) -> Callable[..., Session]:
    def make(**settings: object) -> Session:
        return Session(model, EnvConfig(), **{"start_steps": STEPS, "seed": 3} | settings)

    return make


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    return make_session()
