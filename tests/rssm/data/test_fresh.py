import os
import signal
from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
import torch

from rssm.config import EnvConfig
from rssm.data.block_player import play_block
from rssm.data.chunks import Chunk, ChunkSampler
from rssm.data.collect import ensure_dataset
from rssm.data.dataset import Dataset
from rssm.data.fresh import FreshSampler
from rssm.data.mixture import Mixture
from rssm.data.streams import Recording
from rssm.errors import UserError
from rssm.games.pong.game import PONG

# 600 steps, of which a block of 120 is replaced after every fourth update
RECORDING = Recording(
    EnvConfig(max_episode_steps=60), Mixture.parse("60% random, 40% sweeping", PONG.read_player), 4, steps=600
)
SETTINGS = {"recording": RECORDING, "steps_per_update": 30, "updates": 60}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return ensure_dataset(tmp_path_factory.mktemp("fresh") / "train", RECORDING, workers=1)


@pytest.fixture
def sampler(data: Dataset) -> Iterator[FreshSampler]:
    made = FreshSampler(data, 64, 10, 0, data.episodes[:-2], **SETTINGS)
    yield made
    made.close()


def same(one: Chunk, other: Chunk) -> bool:
    return all(torch.equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(one))


def frames(chunk: Chunk) -> set[bytes]:
    """The observations of a batch, each with the action taken after it."""
    stacks, actions = chunk.stacks[:, :-1].numpy(), chunk.actions.numpy()
    return {stacks[b, t].tobytes() + bytes([actions[b, t]]) for b, t in np.ndindex(actions.shape)}


def test_batches_follow_from_the_update_alone(data: Dataset, sampler: FreshSampler) -> None:
    batches = {update: sampler.batch(update) for update in range(0, 60, 3)}
    assert same(sampler.batch(30), batches[30])  # going back is as good
    again = FreshSampler(data, 64, 10, 0, data.episodes[:-2], **SETTINGS)
    assert same(again.batch(57), batches[57])  # where a training that was ended goes on
    again.close()


def test_it_begins_with_the_data_set_alone(data: Dataset, sampler: FreshSampler) -> None:
    assert sampler._player is None
    plain = ChunkSampler(data, 64, 10, 0, data.episodes[:-2], beyond=True)
    assert all(same(sampler.batch(update), plain.batch(update)) for update in range(4))
    assert sampler._player is not None  # plays what the next updates will draw from
    assert not same(sampler.batch(4), plain.batch(4))


def test_old_games_give_way_to_new_ones(data: Dataset, sampler: FreshSampler) -> None:
    def seen(updates: range) -> set[bytes]:
        return set().union(*(frames(sampler.batch(update)) for update in updates))

    first, last = seen(range(4)), seen(range(20, 24))
    expected = [episode for number in range(1, 6) for episode in play_block(_block(), number)]
    assert sum(map(len, expected)) == 600
    new = frames_of(Dataset.of(data, expected))
    assert last <= new
    assert len(last) > 0.9 * len(new)
    # what is left in common is what every game begins with
    assert len(first & last) < 0.1 * len(first)


def test_real_steps_are_those_that_could_be_drawn_from(data: Dataset, sampler: FreshSampler) -> None:
    plain = ChunkSampler(data, 64, 10, 0, data.episodes[:-2], beyond=True)
    learned = sum(rows.stop - rows.start for rows in data.episodes[:-2])
    assert plain.real_steps(0) == plain.real_steps(50) == learned
    # update 4, the fifth, is the first with a new block
    assert [sampler.real_steps(updates) - learned for updates in (0, 4, 5, 8, 9)] == [0, 0, 120, 120, 240]


def _block() -> Recording:
    return Recording(RECORDING.env, RECORDING.players, RECORDING.seed, steps=120)


def frames_of(data: Dataset) -> set[bytes]:
    chunks = ChunkSampler(data, 256, 10, 1, beyond=True)
    return set().union(*(frames(chunks.batch(update)) for update in range(20)))


def test_blocks_are_of_all_players_in_proportion_and_never_the_same() -> None:
    seeds = set()
    for number in range(1, 5):
        games = play_block(_block(), number)
        seeds |= {game.seed for game in games}
        played = {
            player: sum(len(game) for game in games if game.player == player) for player in ("random", "sweeping")
        }
        assert played == {"random": 72, "sweeping": 48}
    assert len(seeds) == sum(len(play_block(_block(), number)) for number in range(1, 5))


def test_a_killed_player_is_one_line(sampler: FreshSampler) -> None:
    sampler.batch(0)
    assert sampler._player is not None
    process = sampler._player._process
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(UserError, match=r"data\.fresh_steps: the process that plays was killed") as caught:
        sampler.batch(30)
    assert "\n" not in str(caught.value)


def test_nothing_is_played_beyond_the_last_update(data: Dataset) -> None:
    short = FreshSampler(data, 64, 10, 0, data.episodes[:-2], RECORDING, steps_per_update=30, updates=4)
    assert short.batch(3).actions.shape == (64, 10)
    assert short._player is None
