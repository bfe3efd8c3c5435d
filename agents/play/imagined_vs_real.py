"""What the agent imagines, held against what really happens when it does the same.

A policy that is trained in a model finds out where the model is wrong and goes there. Three things would show it: a
prediction error that grows on the agent's own behaviour, imagined rewards that the emulator does not pay for the very
same actions, and a critic that expects more than the games return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agents.learning.agent import Agent
from agents.learning.imagination import imagine
from agents.learning.returns import lambda_returns
from agents.play.moments import Moment, Moments
from agents.play.side_by_side import SideBySide, one_after_the_other
from rssm.arrays import FloatArray, IntArray
from rssm.config import HORIZON, EnvConfig
from rssm.evaluation.openloop import by_step
from rssm.evaluation.window_errors import squared_errors
from rssm.game import load_game
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.system.device import seeded

#: how far values may lie above the returns, in ranges of the returns, before it is an alarm. Chance alone hardly comes
#: to a tenth with a hundred states from sixteen games.
ALARM = 0.25


@dataclass(frozen=True)
class Truth:
    """What N sequences of K actions really led to.

    Attributes:
        stacks: (N, K, F, S) after each action.
        exists: (N, K) bool, the game still went on there.
        reward: (N,) points made, up to the game's end.
    """

    stacks: FloatArray
    exists: npt.NDArray[np.bool_]
    reward: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """N imagined sequences of K steps beside what really happened.

    Attributes:
        metrics: see :func:`imagined_against_real`.
        real: (N, K + 1, F) frames from the moment on; those behind a game's end are zero.
        imagined: (N, K + 1, F) the model's mode, from the same first frame on.
        error: (N, K) squared error, mean over all values of the stack; not a number behind a game's end.
        moments: (N,) that were imagined from.
    """

    metrics: dict[str, float]
    real: FloatArray
    imagined: FloatArray
    error: npt.NDArray[np.float64]
    moments: list[Moment]

    def by_feature(self, step: int) -> npt.NDArray[np.float64]:
        """(F,) squared error of the newest frame at k = ``step``, px², over the moments whose game still went on."""
        there = ~np.isnan(self.error[:, step])
        return ((self.imagined - self.real)[there, step + 1].astype(np.float64) ** 2).mean(0)


def imagined_against_real(model: WorldModel, agent: Agent, moments: Moments, env: EnvConfig, seed: int) -> Comparison:
    """Imagine six steps from moments of real games and play the same actions in the emulator, which can be cloned.

    Args:
        model: the world model.
        agent: acts in the imagination, as its sampled policy did in the games.
        moments: that were drawn from them.
        env: the games' settings.
        seed: of all samples; torch's own generator is left as it was.

    Returns:
        the windows, and as metrics ``imagination/error_k0`` to ``_k5``: open-loop error on the agent's own behaviour
        (px², mean over all values, of the model's mode); ``imagination/reward`` and
        ``real/reward``: points in six steps of the same actions;
        ``imagination/steps`` and ``real/steps``: how many of the six steps end within the game;
        ``imagination/return``: the discounted imagined reward and the critic's value behind it, in points;
        ``imagination/value`` and ``real/value``: the critic's value and the discounted return that really followed, in
        points; ``imagination/optimism``: by how much the first lies above the second, as a multiple of the 5 to 95 %
        range of the returns (which counts as no less than ``return_floor``); ``imagination/alarm``: 1 where that is
        over :data:`ALARM` (:func:`alarm` says so in words).
    """
    chosen, returns = moments.drawn()
    start = State.join([moment.state for moment in chosen], 0)
    with seeded(seed, start.deter.device), torch.inference_mode():
        dreams = imagine(model, agent, start, HORIZON)
        predicted = model.imagine(start, dreams.actions, sample=False).states.stack
        value = float(agent.value(dreams.inputs[: dreams.starts]).mean())
        ahead = lambda_returns(
            dreams.reward, dreams.continuation, dreams.by_step(agent.value(dreams.inputs)), agent.config.discount, 1.0
        )
    truth = play_same(env, chosen, dreams.actions.cpu().numpy())
    stacks = predicted.cpu().numpy()
    errors, _ = squared_errors(stacks, truth.stacks)
    goes_on = torch.cat([torch.ones_like(dreams.continuation[:, :1]), dreams.continuation[:, :-1]], 1).cumprod(1)
    real = float(returns.mean())
    low, high = np.quantile(returns, [0.05, 0.95])
    optimism = (value - real) / max(float(high - low), agent.config.return_floor)
    metrics = by_step("imagination/error", (_mean(errors[truth.exists[:, k], k]) for k in range(HORIZON))) | {
        "imagination/reward": float((goes_on * dreams.reward).sum(1).mean()),
        "real/reward": float(truth.reward.mean()),
        "imagination/steps": float(dreams.continuation.cumprod(1).sum(1).mean()),
        "real/steps": float(truth.exists.sum(1).mean()),
        "imagination/return": float(ahead[:, 0].mean()),
        "imagination/value": value,
        "real/value": real,
        "imagination/optimism": optimism,
        "imagination/alarm": float(optimism > ALARM),
    }
    begin = start.stack[..., -1].cpu().numpy()[:, None]
    return Comparison(
        metrics,
        np.concatenate([begin, truth.stacks[..., -1]], axis=1),
        np.concatenate([begin, stacks[..., -1]], axis=1),
        np.where(truth.exists, errors, np.nan),
        chosen,
    )


def alarm(metrics: Mapping[str, float]) -> str | None:
    """One line where the critic expects more than the real games return, by :func:`imagined_against_real`'s metrics."""
    if not metrics.get("imagination/alarm"):
        return None
    return (
        f"the critic expects {metrics['imagination/value']:+.2f} points where the real games return "
        f"{metrics['real/value']:+.2f}: {metrics['imagination/optimism']:.2f} ranges of the returns, more than "
        f"{ALARM}; it is too hopeful, or the policy exploits its model"
    )


def play_same(env: EnvConfig, moments: list[Moment], actions: IntArray) -> Truth:
    """Play actions (N, K) from N moments in the emulator; sticky actions are drawn as in the game that went on."""
    layout = load_game(env.id, env.stack).layout
    stacks = np.zeros((*actions.shape, layout.num_features, layout.stack), np.float32)
    exists, reward = np.zeros(actions.shape, np.bool_), np.zeros(len(moments))
    starts = one_after_the_other([moment.emulator for moment in moments])
    games = SideBySide(env, starts, max_steps=actions.shape[1], places=1)
    while len(games):
        turn = games.step(actions[games.games, games.steps])
        rows = turn.games, turn.steps
        stacks[rows] = turn.stacks
        exists[rows] = ~turn.terminated & ~turn.truncated
        reward[turn.games] += turn.rewards
    return Truth(stacks, exists, reward)


def _mean(values: npt.NDArray[np.float64]) -> float:
    """The mean; not a number where there is no value."""
    return float(values.mean()) if len(values) else float("nan")
