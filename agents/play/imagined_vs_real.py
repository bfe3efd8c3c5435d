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
from agents.play.filtered_games import FilteredGames
from agents.play.side_by_side import SideBySide, one_after_the_other
from rssm.arrays import FloatArray, IntArray
from rssm.config import HORIZON, EnvConfig
from rssm.device import seeded
from rssm.evaluation.openloop import by_step
from rssm.evaluation.window_errors import squared_errors
from rssm.games.pong.env import GameState
from rssm.games.pong.features import OBS_SIZE
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.progress import Progress
from rssm.seeds import episode_seed

#: how far values may lie above the returns, in ranges of the returns, before it is an alarm. Chance alone hardly comes
#: to a tenth with a hundred states from sixteen games.
ALARM = 0.25
#: a game is played on until rewards count for less than this share
_NEGLIGIBLE = 0.01


@dataclass(frozen=True)
class Moment:
    """A moment of a real game.

    Attributes:
        game: index of the game.
        step: agent steps played before.
        state: State (), filtered by the world model.
        emulator: the game itself.
    """

    game: int
    step: int
    state: State
    emulator: GameState


@dataclass(frozen=True)
class Truth:
    """What N sequences of K actions really led to.

    Attributes:
        stacks: (N, K, 56) after each action.
        exists: (N, K) bool, the game still went on there.
        reward: (N,) points made, up to the game's end.
    """

    stacks: FloatArray
    exists: npt.NDArray[np.bool_]
    reward: npt.NDArray[np.float64]


def imagined_against_real(
    model: WorldModel, agent: Agent, *, states: int, env: EnvConfig, seed: int, games: int = 16
) -> dict[str, float]:
    """Imagine six steps from moments of real games and play the same actions in the emulator.

    The sampled policy plays whole games, from sampled latents as where it is scored, and moments are drawn from all of
    their steps alike. Steps behind ``env.max_episode_steps`` are not drawn from, but played until what follows is
    negligible, so that every return is whole: nothing is bootstrapped.

    Args:
        model: the world model.
        agent: acts, in the games and in the imagination.
        states: moments to start from.
        env: the game's settings.
        seed: of the games, the moments and all samples; torch's own generator is left as it was.
        games: real games that they are taken from.

    Returns:
        ``imagination/error_k0`` to ``_k5``: open-loop error on the agent's own behaviour (px², mean over 56 values, of
        the model's mode); ``imagination/reward`` and ``real/reward``: points in six steps of the same actions;
        ``imagination/value`` and ``real/value``: the critic's value and the discounted return that really followed, in
        points; ``imagination/optimism``: by how much the first lies above the second, as a multiple of the 5 to 95 %
        range of the returns (which counts as no less than ``return_floor``); ``imagination/alarm``: 1 where that is
        over :data:`ALARM` (:func:`alarm` says so in words).
    """
    device = next(model.parameters()).device
    with seeded(seed, device), torch.no_grad():
        moments, returns = draw_moments(model, agent, states, env, seed, min(games, states))
        start = State.stack([moment.state for moment in moments], 0)
        dreams = imagine(model, agent, start, HORIZON)
        predicted = model.imagine(start, dreams.actions, sample=False).states.frame
        value = float(agent.value(dreams.inputs[: dreams.starts]).mean())
    truth = play_same(env, moments, dreams.actions.cpu().numpy())
    errors, _ = squared_errors(predicted.cpu().numpy(), truth.stacks)
    goes_on = torch.cat([torch.ones_like(dreams.continuation[:, :1]), dreams.continuation[:, :-1]], 1).cumprod(1)
    real = float(returns.mean())
    low, high = np.quantile(returns, [0.05, 0.95])
    optimism = (value - real) / max(float(high - low), agent.config.return_floor)
    return by_step("imagination/error", (_mean(errors[truth.exists[:, k], k]) for k in range(HORIZON))) | {
        "imagination/reward": float((goes_on * dreams.reward).sum(1).mean()),
        "real/reward": float(truth.reward.mean()),
        "imagination/value": value,
        "real/value": real,
        "imagination/optimism": optimism,
        "imagination/alarm": float(optimism > ALARM),
    }


def alarm(metrics: Mapping[str, float]) -> str | None:
    """One line where the critic expects more than the real games return, by :func:`imagined_against_real`'s metrics."""
    if not metrics.get("imagination/alarm"):
        return None
    return (
        f"the critic expects {metrics['imagination/value']:+.2f} points where the real games return "
        f"{metrics['real/value']:+.2f}: {metrics['imagination/optimism']:.2f} ranges of the returns, more than "
        f"{ALARM}; it is too hopeful, or the policy exploits its model"
    )


def draw_moments(
    model: WorldModel, agent: Agent, count: int, env: EnvConfig, seed: int, games: int
) -> tuple[list[Moment], npt.NDArray[np.float64]]:
    """Have the sampled policy play real games, and draw moments uniformly from all of their steps.

    Returns:
        ``count`` moments (fewer where the games have fewer steps) and the discounted real return (N,) that followed
        each, in points.
    """
    discount, longest = agent.config.discount, env.max_episode_steps
    follow = next((n for n in range(longest) if discount**n < _NEGLIGIBLE), longest)
    seeds = [episode_seed(seed, index) for index in range(games)]
    policy = agent.policy(model, greedy=False)
    playing = FilteredGames(model, policy, env, seeds, max_steps=longest + follow)
    rng = np.random.default_rng(seed)
    moments: list[Moment] = []
    rewards: list[list[float]] = [[] for _ in seeds]
    seen = 0
    with Progress("games to imagine from", games, "games") as progress:
        while len(playing):
            state, now = playing.look(), playing.games
            for row in np.flatnonzero(now.steps < longest).tolist():
                # Each step of each game stays with the same chance, however many there will be (Vitter 1985,
                # algorithm R).
                slot = len(moments) if len(moments) < count else int(rng.integers(seen + 1))
                seen += 1
                if slot < count:
                    emulator = now.emulators[row].clone_state()
                    moment = Moment(int(now.games[row]), int(now.steps[row]), state[row], emulator)
                    moments[slot : slot + 1] = [moment]
            turn = playing.play(state)
            for game, reward in zip(turn.games, turn.rewards, strict=True):
                rewards[game].append(float(reward))
            progress.advance(int(turn.over.sum()))
    returns = [discounted(rewards[game], discount) for game in range(games)]
    return moments, np.array([returns[moment.game][moment.step] for moment in moments])


def discounted(rewards: list[float], discount: float) -> npt.NDArray[np.float64]:
    """The discounted sum (L,) of what follows, from each of the L rewards on."""
    sums = np.zeros(len(rewards) + 1)
    for step in reversed(range(len(rewards))):
        sums[step] = rewards[step] + discount * sums[step + 1]
    return sums[:-1]


def play_same(env: EnvConfig, moments: list[Moment], actions: IntArray) -> Truth:
    """Play actions (N, K) from N moments in the emulator; sticky actions are drawn as in the game that went on."""
    stacks = np.zeros((*actions.shape, OBS_SIZE), np.float32)
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
