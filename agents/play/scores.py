"""Real games of a policy, and what they say about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agents.learning.agent import Agent
from agents.play.filtered_games import FilteredGames
from agents.play.planning import planned
from rssm.arrays import IntArray
from rssm.config import EnvConfig
from rssm.device import seeded
from rssm.evaluation.provenance import code_version
from rssm.model.world_model import Policy, WorldModel
from rssm.progress import Progress
from rssm.seeds import episode_seed

GAMES_FILE = "games.json"
#: the ways in which an agent's policy can act
POLICIES = ("greedy", "sampled")
#: a way to act that looks ahead at every step (:mod:`agents.play.planning`)
PLANNED = "planned"
#: all of them, in the order of every table
WAYS = (*POLICIES, PLANNED)


@dataclass(frozen=True)
class Games:
    """N games that were played.

    Attributes:
        scores: (N,) points made by the agent less those of its enemy.
        lengths: (N,) agent steps.
        finished: (N,) bool, played to the game's end; the others were stopped and count as they stood.
    """

    scores: IntArray
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
    """
    seeds = [episode_seed(seed, index) for index in range(games)]
    limit = env.max_episode_steps if max_steps is None else max_steps
    playing = FilteredGames(model, policy, env, seeds, max_steps=limit)
    scores, lengths, finished = np.zeros(games, np.int64), np.zeros(games, np.int64), np.zeros(games, np.bool_)
    with seeded(seed, next(model.parameters()).device), Progress(title, games, "games") as progress:
        while len(playing):
            turn = playing.play(playing.look())
            scores[turn.games] += turn.rewards.astype(np.int64)
            lengths[turn.games] += 1
            finished[turn.games] = turn.terminated
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


def score_agent(
    model: WorldModel, agent: Agent, env: EnvConfig, policies: list[str], games: int, seed: int, rollouts: int = 0
) -> dict[str, Any]:
    """Play ``games`` real games with each policy that is named (see :func:`make_policy`).

    Returns:
        what ``games.json`` holds, but for whose games they are: ``env``, its ``sticky``, ``seed``, and for each policy
        ``games``, ``acted`` (how), ``code``, the statistics of :meth:`Games.summary`, ``finished`` (games that were
        played to their end), and ``scores``, ``lengths`` and ``seeds`` of every game.
    """
    result: dict[str, Any] = {"env": asdict(env), "sticky": env.repeat_action_probability, "seed": seed}
    for name in policies:
        policy = make_policy(model, agent, name, rollouts)
        played = play_games(model, policy, games=games, env=env, seed=seed, title=f"{name} games")
        result[name] = {
            "games": games,
            "acted": how(name, rollouts),
            "code": code_version(),
            **played.summary(),
            "finished": int(played.finished.sum()),
            "scores": played.scores.tolist(),
            "lengths": played.lengths.tolist(),
            "seeds": [episode_seed(seed, index) for index in range(games)],
        }
    return result
