"""Where imagination starts: states of real games, and where earlier trajectories ended."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.learning.agent import Agent
from agents.learning.inputs import Seen, see
from rssm.data.chunks import Chunk
from rssm.model.state import State
from rssm.model.world_model import WorldModel

#: of the mean stake, given to every state: where nothing seems to be at stake is looked at as well, only more rarely
EVEN = 0.25


@torch.no_grad()
def start_states(model: WorldModel, chunk: Chunk, burn_in: int) -> Seen:
    """Filter real chunks (B, T) and choose the states (N,) to imagine from; the filter's embeddings are kept.

    The first ``burn_in`` states of a chunk are left out unless it begins with its game, since the recurrent state does
    not know yet what was before. A chunk's last state is left out because only there can a game end: a chunk lies
    within one game.
    """
    observed = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
    rows = is_start(chunk, burn_in).flatten().nonzero().squeeze(1)

    def choose(part: Tensor) -> Tensor:
        return part.flatten(0, 1).index_select(0, rows)

    return see(model, observed.states.map(choose), choose(observed.embedding))


def is_start(chunk: Chunk, burn_in: int) -> Tensor:
    """(B, T) bool, which states of a chunk :func:`start_states` chooses."""
    steps = torch.arange(chunk.actions.shape[1], device=chunk.actions.device)
    starts = (steps >= burn_in) | chunk.is_first.unsqueeze(1)
    return starts & (steps < len(steps) - 1)


@torch.no_grad()
def continued(model: WorldModel, start: Seen, ends: State, share: float) -> Seen:
    """Add states where earlier trajectories ended to real starts, so that imagination goes on from there.

    Pieces of H steps joined like this are dreams of H / (1 - share) steps in the mean, although no return reaches over
    more than H. Starts from the data alone are the states of whoever played then; these are the policy's own.

    Args:
        model: the world model, which may have learned since the earlier trajectories.
        start: Seen (N,), real ones.
        ends: State (M,), to choose from at random, each at most once.
        share: of the ends among all that is returned, as long as there are enough.

    Returns:
        Seen (N + min(M, N share / (1 - share)),).
    """
    count = round(start.shape[0] * share / (1.0 - share))
    chosen = torch.randperm(ends.shape[0], device=ends.deter.device)[:count]
    return start.followed_by(see(model, ends[chosen])) if len(chosen) else start


@torch.no_grad()
def drawn_by_stake(agent: Agent, start: Seen, count: int) -> Seen:
    """Draw ``count`` of the starts (N,), none twice, by how much is at stake there: Seen (count,).

    The stake is the variance of the critic's distribution over returns. While the ball flies far from both paddles any
    move will do, and most states are such; where it nears one, a point hangs on it, and the critic is not sure.
    """
    stake = agent.stake(start.inputs)
    chosen = torch.multinomial(stake + EVEN * stake.mean(), count)
    return start.map(lambda part: part.index_select(0, chosen))
