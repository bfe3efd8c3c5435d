"""Games in which nobody moves, played to their end."""

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong.env import make_env
from rssm.seeds import episode_seed

#: a paddle that stands still loses a game in less than a thousand steps
NOOP, GAMES = 0, 2


@pytest.fixture(scope="session")
def games():
    """Stacks (L + 1, 14, 4) and rewards (L,) of the games in which nobody moves, to their end."""
    played, game = [], make_env(EnvConfig())
    for index in range(GAMES):
        stacks, rewards, terminated = [game.reset(seed=episode_seed(0, index))[0]], [], False
        while not terminated:
            stack, reward, terminated, _, _ = game.step(NOOP)
            stacks.append(stack)
            rewards.append(reward)
        played.append((to_stack(np.stack(stacks), 4), np.array(rewards)))
    return played
