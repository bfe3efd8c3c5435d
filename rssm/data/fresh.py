"""Games that are played while a training goes on, so that none is seen again and again.

A core plays about as many steps as another one learns from. Block g of games follows from the seed and g alone, and
which blocks an update may draw from follows from its number: a training that goes on after a break, on a faster machine
or a slower one, sees the very same batches. It waits where a block is not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rssm.data.block_player import BlockPlayer
from rssm.data.chunks import Chunk, ChunkSampler
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.data.streams import Recording
from rssm.noise import Part

#: the data set is replaced in so many blocks
_BLOCKS = 5


class FreshSampler:
    """Draws chunks from a data set whose oldest games give way to new ones, a fifth of its steps at a time.

    Args:
        data: the data set, which holds the first games.
        batch_size: chunks per batch, B.
        length: transitions per chunk, T.
        seed: of the draws.
        episodes: the data set's episodes to learn from.
        recording: what the data set holds; the new games are by the same players in the same proportions.
        steps_per_update: new transitions per update.
        updates: of the whole training; no game is played that would come after them.
    """

    def __init__(
        self,
        data: Dataset,
        batch_size: int,
        length: int,
        seed: int,
        episodes: Sequence[slice],
        recording: Recording,
        steps_per_update: int,
        updates: int,
    ) -> None:
        self.batch_size, self._settings = batch_size, (batch_size, length, seed)
        self._sampler, self._data = ChunkSampler(data, *self._settings, episodes, beyond=True), data
        self._old = [data.episode(data.episodes.index(rows)) for rows in episodes]
        self._new: dict[int, list[Episode]] = {}
        self._steps, self._block = recording.steps, recording.steps // _BLOCKS
        self._per_update = steps_per_update
        self._drawn_from, self._last = -1, self._newest(updates - 1)
        self._recording = replace(recording, steps=self._block)
        self._player: BlockPlayer | None = None  # begins with the training

    def batch(self, update: int, part: Part | None = None) -> Chunk:
        """The batch of one update, or some of its chunks.

        Raises:
            UserError: the process that plays was killed.
        """
        newest = self._newest(update)
        if newest != self._drawn_from:
            self._sampler = self._draw_from(newest)
            self._drawn_from = newest
        return self._sampler.batch(update, part)

    def real_steps(self, update: int) -> int:
        return sum(map(len, self._old)) + self._newest(max(update - 1, 0)) * self._block

    def close(self) -> None:
        """End the process that plays."""
        if self._player is not None:
            self._player.close()

    def _playing(self) -> BlockPlayer:
        self._player = self._player or BlockPlayer(self._recording)
        return self._player

    def _newest(self, update: int) -> int:
        """The number of the newest block that an update draws from; 0 is the data set alone."""
        return update * self._per_update // self._block

    def _draw_from(self, newest: int) -> ChunkSampler:
        """Chunks of the last blocks up to this one, and of as much of the data set as there is room for beside them."""
        wanted = range(max(1, newest - _BLOCKS + 1), newest + 1)
        self._new = {number: games for number, games in self._new.items() if number in wanted}
        for number in (*wanted, newest + 1):  # the next one is played while these are learned from
            if number not in self._new and number <= self._last:
                self._playing().ask(number)
        for number in wanted:
            if number not in self._new:
                self._new[number] = self._playing().answer(number)
        games = [episode for number in wanted for episode in self._new[number]]
        room = self._steps - sum(map(len, games))
        for episode in reversed(self._old):
            room -= len(episode)
            if room < 0:
                break
            games.insert(0, episode)
        return ChunkSampler(Dataset.of(self._data, games), *self._settings, beyond=True)
