"""A process that plays blocks of new games beside a training; it needs no torch, so it is small and starts fast."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection

from rssm.data.episode import Episode
from rssm.data.streams import Recording, Streams
from rssm.errors import UserError
from rssm.seeds import episode_seed
from rssm.system.workers import spawning, start_worker

#: sets the blocks' seeds apart from those of the data set's own games
_FRESH = 2**20


class BlockPlayer:
    """A process that plays blocks one after the other; it ends with this one.

    Args:
        recording: what a block holds.
    """

    def __init__(self, recording: Recording) -> None:
        spawn = get_context("spawn")  # a clean process, whatever threads this one runs
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_play_blocks, args=(theirs, recording), daemon=True)
        with spawning():
            self._process.start()
        theirs.close()
        self._asked: set[int] = set()
        self._answers: dict[int, list[Episode]] = {}

    def ask(self, number: int) -> None:
        """Have a block played, after those that were asked for before."""
        if number in self._asked:
            return
        self._asked.add(number)
        with contextlib.suppress(BrokenPipeError):  # the answer will say so
            self._pipe.send(number)

    def answer(self, number: int) -> list[Episode]:
        """A block that was asked for; waits for it.

        Raises:
            UserError: the process was killed.
        """
        while number not in self._answers:
            try:
                played, episodes = self._pipe.recv()
            except (EOFError, ConnectionResetError) as error:
                raise UserError(
                    "data.fresh_steps: the process that plays was killed (out of memory?); the same command goes on"
                ) from error
            self._answers[played] = episodes
        self._asked.remove(number)
        return self._answers.pop(number)

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def play_block(recording: Recording, number: int) -> list[Episode]:
    """Block ``number`` of new games, ``recording.steps`` long; another one for every number."""
    block = replace(recording, seed=episode_seed(recording.seed, number, _FRESH))
    streams = Streams(block, None)
    for _ in streams.play_rest(1):
        pass
    return streams.episodes


def _play_blocks(pipe: Connection, recording: Recording) -> None:
    start_worker()
    while True:
        number = pipe.recv()
        pipe.send((number, play_block(recording, number)))
