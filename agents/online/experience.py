"""Where an agent's world model and its real steps come from: the two ways in which one loop trains it."""

from __future__ import annotations

from typing import Any, Protocol

from agents.learning.agent import Agent
from rssm.data.dataset import Dataset
from rssm.model.world_model import WorldModel


class Experience(Protocol):
    """What happens around the agent's updates.

    :meth:`prepare` comes first. A cycle is :meth:`begin`, some updates of the agent, :meth:`finish`. Between cycles
    everything is in ``state_dict``.

    Attributes:
        model: what is imagined with, in evaluation mode; changed by :meth:`finish` alone.
        updates: of the agent, in all.
        env_steps: real steps so far, each counted once.
    """

    @property
    def model(self) -> WorldModel: ...
    @property
    def updates(self) -> int: ...
    @property
    def env_steps(self) -> int: ...

    def prepare(self) -> None:
        """What comes before the first update of all, unless a checkpoint has it."""
        ...

    def begin(self, agent: Agent, update: int, stop: int) -> dict[str, float]:
        """What comes before the agent's updates from ``update`` to ``stop`` - 1; returns scalars to log."""
        ...

    def finish(self) -> dict[str, float]:
        """What has to be done by the end of these updates; returns scalars to log."""
        ...

    def data(self) -> Dataset:
        """The real steps so far."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint needs."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        ...


class Offline:
    """A frozen world model and the real steps that it was trained on.

    Args:
        model: the world model.
        data: the real steps; all of them count as the agent's.
        updates: of the agent.
    """

    def __init__(self, model: WorldModel, data: Dataset, updates: int) -> None:
        self.model, self.updates, self._data = model.eval().requires_grad_(False), updates, data
        self.env_steps = len(data)

    def prepare(self) -> None:
        pass

    def begin(self, agent: Agent, update: int, stop: int) -> dict[str, float]:
        return {}

    def finish(self) -> dict[str, float]:
        return {}

    def data(self) -> Dataset:
        return self._data

    def state_dict(self) -> dict[str, Any]:
        return {"env_steps": self.env_steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass
