"""Real games of a policy, and what they say about it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agents.learning.agent import Agent
from agents.play.filtered_games import FilteredGames
from agents.play.moments import Moments
from agents.play.planning import ROLLOUTS, planned
from rssm.arrays import IntArray
from rssm.config import EnvConfig
from rssm.evaluation.provenance import code_version
from rssm.model.world_model import Policy, WorldModel
from rssm.progress import Progress
from rssm.seeds import episode_seed
from rssm.system.assistant import Assistant
from rssm.system.device import seeded

GAMES_FILE = "games.json"
#: the ways in which an agent's policy can act
POLICIES = ("greedy", "sampled")
#: a way to act that looks ahead at every step (:mod:`agents.play.planning`)
PLANNED = "planned"
#: all of them, in the order of every table
WAYS = (*POLICIES, PLANNED)
_KILLED = (
    "workers: the process that plays beside this one was killed (out of memory?); 0 plays one after the other (in a "
    "training evaluation.workers, and the same command goes on from the last checkpoint)"
)


@dataclass(frozen=True)
class Games:
    """N games that were played.

    Attributes:
        scores: (N,) sums of the rewards; in Pong, points made by the agent less those of its enemy.
        lengths: (N,) agent steps.
        finished: (N,) bool, played to the game's end; the others were stopped and count as they stood.
    """

    scores: npt.NDArray[np.float64]
    lengths: IntArray
    finished: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.scores)

    def summary(self) -> dict[str, float]:
        """Statistics of the scores (points) and the mean length (agent steps); a win is a score above 0.

        With a single game nothing is known about the spread, and the standard error is 0.
        """
        spread = float(self.scores.std(ddof=1)) if len(self) > 1 else 0.0
        return {
            "mean": float(self.scores.mean()),
            "standard_error": spread / len(self) ** 0.5,
            "min": float(self.scores.min()),
            "median": float(np.median(self.scores)),
            "wins": float((self.scores > 0).sum()),
            "length": float(self.lengths.mean()),
        }


def play_games(
    model: WorldModel,
    policy: Policy,
    *,
    games: int,
    env: EnvConfig,
    seed: int,
    max_steps: int | None = None,
    title: str = "games",
    moments: Moments | None = None,
) -> Games:
    """Play real games.

    The policy reads sampled latents, as in training and as in DreamerV2's published evaluation (``eval_state_mean:
    False``). With their modes, greedy play in a game without chance can repeat one rally for ever (docs/tries.md).

    The same arguments give the same games, whatever random numbers were drawn before, and later draws are as if no game
    had been played. Game i starts in the same way for any number of games.

    Args:
        model: the world model, whose filtered state the policy reads.
        policy: State (B,) -> actions (B,).
        games: how many.
        env: the game's settings.
        seed: of the games and of the policy's random numbers.
        max_steps: agent steps after which a game is stopped; None takes ``env.max_episode_steps``.
        title: what the progress calls them.
        moments: draws from the games; they are then played on behind their limit as it needs, but count as they stood.
    """
    seeds = [episode_seed(seed, index) for index in range(games)]
    limit = env.max_episode_steps if max_steps is None else max_steps
    longest = limit + (moments.longer if moments is not None else 0)
    playing = FilteredGames(model, policy, env, seeds, max_steps=longest)
    scores, lengths, finished = np.zeros(games), np.zeros(games, np.int64), np.zeros(games, np.bool_)
    with seeded(seed, next(model.parameters()).device), Progress(title, games, "games") as progress:
        while len(playing):
            state = playing.look()
            if moments is not None:
                moments.look(state, playing.games)
            turn = playing.play(state)
            if moments is not None:
                moments.follow(turn)
            counted = turn.steps < limit
            scores[turn.games] += turn.rewards * counted
            lengths[turn.games] += counted
            finished[turn.games] = turn.terminated & counted
            # said while they go on, since games side by side end late
            progress.advance(int(turn.over.sum()), f"{lengths.max():,} steps, {scores.mean():+.1f} points a game")
    return Games(scores, lengths, finished)


def make_policy(model: WorldModel, agent: Agent, name: str, rollouts: int) -> Policy:
    """One of :data:`WAYS` to act; the planned one with so many rollouts of each move."""
    return planned(model, agent, rollouts) if name == PLANNED else agent.policy(model, greedy=name == "greedy")


def how(name: str, rollouts: int) -> dict[str, Any]:
    """How one of :data:`WAYS` acts, for the record."""
    actions = {"greedy": "the likeliest", "sampled": "drawn", PLANNED: "the best of those tried in imagination"}[name]
    return {"latents": "drawn", "actions": actions} | ({"rollouts": rollouts} if name == PLANNED else {})


@dataclass(frozen=True)
class Series:
    """The games that each policy plays.

    Attributes:
        env: the game's settings.
        games: how many.
        seed: of the games and of the policies' random numbers.
        rollouts: imagined trajectories of each move, where moves are planned.
    """

    env: EnvConfig
    games: int
    seed: int
    rollouts: int = ROLLOUTS


def score_agent(
    model: WorldModel,
    agent: Agent,
    policies: list[str],
    series: Series,
    moments: Moments | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """Play a series of real games with each policy that is named (see :func:`make_policy`).

    ``moments`` are drawn from those of the sampled policy. With ``workers`` 1 the others play in a process of their own
    beside it; the games are the same.

    Returns:
        what ``games.json`` holds, but for whose games they are: ``env``, its ``sticky``, ``seed``, and for each policy
        ``games``, ``acted`` (how), ``code``, the statistics of :meth:`Games.summary`, ``finished`` (games that were
        played to their end), and ``scores``, ``lengths`` and ``seeds`` of every game.

    Raises:
        UserError: the process beside this one was killed.
    """
    here = "sampled" if "sampled" in policies else policies[-1]
    others = [name for name in policies if name != here]
    task = model, agent, series
    with ExitStack() as stack:
        assistant = stack.enter_context(Assistant(_KILLED)) if workers and others else None
        if assistant is not None:
            assistant.start(_play_beside, torch.get_num_threads(), others, *task)
        played = _play([here], *task, moments if here == "sampled" else None)
        played |= _play(others, *task) if assistant is None else assistant.result()
    env, seed = series.env, series.seed
    result: dict[str, Any] = {"env": asdict(env), "sticky": env.repeat_action_probability, "seed": seed}
    for name in policies:
        result[name] = {
            "games": series.games,
            "acted": how(name, series.rollouts),
            "code": code_version(),
            **played[name].summary(),
            "finished": int(played[name].finished.sum()),
            "scores": played[name].scores.tolist(),
            "lengths": played[name].lengths.tolist(),
            "seeds": [episode_seed(seed, index) for index in range(series.games)],
        }
    return result


def _play_beside(threads: int, *task: Any) -> dict[str, Games]:
    torch.set_num_threads(threads)  # with other threads sums are rounded otherwise
    return _play(*task)


def _play(
    policies: list[str], model: WorldModel, agent: Agent, series: Series, moments: Moments | None = None
) -> dict[str, Games]:
    """The games of some policies, one after the other."""
    played = {}
    for name in policies:
        played[name] = play_games(
            model,
            make_policy(model, agent, name, series.rollouts),
            games=series.games,
            env=series.env,
            seed=series.seed,
            title=f"{name} games",
            moments=moments,
        )
    return played
