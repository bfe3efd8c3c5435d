"""A policy that looks ahead in real games: every move is tried in imagination before one is made.

Policy improvement by rollouts (Tesauro & Galperin 1996, "On-line policy improvement using Monte-Carlo search"): what
follows a move is imagined under the agent's own policy, and the move that brings most is made. The actor learns from
few looks at the moments that decide a point and keeps small mistakes there; the world model knows better.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.learning.agent import Agent
from agents.learning.imagination import imagine
from agents.learning.inputs import agent_inputs
from agents.learning.move_search import every_move
from agents.learning.returns import lambda_returns
from rssm.config import HORIZON
from rssm.games.pong.features import ACTION_NAMES
from rssm.model.state import State
from rssm.model.world_model import Policy, WorldModel

#: the moves that are tried, and the actions that move alike with the fire button held: a ball hit so flies twice as
#: fast, which a tracking player's data hardly show
MOVES, TWINS = (
    tuple(ACTION_NAMES.index(name) for name in names)
    for names in (("NOOP", "RIGHT", "LEFT"), ("FIRE", "RIGHTFIRE", "LEFTFIRE"))
)
#: points that a nat of the policy's log-probability is worth: it decides between moves that bring about the same
PRIOR = 0.01


def planned(model: WorldModel, agent: Agent, rollouts: int, horizon: int = HORIZON) -> Policy:
    """The agent's policy, improved by a look ahead, as a function of the model's state.

    Args:
        model: the world model.
        agent: its actor chooses all actions but the first, its critic judges where a rollout ends.
        rollouts: of each move.
        horizon: agent steps of a rollout.
    """

    def choose(state: State) -> Tensor:
        chance = agent.player(agent_inputs(model, state)).exp()
        prior = (chance[..., MOVES] + chance[..., TWINS]).log()
        best = (move_values(model, agent, state, rollouts, horizon) + PRIOR * prior).argmax(-1)
        return torch.tensor(MOVES, device=best.device)[best]

    return choose


@torch.no_grad()
def move_values(model: WorldModel, agent: Agent, state: State, rollouts: int, horizon: int) -> Tensor:
    """What each of :data:`MOVES` brings in state (B,): (B, 3), points.

    The mean over its rollouts of the rewards and, where they end, of the critic's value, all discounted. Surprise
    costs nothing here: its price keeps the policy to what the model knows, and the rollouts follow the policy.
    """
    first = every_move(state.shape[0], MOVES, rollouts).to(state.deter.device)
    dreams = imagine(model, agent, state, horizon, first)
    # with lambda = 1 no value but the last counts, so no other is asked for
    value = agent.slow_value(dreams.inputs[-first.numel() :]).unsqueeze(1).expand(-1, horizon + 1)
    returns = lambda_returns(dreams.reward, dreams.continuation, value, agent.config.discount, lam=1.0)[:, 0]
    return returns.view(-1, len(MOVES), rollouts).mean(-1)
