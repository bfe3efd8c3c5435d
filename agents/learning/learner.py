"""One update of the agent: filter, imagine, and learn from what was imagined.

No gradient reaches the world model: everything that it gives is made without gradients, and the actor learns by
REINFORCE (DreamerV3, equation 6), not through the dynamics.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from agents.config import AgentTrainConfig
from agents.learning.agent import Agent
from agents.learning.config import ImaginationConfig
from agents.learning.imagination import Trajectories, imagine
from agents.learning.losses import agent_loss
from agents.learning.move_search import every_move
from agents.learning.start_states import continued, drawn_by_stake, start_states
from rssm.data.chunks import Chunk
from rssm.errors import DivergedError
from rssm.model.state import State
from rssm.model.world_model import WorldModel


class Learner:
    """Trains an agent in a world model.

    Args:
        agent: the agent.
        imagination: where trajectories start and how long they are.
        train: learning rate and clipping.
        updates: that the learning rate's schedule ends at.
    """

    def __init__(self, agent: Agent, imagination: ImaginationConfig, train: AgentTrainConfig, updates: int) -> None:
        self.agent, self.imagination, self.train, self.updates = agent, imagination, train, updates
        self.networks = {"actor": agent.actor, "critic": agent.critic}
        groups = [{"params": list(network.parameters())} for network in self.networks.values()]
        self.optimizer = torch.optim.Adam(groups, lr=0.0, eps=train.epsilon, fused=True)
        #: where the last update's trajectories ended
        self._ends: State | None = None

    def update(self, model: WorldModel, chunk: Chunk, update: int) -> dict[str, float]:
        """One optimiser step of actor and critic on one batch of real chunks.

        Args:
            model: what is imagined with; it is not changed.
            chunk: real steps, (B, T).
            update: number of the update, from 0.

        Returns:
            scalars to log.

        Raises:
            DivergedError: the loss or a gradient is not a finite number.
        """
        dreams = self._imagine(model, chunk)
        scales = self._bonus_scale(update), self._search_scale(update)
        loss, metrics = agent_loss(self.agent, dreams, *scales, tried=self.imagination.tried)
        _check_finite("loss", loss, update)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for (name, network), group in zip(self.networks.items(), self.optimizer.param_groups, strict=True):
            group["lr"] = self._learning_rate(name, update)
            norm = torch.nn.utils.clip_grad_norm_(network.parameters(), self.train.clip)
            _check_finite(f"{name}'s gradient", norm, update)
            metrics |= {f"train/{name}_gradient_norm": norm, f"train/{name}_learning_rate": torch.tensor(group["lr"])}
        self.optimizer.step()
        self.agent.follow()
        return {name: value.item() for name, value in metrics.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, but the world model and the data."""
        ends = None if self._ends is None else asdict(self._ends)
        return {"agent": self.agent.state_dict(), "optimizer": self.optimizer.state_dict(), "ends": ends}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.agent.load_state_dict(state["agent"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._ends = None if state["ends"] is None else State(**state["ends"])

    def _imagine(self, model: WorldModel, chunk: Chunk) -> Trajectories:
        settings = self.imagination
        start = start_states(model, chunk, settings.burn_in)
        if self._ends is not None:
            start = continued(start, self._ends.to(start.deter.device), settings.continued)
        if settings.starts:
            start = drawn_by_stake(model, self.agent, start, settings.starts)
        first = None
        if settings.tried:
            start, first = every_move(start, self.agent.actor.allowed)
        dreams = imagine(model, self.agent, start, settings.horizon, first)
        if settings.continued:
            self._ends = dreams.survivors()
        return dreams

    def _bonus_scale(self, update: int) -> float:
        return self._falling(self.agent.config.entropy, self.agent.config.final_entropy, update)

    def _search_scale(self, update: int) -> float:
        return self._falling(self.agent.config.search, self.agent.config.final_search, update)

    def _falling(self, scale: float, final: float, update: int) -> float:
        """Falls by equal factors until the learning rates do; nothing stays nothing."""
        if not scale:
            return 0.0
        until = (1.0 - self.train.decay) * self.updates
        passed = min(1.0, update / until) if until else 1.0
        return float(scale ** (1.0 - passed) * final**passed)

    def _learning_rate(self, network: str, update: int) -> float:
        """Linear warm-up, then constant, then a linear fall to nothing over the last share of the updates."""
        peak, warmup = getattr(self.train, f"{network}_learning_rate"), getattr(self.train, f"{network}_warmup")
        rise = min(1.0, (update + 1) / warmup) if warmup else 1.0
        falling = self.train.decay * self.updates
        fall = min(1.0, (self.updates - update) / falling) if falling else 1.0
        return float(peak * rise * fall)


def _check_finite(what: str, value: Tensor, update: int) -> None:
    if not torch.isfinite(value):
        raise DivergedError(
            f"{what}: {value.item()} at the agent's update {update}: expected finite numbers; lower the learning rates"
        )
