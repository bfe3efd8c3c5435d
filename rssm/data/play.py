"""One real game, played from its seed."""

from __future__ import annotations

import atexit
import functools
from typing import Any

import gymnasium
import numpy as np

from rssm.arrays import FloatArray
from rssm.config import EnvConfig
from rssm.data.beginning import reset_options
from rssm.data.episode import Episode
from rssm.game import load_game
from rssm.protocols import Player


def play_episode(env: EnvConfig, player: Player, seed: int, max_steps: int) -> Episode:
    """Play one game from its seed, for at most ``max_steps`` agent steps."""
    emulator, game = _emulator(env), load_game(env.id, env.stack)
    act = game.policy(player)
    rng = np.random.default_rng([seed, 1])  # apart from the game's own generator
    limit = min(max_steps, env.max_episode_steps)
    features = np.empty((limit, game.layout.num_features), np.float32)
    action = np.empty(limit, np.uint8)
    reward = np.empty(limit, np.float32)
    _, info = emulator.reset(seed=seed, options=reset_options(player, seed))
    terminated, truncated, step = False, False, 0
    while step < limit and not terminated and not truncated:
        features[step] = info["frame"]
        action[step] = act(info["frame"], rng)
        _, earned, terminated, truncated, info = emulator.step(action[step])
        reward[step] = earned
        step += 1
    recorded = features[:step].copy(), action[:step].copy(), reward[:step].copy()
    return Episode(*recorded, terminated, not terminated, seed, str(player))


@functools.lru_cache(maxsize=1)
def _emulator(env: EnvConfig) -> gymnasium.Env[FloatArray, Any]:
    """A process plays all its episodes on one emulator: loading the game takes as long as playing 500 steps."""
    return load_game(env.id, env.stack).make_env(env)


atexit.register(_emulator.cache_clear)  # else the emulator's bindings report a leak when the process ends
