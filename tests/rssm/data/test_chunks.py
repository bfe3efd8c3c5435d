import dataclasses
import tracemalloc

import numpy as np
import pytest
import torch

from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.errors import DataError
from rssm.games.pong.game import PONG
from rssm.noise import Part

LENGTH = 12
PARTS = ("stacks", "actions", "rewards", "terminated", "next_exists", "is_first")


class Rows:
    """A data set whose every value tells which row it is from; the last of three episodes ends a game."""

    path, game = "rows", PONG

    def __init__(self, lengths=(15, LENGTH, 30)):
        stops = np.cumsum(lengths)
        self.episodes = tuple(slice(int(stop - n), int(stop)) for n, stop in zip(lengths, stops, strict=True))
        total = int(stops[-1])
        self.features = np.repeat(np.arange(total, dtype=np.float32)[:, None], 14, axis=1)
        self.action = (np.arange(total) % 6).astype(np.uint8)
        self.reward = np.arange(total, dtype=np.float32)
        self.terminated = np.arange(total) == total - 1


def test_shapes_and_types():
    chunk = ChunkSampler(Rows(), 5, LENGTH, seed=0).batch(0)
    assert chunk.stacks.shape == (5, LENGTH + 1, 14, 4)
    assert all(getattr(chunk, p).shape == (5, LENGTH) for p in ("actions", "rewards", "terminated", "next_exists"))
    assert chunk.is_first.shape == (5,)
    assert (chunk.actions.dtype, chunk.is_first.dtype) == (torch.int64, torch.bool)


def test_no_chunk_crosses_an_episode_s_start():
    """Over hundreds of chunks: every row of a chunk, its stacks' older frames included, is of one episode."""
    rows = Rows()
    sampler = ChunkSampler(rows, 16, LENGTH, seed=3)
    episode_of = np.concatenate([np.full(e.stop - e.start, i) for i, e in enumerate(rows.episodes)])
    drawn = set()
    for update in range(60):
        chunk = sampler.batch(update)
        start = chunk.rewards[:, 0].long().numpy()
        drawn.update(start.tolist())
        for b in range(16):
            row = start[b] + np.arange(LENGTH)
            episode = episode_of[row[0]]
            bounds = rows.episodes[episode]
            assert (episode_of[row] == episode).all()
            assert chunk.rewards[b].tolist() == row.tolist()
            assert chunk.actions[b].tolist() == (row % 6).tolist()
            seen = chunk.stacks[b].numpy()
            assert (episode_of[np.unique(seen).astype(int)] == episode).all()
            exists = row + 1 < bounds.stop
            assert chunk.next_exists[b].tolist() == exists.astype(float).tolist()
            assert chunk.is_first[b].item() == (start[b] == bounds.start)
    # and every place where a chunk fits is drawn
    assert drawn == {s for e in rows.episodes for s in range(e.start, e.stop - LENGTH + 1)}


def test_the_ends_of_an_episode_are_seen_no_less_often_than_its_middle():
    sampler = ChunkSampler(Rows((100,)), 16, LENGTH, seed=0)
    seen = np.zeros(100)
    for update in range(400):
        np.add.at(seen, sampler.batch(update).rewards.numpy().astype(int), 1)
    middle = seen[LENGTH:-LENGTH]
    assert np.abs(middle / middle.mean() - 1).max() < 0.2
    assert seen.min() > 0.85 * middle.mean()


def test_with_beyond_an_end_may_be_any_step_of_a_chunk_and_every_row_is_seen_as_often():
    rows = Rows((100, 60))
    sampler = ChunkSampler(rows, 16, LENGTH, seed=0, beyond=True)
    seen, ends = np.zeros(160), np.zeros(LENGTH)
    for update in range(400):
        chunk = sampler.batch(update)
        happened = chunk.happened.bool()
        np.add.at(seen, chunk.rewards[happened].numpy().astype(int), 1)
        ends += ((chunk.next_exists == 0) & happened).sum(0).numpy()
        for b in range(16):
            steps = chunk.rewards[b][happened[b]].long()
            assert steps.tolist() == list(range(steps[0], steps[0] + len(steps)))
            episode = next(e for e in rows.episodes if e.start <= steps[0] < e.stop)
            assert steps[-1] < episode.stop
            assert (len(steps) == LENGTH) or (steps[-1] == episode.stop - 1)
            assert (chunk.rewards[b][~happened[b]] == episode.stop - 1).all()
            assert set(chunk.stacks[b].unique().tolist()) <= set(range(episode.start, episode.stop))
    middle = seen[LENGTH : 100 - LENGTH]
    for stop in (100, 160):
        late = seen[stop - LENGTH : stop]
        assert np.abs(late / middle.mean() - 1).max() < 0.2
    assert np.abs(ends / ends.mean() - 1).max() < 0.35


def test_with_beyond_an_episode_may_be_shorter_than_a_chunk():
    sampler = ChunkSampler(Rows((100, 3)), 64, LENGTH, seed=0, beyond=True)
    chunk = sampler.batch(0)
    short = chunk.rewards[:, 0] >= 100
    assert 0 < short.sum() < 64
    for steps, happened in zip(chunk.rewards[short], chunk.happened[short], strict=True):
        assert steps[happened.bool()].tolist() == list(range(int(steps[0]), 103))
    assert ChunkSampler(Rows((100, 3)), 64, LENGTH, seed=0).batch(0).rewards.max() < 100


def test_stacks_are_those_of_the_episode(pong_data):
    sampler = ChunkSampler(pong_data, 8, LENGTH, seed=0)
    checked = 0
    for update in range(20):
        chunk = sampler.batch(update)
        for b in range(8):
            window = chunk.stacks[b, :, :, -1].numpy()
            for index, rows in enumerate(pong_data.episodes):
                frames = np.array(pong_data.features[rows])
                stacks = stack_episode(frames)
                for s in range(len(frames) - LENGTH):
                    if np.array_equal(frames[s : s + LENGTH + 1], window):
                        assert np.array_equal(chunk.stacks[b], stacks[s : s + LENGTH + 1])
                        assert np.array_equal(chunk.actions[b], pong_data.episode(index).action[s : s + LENGTH])
                        assert np.array_equal(chunk.rewards[b], pong_data.episode(index).reward[s : s + LENGTH])
                        checked += 1
    assert checked > 100


def test_what_was_never_recorded_is_masked(pong_data):
    """The last transition of an episode leads to an observation that is not there; only a game's end is terminated."""
    (whole,) = [i for i, rows in enumerate(pong_data.episodes) if pong_data.terminated[rows.stop - 1]]
    cut = len(pong_data.episodes) - 1
    for index, terminated in ((whole, 1.0), (cut, 0.0)):
        rows = pong_data.episodes[index]
        sampler = ChunkSampler(pong_data, 1, rows.stop - rows.start, 0, episodes=[rows])
        chunk = sampler.batch(0)
        assert chunk.next_exists[0, -1] == 0
        assert chunk.next_exists[0, :-1].all()
        assert chunk.terminated[0, -1] == terminated
        assert not chunk.terminated[0, :-1].any()
        assert torch.isfinite(chunk.stacks).all()
        assert chunk.is_first.item()
        assert chunk.rewards.sum() == pong_data.episode(index).reward.sum()


def test_an_update_s_batch_depends_on_the_seed_and_the_update_alone(pong_data):
    def same(one, other):
        return all(torch.equal(getattr(one, p), getattr(other, p)) for p in PARTS)

    one, other = (ChunkSampler(pong_data, 4, LENGTH, seed=7) for _ in range(2))
    for update in range(5):
        one.batch(update)
    torch.manual_seed(1)
    assert same(one.batch(3), other.batch(3))
    assert not same(one.batch(3), one.batch(4))
    assert not same(one.batch(3), ChunkSampler(pong_data, 4, LENGTH, seed=8).batch(3))


def test_chunks_of_chosen_episodes_only():
    rows = Rows()
    sampler = ChunkSampler(rows, 8, LENGTH, 0, episodes=rows.episodes[1:2])
    for update in range(5):
        assert torch.equal(sampler.batch(update).rewards[:, 0], torch.full((8,), 15.0))


def test_too_short_episodes_are_refused_in_one_line(pong_data):
    with pytest.raises(DataError) as caught:
        ChunkSampler(pong_data, 4, 100, seed=0, episodes=pong_data.episodes[:3])
    line = f"{pong_data.path}: chunk_length 100 does not fit its longest episode (40 steps)"
    assert str(caught.value) == line


def test_to_moves_every_part():
    chunk = ChunkSampler(Rows(), 2, LENGTH, seed=0).batch(0).to(torch.device("meta"))
    assert {getattr(chunk, field.name).device.type for field in dataclasses.fields(chunk)} == {"meta"}


def test_some_chunks_of_a_batch_are_those_of_the_batch(pong_data):
    sampler = ChunkSampler(pong_data, batch_size=7, length=12, seed=3)
    whole = sampler.batch(5)
    parts = [sampler.batch(5, Part(first, stop, 7)) for first, stop in ((0, 2), (2, 3), (3, 7))]
    for name, values in vars(whole).items():
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), values)


def test_data_need_not_fit_into_memory(tmp_path):
    """17 MB in files: drawing from them takes a fraction of that, and changes nothing of what is drawn."""
    rows = 300_000
    arrays = {
        "features": np.lib.format.open_memmap(tmp_path / "f.npy", "w+", np.float32, (rows, 14)),
        **{name: np.zeros(rows, kind) for name, kind in (("action", np.uint8), ("reward", np.float32))},
        **{name: np.zeros(rows, bool) for name in ("terminated", "truncated")},
        "is_first": np.arange(rows) % 1000 == 0,
    }
    arrays["features"][:] = np.arange(rows)[:, None]
    data = Dataset(tmp_path, {"env_id": PONG.env_id, "env": None}, arrays)
    tracemalloc.start()
    sampler = ChunkSampler(data, batch_size=4, length=20, seed=0)
    batches = [sampler.batch(update) for update in range(20)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < arrays["features"].nbytes / 10
    held = ChunkSampler(
        Dataset(tmp_path, {"env_id": PONG.env_id, "env": None}, arrays | {"features": np.array(arrays["features"])}),
        4,
        20,
        0,
    )
    assert all(torch.equal(one.stacks, held.batch(n).stacks) for n, one in enumerate(batches))
