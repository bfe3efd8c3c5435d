"""Sessions that start early in a game, so that they start quickly."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from torch import nn

from rssm.config import EnvConfig
from rssm.games.pong.dream import starts
from rssm.games.pong.dream.session import Session
from rssm.games.pong.env import PongFeatures, make_env
from rssm.games.pong.game import PONG
from rssm.model.world_model import WorldModel

STEPS = (45, 50)


@pytest.fixture(scope="session")
def model(make_model: Callable[..., WorldModel]) -> WorldModel:
    """A tiny random model that believes that games go on."""
    model = make_model().eval()
    last = model.continue_head.layers[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    nn.init.ones_(last.bias)
    return model


@pytest.fixture(scope="session")
def idle_emulators() -> Iterator[list[PongFeatures]]:
    idle: list[PongFeatures] = []
    yield idle
    idle.clear()


@pytest.fixture(autouse=True)
def _emulators_are_used_again(idle_emulators: list[PongFeatures], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Loading the game takes as long as playing 400 steps: tests, one after the other, share a few emulators."""
    lent: list[PongFeatures] = []

    def lend(env: EnvConfig) -> PongFeatures:
        if env != EnvConfig():
            return PONG.make_env(env)
        lent.append(idle_emulators.pop() if idle_emulators else make_env(env))
        return lent[-1]

    monkeypatch.setattr(starts, "PONG", SimpleNamespace(make_env=lend))
    yield
    idle_emulators.extend(lent)


@pytest.fixture
def make_session(model: WorldModel) -> Callable[..., Session]:
    def make(**settings: object) -> Session:
        return Session(model, EnvConfig(), **{"start_steps": STEPS, "seed": 3} | settings)

    return make


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    return make_session()
