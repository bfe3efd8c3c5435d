"""The real games of an online run: played side by side, every step kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.online.replay import Block, Replay
from agents.play.side_by_side import Beginning, SideBySide
from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.data.frames import stack_episode
from rssm.errors import CheckpointError
from rssm.model.world_model import WorldModel
from rssm.seeds import Stream, derived_seed

#: stacks (G, F, S) and whether each game has just begun (G,) -> actions (G,)
Act = Callable[[FloatArray, npt.NDArray[np.bool_]], IntArray]


class RealGames:
    """G games at a time. Game k of place g has the seed (seed, g + G k), so that no run plays the same game twice.

    A game in progress is not part of a checkpoint: its seed and its actions, which are in the replay, give it back.

    Args:
        env: the game's settings.
        seed: of the run.
        replay: keeps the steps; the games in progress there are gone on with.

    Raises:
        CheckpointError: the emulator does not give back the games that are in the replay.
    """

    def __init__(self, env: EnvConfig, seed: int, replay: Replay) -> None:
        self._seed, self._replay = seed, replay
        past = [replay.place(place) for place in range(replay.games)] if replay.steps else []
        self._begun = [len(data.episodes) - _in_progress(data) for data in past] or [0] * replay.games
        self._scores = np.zeros(replay.games)
        self._games = SideBySide(env, self._next, max_steps=env.max_episode_steps, places=replay.games)
        for place, data in enumerate(past):
            if _in_progress(data):
                self._play_again(place, _last_game(data))

    def play(self, act: Act, turns: int) -> list[float]:
        """Play ``turns`` steps of every game and keep them as one block.

        Returns:
            the scores (sums of the rewards) of the games that ended.
        """
        frames, is_first, steps = [], [], []
        scores: list[float] = []
        for _ in range(turns):
            stacks, begun = self._games.stacks, self._games.steps == 0
            turn = self._games.step(act(stacks, begun))
            frames.append(stacks[..., -1])
            is_first.append(begun)
            steps.append(turn)
            self._scores += turn.rewards
            scores += self._scores[turn.over].tolist()
            self._scores[turn.over] = 0
        self._replay.append(
            Block(
                np.stack(frames),
                np.stack([turn.actions for turn in steps]).astype(np.uint8),
                np.stack([turn.rewards for turn in steps]),
                np.stack([turn.terminated for turn in steps]),
                np.stack([turn.truncated | turn.stopped for turn in steps]),
                np.stack(is_first),
            )
        )
        return scores

    @torch.no_grad()
    def remember(self, model: WorldModel, steps: int) -> Tensor:
        """What the model makes of the last steps of each game in progress: deter (G, D) of the moment."""
        device = next(model.parameters()).device
        games = [_last_game(self._replay.place(place)) for place in range(self._replay.games)]
        lengths = np.array([min(steps, len(game)) for game in games])
        frames = model.game.layout.stack
        deter = torch.zeros(len(games), model.config.deter, device=device)
        for length in np.unique(lengths):  # games that have just begun aside, all are of one length
            places = np.flatnonzero(lengths == length)
            stacks = np.stack([stack_episode(games[place].features, frames)[-length:] for place in places])
            actions = np.stack([games[place].action[-length:] for place in places]).astype(np.int64)
            begun = np.array([len(games[place]) == length for place in places])
            parts = (torch.from_numpy(part).to(device) for part in (stacks, actions, begun))
            deter[torch.from_numpy(places).to(device)] = model.observe(*parts, sample=False).next_deter
        return deter

    def close(self) -> None:
        """Hand the emulators back."""
        self._games.close()

    def _next(self, place: int) -> Beginning:
        number = place + self._replay.games * self._begun[place]
        self._begun[place] += 1
        return Beginning(number, derived_seed(self._seed, Stream.GAMES, number))

    def _play_again(self, place: int, game: Episode) -> None:
        """Play a game that was in progress again, from its seed and its actions."""
        for row, action in enumerate(game.action):
            if not np.array_equal(self._games.stacks[place, :, -1], game.features[row]):
                raise CheckpointError(
                    f"{self._replay.folder}: expected the emulator to repeat the game in progress, it shows another "
                    f"frame after {row} steps; was the run made with another version of the game?"
                )
            reward, _, _ = self._games.step_one(place, int(action))
            self._scores[place] += np.float32(reward)


def _in_progress(data: Dataset) -> bool:
    """Whether the last game of a place goes on."""
    last = data.episodes[-1].stop - 1
    return not (data.terminated[last] or data.truncated[last])


def _last_game(data: Dataset) -> Episode:
    rows = data.episodes[-1]
    last = rows.stop - 1
    terminated, truncated = bool(data.terminated[last]), bool(data.truncated[last])
    return Episode(data.features[rows], data.action[rows], data.reward[rows], terminated, truncated, None)
