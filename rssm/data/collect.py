"""Play real games and keep them as a data set.

Worker processes play whole episodes. Episode i of player p is seeded by (seed, p, i), each player's last one is cut
where its share of the steps is reached, and the players' episodes are interleaved: the data are the same, bit for bit,
for any number of workers and however often the collection was killed and begun again.

The last 4 % of data by several players are games of their own, of all players in their proportions: what is set aside
for validation should be like the rest, and a player with a tenth of the steps may have but two long games there.
"""

from __future__ import annotations

import atexit
import functools
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from rssm.arrays import FloatArray
from rssm.config import CollectConfig, EnvConfig
from rssm.data.beginning import reset_options
from rssm.data.dataset import Dataset, check_free, write_dataset
from rssm.data.episode import Episode
from rssm.data.kept import KeptEpisodes, game_file, keep_episode, kept_folder
from rssm.data.mixture import Mixture, interleave
from rssm.errors import UserError
from rssm.folder_lock import lock_file
from rssm.game import Player, load_game
from rssm.progress import Progress
from rssm.seeds import episode_seed
from rssm.stopping import goes_on
from rssm.workers import spawning, start_worker

#: seconds without a finished game after which a collection says so; the longest game takes a few
_PATIENCE = 60.0
#: share of the last games of data by several players
_LAST = 0.04
#: steps of a game, before any is known
_TYPICAL_STEPS = 1_500


@dataclass(frozen=True)
class Recording:
    """What a data set is to hold.

    Attributes:
        env: the game's settings.
        players: who plays.
        seed: fixes the games.
        steps: agent steps in all, each player its share; 0 where ``games`` are counted.
        games: whole games of each player; 0 where ``steps`` are counted.
    """

    env: EnvConfig
    players: Mixture
    seed: int
    steps: int = 0
    games: int = 0

    def plan(self) -> dict[str, Any]:
        """All that the games depend on, as JSON."""
        plays_as = load_game(self.env.id).plays_as
        return {
            "env": asdict(self.env),
            "players": str(self.players),
            "seed": self.seed,
            "steps": self.steps,
            "games": self.games,
            plays_as: version(plays_as),
        }


def collect(config: CollectConfig) -> None:
    """Play ``config.steps`` agent steps, or ``config.games`` games of each player, and write them to ``config.out``.

    Raises:
        UserError: ``config.out`` is taken, or a worker process was killed.
    """
    recording = Recording(
        EnvConfig(id=config.env_id, repeat_action_probability=config.sticky, noop_max=config.noops),
        Mixture.parse(config.players, load_game(config.env_id).read_player),
        config.seed,
        steps=0 if config.games else config.steps,
        games=config.games,
    )
    _collect(Path(config.out), recording, config.workers)


def ensure_dataset(path: str | Path, recording: Recording, workers: int) -> Dataset:
    """Open the data set at ``path``, collecting it first if the folder is not there.

    Imported data are opened as they are: they have no settings to compare.

    Args:
        path: folder of the data set.
        recording: what it is to hold.
        workers: processes; 0 takes one per core.

    Raises:
        DataError: there is a data set, but a damaged one.
        UserError: there is a data set with other settings; the line names the first that differs.
    """
    if not Path(path).exists():
        _collect(Path(path), recording, workers)
    dataset = Dataset.open(path)
    if kept_folder(Path(path)).exists() or lock_file(Path(path)).exists():
        with KeptEpisodes(Path(path), recording.plan()):
            pass  # left by a collection that was killed when all was done
    if dataset.env is not None:
        wanted = {"seed": recording.seed, "policy": recording.players.meta(), **asdict(recording.env)}
        if recording.steps:
            wanted["steps"] = recording.steps
        else:
            wanted["games"] = recording.games * len(recording.players.players)
        found = {**dataset.meta, **asdict(dataset.env), "games": len(dataset.episodes)}
        for key in ("steps", "games", *wanted):
            if key in wanted and found[key] != wanted[key]:
                raise UserError(f"{path}: {key}: expected {wanted[key]}, but the data set there has {found[key]}")
    return dataset


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


def _collect(path: Path, recording: Recording, workers: int) -> None:
    with KeptEpisodes(path, recording.plan()) as kept:
        check_free(path)
        streams = Streams(recording, kept)
        total, unit = streams.missing, "games" if recording.games else "steps"
        streams.take_kept()
        done = total - streams.missing
        if done:
            print(f"collecting {path}: going on after {done:,} of {total:,} {unit}", file=sys.stderr)

        def note() -> str:
            kept_now = f"{total - streams.missing:,} of {total:,} {unit} of {path} are kept"
            return f"{kept_now}; start the same command again to go on"

        with Progress(f"collecting {path}", total, unit, done) as progress, goes_on(note):
            for _ in streams.play_rest(workers or _cores()):
                progress.advance(total - streams.missing - progress.done)
        write_dataset(path, streams.episodes, env=recording.env, policy=recording.players.meta(), seed=recording.seed)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Stream:
    """One player's games, as far as they are known.

    Attributes:
        missing: steps (or games) still to be played.
        wanted: steps (or games) in all.
        submitted: number of the game that is begun next.
    """

    def __init__(self, player: Player, wanted: int, by_games: bool) -> None:
        self.player, self.wanted, self.missing, self._by_games = player, wanted, wanted, by_games
        self.episodes: list[Episode] = []
        self.submitted = 0

    def take(self, episode: Episode) -> None:
        """The next game was played; one that nobody needs is dropped."""
        if self.missing:
            self.episodes.append(episode if self._by_games else episode.first(self.missing))
            self.missing -= 1 if self._by_games else len(self.episodes[-1])

    def uncovered(self) -> float:
        """Share that will still be missing when all games that were begun are over, as far as one can guess."""
        begun = self.submitted - len(self.episodes)
        typical = 1.0 if self._by_games else float(_TYPICAL_STEPS)
        if self.episodes:
            typical = (self.wanted - self.missing) / len(self.episodes)
        return (self.missing - begun * typical) / self.wanted if self.missing else 0.0

    def max_steps(self) -> int:
        """A game need not be longer than this."""
        return sys.maxsize if self._by_games else self.missing


class Streams:
    """The games of all players of a recording.

    Args:
        recording: what to play.
        kept: where finished games are kept, and where those of an earlier attempt are; None keeps none.

    Raises:
        UserError: a player's share is less than a step.
    """

    def __init__(self, recording: Recording, kept: KeptEpisodes | None) -> None:
        self._recording, self._kept = recording, kept
        players, steps = recording.players.players, recording.steps
        last = recording.players.quotas(round(_LAST * steps)) if len(players) > 1 else [0]
        if recording.games:
            parts = [[recording.games] * len(players)]
        else:
            whole = recording.players.quotas(steps)
            parts = [[one - other for one, other in zip(whole, last, strict=True)], last]
            if min(parts[0]) < 1:
                raise UserError(f"steps: expected some for every player, {steps} leave one of {len(players)} none")
        self._parts = [
            [_Stream(player, wanted, recording.games > 0) for player, wanted in zip(players, part, strict=True)]
            for part in parts
        ]
        self._streams = [stream for part in self._parts for stream in part]

    @property
    def missing(self) -> int:
        """Steps (or games) still to be played."""
        return sum(stream.missing for stream in self._streams)

    @property
    def episodes(self) -> list[Episode]:
        """What was played, in the order of the data set."""
        found = []
        for part in self._parts:
            order = interleave([[len(episode) for episode in stream.episodes] for stream in part])
            found += [part[player].episodes[number] for player, number in order]
        return found

    def take_kept(self) -> None:
        """Take the games that an earlier attempt finished, as far as none is missing in between."""
        for stream in self._streams:
            while self._kept and stream.missing and (episode := self._load(stream)):
                stream.submitted += 1
                stream.take(episode)

    def play_rest(self, workers: int) -> Iterator[None]:
        """Play until nothing is missing; yields after every game.

        Raises:
            UserError: a worker process was killed.
        """
        if workers == 1:
            for stream in self._streams:
                while stream.missing:
                    stream.take(self._load(stream) or _play_and_keep(*self._next_job(stream)))
                    yield
            return
        # A spawned process starts clean, whatever threads this one runs.
        pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=start_worker)
        running: deque[tuple[_Stream, Future[Episode]]] = deque()
        try:
            while self.missing:
                while len(running) < workers + 2:  # two more than are being played
                    stream = max(self._streams, key=_Stream.uncovered)
                    if running and stream.uncovered() <= 0:
                        break  # what is being played will probably do
                    running.append((stream, self._begin(stream, pool)))
                stream, future = running.popleft()
                stream.take(self._wait(future))
                yield
        except BrokenProcessPool as error:
            kept = self._kept is not None and self._kept.any()
            then = "the same command goes on after the games that were finished" if kept else "nothing was written"
            raise UserError(f"collect: a worker process was killed (out of memory?); {then}") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _load(self, stream: _Stream) -> Episode | None:
        return self._kept.load(self._streams.index(stream), stream.submitted) if self._kept else None

    def _begin(self, stream: _Stream, pool: ProcessPoolExecutor) -> Future[Episode]:
        """The stream's next game: begun, or there already."""
        kept = self._load(stream)
        if kept is None:
            with spawning():
                return pool.submit(_play_and_keep, *self._next_job(stream))
        stream.submitted += 1
        future: Future[Episode] = Future()
        future.set_result(kept)
        return future

    def _next_job(self, stream: _Stream) -> tuple[Path | None, EnvConfig, Player, int, int]:
        """The arguments of :func:`_play_and_keep` for the stream's next game."""
        index, number = self._streams.index(stream), stream.submitted
        stream.submitted += 1
        file = game_file(self._kept.folder, index, number) if self._kept else None
        seed = episode_seed(self._recording.seed, number, index)
        return file, self._recording.env, stream.player, seed, stream.max_steps()

    @staticmethod
    def _wait(future: Future[Episode]) -> Episode:
        """The game, when it is over; says so where that takes long."""
        waited = 0.0
        while True:
            try:
                return future.result(timeout=_PATIENCE)
            except TimeoutError:
                waited += _PATIENCE
                print(f"collecting: no game has ended for {waited:.0f} s; do the workers stand still?", file=sys.stderr)


def _play_and_keep(file: Path | None, env: EnvConfig, player: Player, seed: int, max_steps: int) -> Episode:
    """Play a game in whichever process this is, and keep it at once."""
    episode = play_episode(env, player, seed, max_steps)
    if file is not None:
        keep_episode(file, episode)
    return episode
