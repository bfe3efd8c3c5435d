"""What a data set is to hold, and the games of its players on their way into it.

Worker processes play whole episodes. Episode i of player p is seeded by (seed, p, i), each player's last one is cut
where its share of the steps is reached, and the players' episodes are interleaved: the data are the same, bit for bit,
for any number of workers and however often the collection was killed and begun again.

The last 4 % of data by several players are games of their own, of all players in their proportions: what is set aside
for validation should be like the rest, and a player with a tenth of the steps may have but two long games there.
"""

from __future__ import annotations

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

from rssm.config import EnvConfig
from rssm.data.episode import Episode
from rssm.data.kept import KeptEpisodes, game_file, keep_episode
from rssm.data.mixture import Mixture, interleave
from rssm.data.play import play_episode
from rssm.errors import UserError
from rssm.game import load_game
from rssm.protocols import Player
from rssm.seeds import episode_seed
from rssm.system.workers import spawning, start_worker

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
