"""One update of the agent: filter, imagine, and learn from what was imagined.

No gradient reaches the world model: everything that it gives is made without gradients, and the actor learns by
REINFORCE (DreamerV3, equation 6), not through the dynamics.
"""

from __future__ import annotations

import math
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
from rssm.data.frames import to_observation, to_stack
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
        #: what the updates since :meth:`take_metrics` have to log; read together, since reading a tensor waits for all
        #: that is under way on an accelerator
        self._metrics: list[dict[str, Tensor]] = []
        self._rates: list[dict[str, float]] = []

    def update(self, model: WorldModel, chunk: Chunk, update: int) -> None:
        """One optimiser step of actor and critic on one batch of real chunks.

        Args:
            model: what is imagined with; it is not changed.
            chunk: real steps, (B, T).
            update: number of the update, from 0.

        Raises:
            DivergedError: the loss or a gradient is not a finite number; the weights are as they were.
        """
        dreams = self._imagine(model, chunk)
        scales = self._bonus_scale(update), self._search_scale(update)
        loss, metrics = agent_loss(self.agent, dreams, *scales, tried=self.imagination.tried)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norms, rates = {}, {}
        for (name, network), group in zip(self.networks.items(), self.optimizer.param_groups, strict=True):
            group["lr"] = rates[f"train/{name}_learning_rate"] = self._learning_rate(name, update)
            norms[name] = torch.nn.utils.clip_grad_norm_(network.parameters(), self.train.clip)
        checked = {"loss": loss.detach()} | {f"{name}'s gradient": norm for name, norm in norms.items()}
        _check_finite(checked, update)
        self.optimizer.step()
        self.agent.follow(update)
        self._metrics.append(metrics | {f"train/{name}_gradient_norm": norm for name, norm in norms.items()})
        self._rates.append(rates)

    def take_metrics(self) -> dict[str, float]:
        """The means of what the updates since the last call have to log."""
        if not self._metrics:
            return {}
        count = len(self._metrics)
        values = torch.stack([value for metrics in self._metrics for value in metrics.values()])
        means = dict(zip(self._metrics[0], values.view(count, -1).double().mean(0).tolist(), strict=True))
        means |= {name: sum(rates[name] for rates in self._rates) / count for name in self._rates[0]}
        self._metrics, self._rates = [], []
        return means

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next update depends on, but the world model and the data."""
        ends = None if self._ends is None else asdict(self._ends) | {"stack": to_observation(self._ends.stack)}
        return {"agent": self.agent.state_dict(), "optimizer": self.optimizer.state_dict(), "ends": ends}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.agent.load_state_dict(state["agent"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._ends = None
        if state["ends"] is not None:
            deter, stoch, observation = state["ends"].values()
            self._ends = State(deter, stoch, to_stack(observation, self.agent.game.layout.stack))

    def _imagine(self, model: WorldModel, chunk: Chunk) -> Trajectories:
        settings = self.imagination
        start = start_states(model, chunk, settings.burn_in)
        if self._ends is not None:
            start = continued(model, start, self._ends.to(start.deter.device), settings.continued)
        if settings.starts:
            start = drawn_by_stake(self.agent, start, settings.starts)
        first = None
        if settings.tried:
            first = every_move(start.shape[0], self.agent.actor.allowed, settings.rollouts).to(start.deter.device)
        dreams = imagine(model, self.agent, start, settings.horizon, first, gradients=True)
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


def _check_finite(values: dict[str, Tensor], update: int) -> None:
    """One look at all of them."""
    numbers = torch.stack(list(values.values())).tolist()
    for name, number in zip(values, numbers, strict=True):
        if not math.isfinite(number):
            raise DivergedError(
                f"{name}: {number} at the agent's update {update}: expected finite numbers; lower the learning rates"
            )
