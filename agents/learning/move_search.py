"""Every move tried: trajectories that begin in the same state, each with another move, so that moves can be compared.

REINFORCE learns of a move only when the policy draws it, and judges it by a return that holds the luck of all that
follows. A policy that has become sure of a small mistake then hardly ever leaves it. Here each start is imagined once
for every move that the policy may take:

- weighted by the chance that the policy gives each move, REINFORCE becomes the exact sum over the moves (Allen et al.
  2017, "Mean actor critic"), and what the policy expects of the state takes the critic's place as the baseline;
- where a move is tried by several rollouts, it is worth their mean, less a price on how far they lie apart: where they
  do, the model is in doubt;
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
def compared(agent: Agent, log_probs: Tensor, moves: Tensor, target: Targets, rollouts: int = 1) -> Targets:
    """Targets (S A R, H) of trajectories from :func:`every_move`, as if the policy had drawn their first moves.

    At the first step the weight becomes A times the move's chance, and the value what the policy expects of the moves;
    the price of the rollouts' doubt is taken off the returns.

    Args:
        agent: the agent.
        log_probs: (S A R, actions), the policy at the starts.
        moves: (S A R,) int64, the first ones.
        target: of the trajectories.
        rollouts: R, of each move.
    """
    count = len(agent.actor.allowed)
    first = target.returns[:, 0].view(-1, count, rollouts)
    if agent.config.doubt:
        first = first - agent.config.doubt * first.std(2, keepdim=True, correction=0)
    chance = log_prob(log_probs, moves).exp().view(first.shape)
    expected = (chance * first).sum((1, 2), keepdim=True) / rollouts
    changed = first, expected.expand(first.shape), count * chance
    parts = target.returns, target.value, target.weight
    return Targets(*(torch.cat([a.reshape(-1, 1), b[:, 1:]], 1) for a, b in zip(changed, parts, strict=True)))


def search_loss(agent: Agent, log_probs: Tensor, target: Targets) -> Tensor:
    """Cross-entropy, in nats, of the policy to its own improvement by the moves that were tried; a scalar.

    Args:
        agent: the agent.
        log_probs: (S, 6), the policy at the starts.
        target: (S A R, H), from :func:`compared`.
    """
    log_probs = log_probs[:, agent.actor.allowed]
    advantage = (target.returns[:, 0] - target.value[:, 0]).view(*log_probs.shape, -1).mean(2)
    improved = (log_probs.detach() + advantage / agent.config.temperature).softmax(1)
    return -(improved * log_probs).sum(1).mean()
