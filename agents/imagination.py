"""Trajectories that the world model imagines under the policy, from states of real games."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.agent import Agent
from rssm.chunks import Chunk
from rssm.state import State
from rssm.world_model import WorldModel


@dataclass(frozen=True)
class Filtered:
    """Real chunks as the world model sees them, without gradients.

    Args:
        states: State (B, T).
        features: (B, T, F).
        starts: (B, T) bool, the states that are imagined from.
    """

    states: State
    features: Tensor
    starts: Tensor


@dataclass(frozen=True)
class Trajectories:
    """N imagined trajectories of H steps, without gradients.

    Args:
        features: (N, H + 1, F), of the real start and of the H imagined states.
        actions: (N, H) int64, drawn from the policy.
        reward: (N, H), points, expected for each action.
        continuation: (N, H), probability that the game goes on after each action.
    """

    features: Tensor
    actions: Tensor
    reward: Tensor
    continuation: Tensor


@torch.no_grad()
def filter_chunk(model: WorldModel, chunk: Chunk, burn_in: int) -> Filtered:
    """Filter real chunks (B, T) and choose the states to imagine from.

    The first ``burn_in`` states of a chunk are left out unless it begins with its game, since the recurrent state does
    not know yet what was before. A chunk's last state is left out because only there can a game end: a chunk lies
    within one game.
    """
    seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
    features = model.join_features(seen.states.deter, seen.states.stoch, seen.embedding)
    steps = torch.arange(features.shape[1], device=features.device)
    starts = (steps >= burn_in) | chunk.is_first.unsqueeze(1)
    return Filtered(seen.states, features, starts & (steps < len(steps) - 1))


@torch.no_grad()
def imagine(model: WorldModel, agent: Agent, start: State, features: Tensor, horizon: int) -> Trajectories:
    """Roll the world model forward under the sampled policy.

    As :meth:`rssm.world_model.WorldModel.imagine`, but every frame is encoded once, for the policy and the next step
    alike.

    Args:
        model: the world model.
        agent: whose actor chooses.
        start: State (N,).
        features: (N, F), of the start.
        horizon: H, agent steps.
    """
    state, seen, actions = start, [features], []
    embedding = features[..., -model.config.hidden :]
    for _ in range(horizon):
        actions.append(agent.act(seen[-1], greedy=False))
        state, _, _ = model.imagine_step(state, actions[-1], embedding=embedding)
        embedding = model.encoder(state.frame)
        seen.append(model.join_features(state.deter, state.stoch, embedding))
    joined = torch.stack(seen, 1)
    after = joined[:, 1:]
    return Trajectories(joined, torch.stack(actions, 1), model.reward(after), model.continuation(after))
