"""Train somebody else's learner inside the world model, then let it play the real game.

The learner is PPO of stable-baselines3 (pip install 'pong-rssm[examples]'). It never sees the emulator while it learns:
every step that it takes is the world model's. A dream starts in a real moment, lasts 200 steps, and the next begins.

    python examples/train_in_dream.py --run runs/wm --steps 50000
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import gymnasium
import numpy as np

import rssm  # noqa: F401 (registers the environments)
from rssm.errors import UserError

DREAM, REAL = "rssm/PongDream-v0", "rssm/PongFeatures-v0"


def make(name: str, steps: int, **settings: object) -> gymnasium.Env[np.ndarray, np.int64]:
    """An environment whose observations lie between -1 and 1, as networks like them."""
    env = gymnasium.make(name, max_episode_steps=steps, **settings)
    return gymnasium.wrappers.RescaleObservation(env, np.float32(-1.0), np.float32(1.0))


def play(policy: object, games: int, steps: int) -> float:
    """Points made less points lost in real games of at most so many steps, mean over the games."""
    env, total = make(REAL, steps), 0.0
    for seed in range(games):
        observation, _ = env.reset(seed=seed)
        over = False
        while not over:
            action, _ = policy.predict(observation, deterministic=False)  # type: ignore[attr-defined]
            observation, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            over = terminated or truncated
    return total / games


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="PPO of stable-baselines3 in the dream of a world model.")
    parser.add_argument("--run", default="", help="folder of a run, or the name of shipped weights")
    parser.add_argument("--data", default="", help="recorded games to begin dreams in; without it games are played")
    parser.add_argument("--steps", type=int, default=50_000, help="steps to learn from, all of them dreamt")
    parser.add_argument("--batch", type=int, default=1024, help="steps between two updates")
    parser.add_argument("--games", type=int, default=3, help="real games to score it in")
    parser.add_argument("--game-steps", type=int, default=2_000, help="steps after which a real game is stopped")
    given = parser.parse_args(words)
    try:
        from stable_baselines3 import PPO
    except ImportError:
        print("error: stable-baselines3 is missing; expected: pip install 'pong-rssm[examples]'", file=sys.stderr)
        return 2
    try:
        dream = make(DREAM, 200, run=given.run, data=given.data)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    learner = PPO("MlpPolicy", dream, n_steps=given.batch, batch_size=min(given.batch, 128), seed=0, device="cpu")
    before = play(learner, given.games, given.game_steps)
    learner.learn(given.steps)
    after = play(learner, given.games, given.game_steps)
    print(f"{given.steps:,} dreamt steps in {Path(given.run or 'the shipped weights')}, no real one")
    print(f"real games of at most {given.game_steps:,} steps: {before:+.1f} points before, {after:+.1f} after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
