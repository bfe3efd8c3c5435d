"""Play real games with a fixed player and keep them as a data set.

Worker processes play whole episodes. Episode i is seeded by (seed, i) and the episodes are used in that order, the
last one cut, so that the data are the same, bit for bit, for any number of workers.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, cast

import numpy as np

from rssm.config import CollectConfig, EnvConfig
from rssm.data.dataset import Dataset, check_free, write_dataset
from rssm.data.episode import Episode
from rssm.errors import UserError
from rssm.games.pong.env import PongFeatures, make_env
from rssm.games.pong.features import NUM_FEATURES
from rssm.games.pong.players import PolicyName, make_policy
from rssm.progress import Progress
from rssm.seeds import episode_seed


def collect(config: CollectConfig) -> None:
    """Play ``config.steps`` agent steps and write them to ``config.out``.

    Raises:
        UserError: ``config.out`` is taken, or a worker process was killed.
    """
    _collect(
        config.out,
        env=EnvConfig(repeat_action_probability=config.sticky),
        policy=config.policy,
        epsilon=config.epsilon,
        steps=config.steps,
        seed=config.seed,
        workers=config.workers,
    )


def ensure_dataset(
    path: str | Path, *, env: EnvConfig, policy: PolicyName, epsilon: float, steps: int, seed: int, workers: int
) -> Dataset:
    """Open the data set at ``path``, collecting it first if the folder is not there.

    Imported data are opened as they are: they have no settings to compare.

    Args:
        path: folder of the data set.
        env: the game's settings.
        policy: who plays.
        epsilon: chance of a random action in each step (tracking only).
        steps: agent steps.
        seed: fixes the games.
        workers: processes; 0 takes one per core.

    Raises:
        DataError: there is a data set, but a damaged one.
        UserError: there is a data set with other settings; the line names the first that differs.
    """
    if not Path(path).exists():
        _collect(path, env=env, policy=policy, epsilon=epsilon, steps=steps, seed=seed, workers=workers)
    dataset = Dataset.open(path)
    if dataset.env is not None:
        wanted = {"steps": steps, "seed": seed, "policy": _policy_meta(policy, epsilon), **asdict(env)}
        found = {**dataset.meta, **asdict(dataset.env)}
        for key, value in wanted.items():
            if found[key] != value:
                raise UserError(f"{path}: {key}: expected {value}, but the data set there has {found[key]}")
    return dataset


def play_episode(env: EnvConfig, policy: PolicyName, epsilon: float, seed: int, max_steps: int) -> Episode:
    """Play one game from its seed, for at most ``max_steps`` agent steps."""
    game = _game(env)
    act = make_policy(policy, epsilon)
    rng = np.random.default_rng([seed, 1])  # apart from the game's own generator
    limit = min(max_steps, env.max_episode_steps)
    features = np.empty((limit, NUM_FEATURES), np.float32)
    action = np.empty(limit, np.uint8)
    reward = np.empty(limit, np.float32)
    _, info = game.reset(seed=seed)
    terminated, truncated, step = False, False, 0
    while step < limit and not terminated and not truncated:
        features[step] = info["frame"]
        action[step] = act(info["frame"], rng)
        _, reward[step], terminated, truncated, info = game.step(action[step])
        step += 1
    return Episode(features[:step].copy(), action[:step].copy(), reward[:step].copy(), terminated, not terminated, seed)


@functools.lru_cache(maxsize=1)
def _game(env: EnvConfig) -> PongFeatures:
    """A process plays all its episodes on one emulator: loading the game takes as long as playing 500 steps."""
    return make_env(env)


atexit.register(_game.cache_clear)  # else the emulator's bindings report a leak when the process ends


def _collect(
    path: str | Path, *, env: EnvConfig, policy: PolicyName, epsilon: float, steps: int, seed: int, workers: int
) -> None:
    check_free(path)
    episodes: list[Episode] = []
    with Progress(f"collecting {path}", steps, "steps") as progress:
        for episode in _play(env, policy, epsilon, seed, steps, workers or _cores()):
            episodes.append(episode)
            progress.advance(len(episode))
    write_dataset(path, episodes, env=env, policy=_policy_meta(policy, epsilon), seed=seed)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _policy_meta(policy: PolicyName, epsilon: float) -> dict[str, Any]:
    return {"name": policy} if policy == "random" else {"name": policy, "epsilon": epsilon}


def _play(env: EnvConfig, policy: PolicyName, epsilon: float, seed: int, steps: int, workers: int) -> Iterator[Episode]:
    """Episodes 0, 1, 2, ... of exactly ``steps`` agent steps together."""
    missing = steps
    if workers == 1:
        for index in itertools.count():
            episode = play_episode(env, policy, epsilon, episode_seed(seed, index), missing)
            yield episode
            missing -= len(episode)
            if not missing:
                return
    # A spawned process starts clean, whatever threads this one runs.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=start_worker)
    running: deque[Future[Episode]] = deque()
    submitted = itertools.count()
    played = 0
    try:
        while missing:
            # Two more than are being played, but none that the last steps will hardly need.
            typical = (steps - missing) / played if played else 0.0
            while len(running) < workers + 2 and len(running) * typical <= missing:
                job = (env, policy, epsilon, episode_seed(seed, next(submitted)), missing)
                running.append(pool.submit(play_episode, *job))
            episode = running.popleft().result().first(missing)
            yield episode
            missing -= len(episode)
            played += 1
    except BrokenProcessPool as error:
        raise UserError("collect: a worker process was killed (out of memory?); no data set was written") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def start_worker() -> None:
    """Prepare a worker process: deaf to Ctrl-C, and gone when its parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """End this worker when its parent is gone, even if that was killed outright and could tell nobody."""
    parent = cast(BaseProcess, parent_process())
    connection.wait([parent.sentinel])
    os._exit(1)
