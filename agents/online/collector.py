"""The real games of an online run: played side by side, every step kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from agents.online.replay import Block, Replay
from agents.play.side_by_side import borrow_emulator, return_emulator
from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.errors import CheckpointError
from rssm.games.pong.features import NUM_FEATURES, newest_frame, stack_episode
from rssm.model.world_model import WorldModel
from rssm.seeds import Stream, derived_seed

#: stacks (G, 56) and whether each game has just begun (G,) -> actions (G,)
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
        self._env, self._seed, self._replay = env, seed, replay
        self._emulators = [borrow_emulator(env) for _ in range(replay.games)]
        self._begun = [0] * replay.games
        self._stacks: list[FloatArray] = []
        self._played = np.zeros(replay.games, np.int64)
        self._scores = np.zeros(replay.games, np.int64)
        for place in range(replay.games):
            self._stacks.append(self._restore(place) if replay.steps else self._reset(place))

    def play(self, act: Act, turns: int) -> list[int]:
        """Play ``turns`` steps of every game and keep them as one block.

        Returns:
            the final scores (points made less points lost) of the games that ended.
        """
        shape = (turns, len(self._emulators))
        features, reward = np.zeros((*shape, NUM_FEATURES), np.float32), np.zeros(shape, np.float32)
        action = np.zeros(shape, np.uint8)
        terminated, truncated, is_first = (np.zeros(shape, np.bool_) for _ in range(3))
        scores = []
        for t in range(turns):
            stacks = np.stack(self._stacks)
            is_first[t], features[t] = self._played == 0, newest_frame(stacks)
            action[t] = act(stacks, is_first[t])
            for place, emulator in enumerate(self._emulators):
                self._stacks[place], reward[t, place], terminated[t, place], truncated[t, place], _ = emulator.step(
                    action[t, place]
                )
            self._played += 1
            self._scores += reward[t].astype(np.int64)
            truncated[t] |= ~terminated[t] & (self._played >= self._env.max_episode_steps)
            for place in np.flatnonzero(terminated[t] | truncated[t]).tolist():
                scores.append(int(self._scores[place]))
                self._stacks[place] = self._reset(place)
        self._replay.append(Block(features, action, reward, terminated, truncated, is_first))
        return scores

    @torch.no_grad()
    def remember(self, model: WorldModel, steps: int) -> Tensor:
        """What the model makes of the last steps of each game in progress: deter (G, D) of the moment."""
        device = next(model.parameters()).device
        deters = []
        for place in range(self._replay.games):
            game = _last_game(self._replay.place(place))
            first = max(0, len(game) - steps)
            stacks = torch.from_numpy(stack_episode(game.features)[first:]).to(device)
            actions = torch.from_numpy(game.action[first:].astype(np.int64)).to(device)
            begun = torch.tensor([first == 0], device=device)
            deters.append(model.observe(stacks[None], actions[None], begun, sample=False).next_deter)
        return torch.cat(deters)

    def close(self) -> None:
        """Hand the emulators back."""
        for emulator in self._emulators:
            return_emulator(self._env, emulator)

    def _reset(self, place: int) -> FloatArray:
        """Start the next game of a place."""
        self._played[place], self._scores[place] = 0, 0
        number = place + len(self._emulators) * self._begun[place]
        self._begun[place] += 1
        stack, _ = self._emulators[place].reset(seed=derived_seed(self._seed, Stream.GAMES, number))
        return stack

    def _restore(self, place: int) -> FloatArray:
        """Play the game in progress again, from its seed and its actions."""
        data = self._replay.place(place)
        game = _last_game(data)
        self._begun[place] = len(data.episodes) - (not game.terminated and not game.truncated)
        stack = self._reset(place)
        if game.terminated or game.truncated:
            return stack
        for row, action in enumerate(game.action):
            if not np.array_equal(newest_frame(stack), game.features[row]):
                raise CheckpointError(
                    f"{self._replay.folder}: expected the emulator to repeat the game in progress, it shows another "
                    f"frame after {row} steps; was the run made with another version of ale-py?"
                )
            stack, reward, _, _, _ = self._emulators[place].step(action)
            self._scores[place] += int(reward)
        self._played[place] = len(game)
        return stack


def _last_game(data: Dataset) -> Episode:
    rows = data.episodes[-1]
    last = rows.stop - 1
    terminated, truncated = bool(data.terminated[last]), bool(data.truncated[last])
    return Episode(data.features[rows], data.action[rows], data.reward[rows], terminated, truncated, None)
