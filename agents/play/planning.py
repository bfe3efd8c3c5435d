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
from rssm.game import Game
from rssm.model.state import State
from rssm.model.world_model import Policy, WorldModel

#: imagined trajectories of each move, where nothing else is said
ROLLOUTS = 8
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
    moves = moves_of(agent.game)
    alike = [[move, *(a for a, twin in agent.game.twins.items() if twin == move)] for move in moves]

    def choose(state: State) -> Tensor:
        chance = agent.player(agent_inputs(model, state)).exp()
        prior = torch.stack([chance[..., actions].sum(-1) for actions in alike], -1).log()
        best = (move_values(model, agent, state, rollouts, horizon) + PRIOR * prior).argmax(-1)
        return torch.tensor(moves, device=best.device)[best]

    return choose


def in_some_games(few: Policy, others: Policy, count: int) -> Policy:
    """The first ``count`` of the games side by side are played by one policy, the others by another."""

    def choose(state: State) -> Tensor:
        parts = [few(state[:count])] if count else []
        return torch.cat(parts + ([others(state[count:])] if count < state.shape[0] else []))

    return choose


def moves_of(game: Game) -> list[int]:
    """The moves that are tried: the actions that are not another one's twin.

    In Pong these are the three without the fire button: a ball hit with it flies twice as fast, which a tracking
    player's data hardly show.
    """
    return [action for action in range(game.layout.num_actions) if action not in game.twins]


@torch.no_grad()
def move_values(model: WorldModel, agent: Agent, state: State, rollouts: int, horizon: int) -> Tensor:
    """What each of M moves (:func:`moves_of`) brings in state (B,): (B, M), points.

    The mean over its rollouts of the rewards and, where they end, of the critic's value, all discounted. Surprise
    costs nothing here: its price keeps the policy to what the model knows, and the rollouts follow the policy.
    """
    moves = moves_of(agent.game)
    first = every_move(state.shape[0], moves, rollouts).to(state.deter.device)
    dreams = imagine(model, agent, state, horizon, first)
    # with lambda = 1 no value but the last counts, so no other is asked for
    value = agent.slow_value(dreams.inputs[-first.numel() :]).unsqueeze(1).expand(-1, horizon + 1)
    returns = lambda_returns(dreams.reward, dreams.continuation, value, agent.config.discount, lam=1.0)[:, 0]
    return returns.view(-1, len(moves), rollouts).mean(-1)
