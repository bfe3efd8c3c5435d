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


def every_move(starts: int, moves: Sequence[int], rollouts: int = 1) -> Tensor:
    """Every one of A moves, so many times, for each start: (S, A R), the actions for trajectories to begin with."""
    return torch.tensor(moves).repeat_interleave(rollouts).expand(starts, -1)


@torch.no_grad()
def compared(agent: Agent, log_probs: Tensor, moves: Tensor, target: Targets) -> Targets:
    """Targets (S A, H) of trajectories from :func:`every_move`, as if the policy had drawn their first moves.

    At the first step the weight becomes A times the move's chance, and the value what the policy expects of the moves.

    Args:
        agent: the agent.
        log_probs: (S A, 6), the policy at the starts.
        moves: (S A,) int64, the first ones.
        target: of the trajectories.
    """
    count = len(agent.actor.allowed)
    chance = log_prob(log_probs, moves).exp().view(-1, count)
    expected = (chance * target.returns[:, 0].view(-1, count)).sum(1, keepdim=True)
    value = torch.cat([expected.expand(-1, count).reshape(-1, 1), target.value[:, 1:]], 1)
    weight = torch.cat([count * chance.view(-1, 1), target.weight[:, 1:]], 1)
    return Targets(target.returns, value, weight)


def search_loss(agent: Agent, log_probs: Tensor, target: Targets) -> Tensor:
    """Cross-entropy, in nats, of the policy to its own improvement by the moves that were tried; a scalar.

    Args:
        agent: the agent.
        log_probs: (S, 6), the policy at the starts.
        target: (S A, H), from :func:`compared`.
    """
    log_probs = log_probs[:, agent.actor.allowed]
    advantage = (target.returns[:, 0] - target.value[:, 0]).view(len(log_probs), -1)
    improved = (log_probs.detach() + advantage / agent.config.temperature).softmax(1)
    return -(improved * log_probs).sum(1).mean()
