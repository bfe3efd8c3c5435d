"""Every move tried: trajectories that begin in the same state, each with another move, so that moves can be compared.

REINFORCE learns of a move only when the policy draws it, and judges it by a return that holds the luck of all that
follows. A policy that has become sure of a small mistake then hardly ever leaves it. Here each start is imagined once
for every move that the policy may take:

- weighted by the chance that the policy gives each move, REINFORCE becomes the exact sum over the moves (Allen et al.
  2017, "Mean actor critic"), and what the policy expects of the state takes the critic's place as the baseline;
- the policy is drawn towards pi exp(advantage / temperature), however rare the better move has become: the step of
  MPO (Abdolmaleki et al. 2018, "Maximum a posteriori policy optimisation") and what search does for a policy (Grill et
  al. 2020, "Monte-Carlo tree search as regularized policy optimization").
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from agents.learning.actor import log_prob
from agents.learning.agent import Agent
from agents.learning.returns import Targets
from rssm.model.state import State


def every_move(start: State, moves: Sequence[int], rollouts: int = 1) -> tuple[State, Tensor]:
    """Each start (N,) so many times for each of A moves: State (N A R,), and the moves (N A R,) to begin with."""
    count, device = start.shape[0], start.deter.device
    each = torch.arange(count, device=device).repeat_interleave(len(moves) * rollouts)
    return start[each], torch.tensor(moves, device=device).repeat_interleave(rollouts).repeat(count)


@torch.no_grad()
def compared(agent: Agent, features: Tensor, moves: Tensor, target: Targets) -> Targets:
    """Targets (N A, H) of trajectories from :func:`every_move`, as if the policy had drawn their first moves.

    At the first step the weight becomes A times the move's chance, and the value what the policy expects of the moves.

    Args:
        agent: the agent.
        features: (N A, F), of the starts.
        moves: (N A,) int64, the first ones.
        target: of the trajectories.
    """
    count = len(agent.actor.allowed)
    chance = log_prob(agent.actor(features), moves).exp().view(-1, count)
    expected = (chance * target.returns[:, 0].view(-1, count)).sum(1, keepdim=True)
    value, weight = target.value.clone(), target.weight.clone()
    value[:, 0] = expected.expand(-1, count).flatten()
    weight[:, 0] = count * chance.flatten()
    return Targets(target.returns, value, weight)


def search_loss(agent: Agent, features: Tensor, target: Targets) -> Tensor:
    """Cross-entropy, in nats, of the policy to its own improvement by the moves that were tried; a scalar.

    Args:
        agent: the agent.
        features: (N A, F), of the starts.
        target: (N A, H), from :func:`compared`.
    """
    count = len(agent.actor.allowed)
    log_probs = agent.actor(features[::count].contiguous())[:, agent.actor.allowed]
    advantage = (target.returns[:, 0] - target.value[:, 0]).view(-1, count)
    improved = (log_probs.detach() + advantage / agent.config.temperature).softmax(1)
    return -(improved * log_probs).sum(1).mean()
