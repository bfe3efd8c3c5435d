"""Trajectories that the world model imagines under the policy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.learning.agent import Agent
from agents.learning.inputs import joined
from rssm.model.state import State
from rssm.model.world_model import WorldModel


@dataclass(frozen=True)
class Trajectories:
    """N imagined trajectories of H steps, without gradients.

    Args:
        features: (N, H + 1, F), of the real start and of the H imagined states.
        actions: (N, H) int64, drawn from the policy.
        reward: (N, H), points, expected for each action.
        continuation: (N, H), probability that the game goes on after each action.
        surprise: (N, H), nats, -ln p of the frame that was drawn after each action; its expectation is the entropy of
            what the model believes to come next.
        end: State (N,), the last one imagined.
    """

    features: Tensor
    actions: Tensor
    reward: Tensor
    continuation: Tensor
    surprise: Tensor
    end: State

    @property
    def before(self) -> Tensor:
        """(N, H, F), features of the states before each action; a copy, since layers are slow on a strided view."""
        return self.features[:, :-1].contiguous()

    def survivors(self) -> State:
        """State (M,), the ends of those trajectories in which the game went on, drawn by the predicted continuation."""
        chance = self.continuation.prod(1)
        return self.end[torch.rand_like(chance) < chance]


@torch.no_grad()
def imagine(model: WorldModel, agent: Agent, start: State, horizon: int, first: Tensor | None = None) -> Trajectories:
    """Roll the world model forward under the sampled policy.

    As :meth:`rssm.model.world_model.WorldModel.imagine`, but every frame is looked at once, for the policy and the
    next step alike.

    Args:
        model: the world model.
        agent: whose actor chooses.
        start: State (N,).
        horizon: H, agent steps.
        first: (N,) int64, actions to begin with; None draws these too.
    """
    state, look = start, model.encoder.look(start.frame)
    embedding = model.encoder.embed(look)
    known = [model.join_features(state.deter, state.stoch, embedding)]
    seen, actions, surprise = [joined(known[0], look)], [], []
    for step in range(horizon):
        actions.append(first if first is not None and step == 0 else agent.explore(seen[-1]))
        deter, stoch, _ = model.imagine_latent(state, actions[-1], embedding=embedding)
        prediction = model.predict(deter, stoch, embedding, state.frame, actions[-1])
        frame, unlikely = prediction.sample_with_loss()
        state = State(deter, stoch, frame)
        surprise.append(unlikely)
        look = model.encoder.look(state.frame)
        embedding = model.encoder.embed(look)
        known.append(model.join_features(state.deter, state.stoch, embedding))
        seen.append(joined(known[-1], look))
    after = torch.stack(known[1:], 1)
    return Trajectories(
        features=torch.stack(seen, 1),
        actions=torch.stack(actions, 1),
        reward=model.reward(after),
        continuation=model.continuation(after),
        surprise=torch.stack(surprise, 1),
        end=state,
    )
