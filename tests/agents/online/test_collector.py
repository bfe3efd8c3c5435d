import numpy as np
import pytest
import torch

from agents.online.collector import RealGames
from agents.online.replay import Block, Replay
from rssm.config import EnvConfig
from rssm.data.frames import stack_episode
from rssm.errors import CheckpointError
from rssm.games.pong.env import make_env
from rssm.games.pong.game import PONG
from rssm.seeds import Stream, derived_seed

#: short games, so that several are played; sticky actions, so that the emulator's own randomness counts
SHORT = EnvConfig(max_episode_steps=30, repeat_action_probability=0.25)
SEED = 5


def player(seed):
    """Acts at random; the same actions for the same seed."""
    rng = np.random.default_rng(seed)
    return lambda stacks, is_first: rng.integers(6, size=len(stacks))


@pytest.fixture
def played(tmp_path):
    """Two games at a time, 40 steps of each, then 35 more."""
    replay = Replay(tmp_path / "replay", PONG, games=2)
    games = RealGames(SHORT, SEED, replay)
    scores = [games.play(player(1), 40), games.play(player(2), 35)]
    return replay, scores


def test_every_step_is_the_emulator_s_own(played):
    replay, scores = played
    data, env = replay.data(), make_env(SHORT)
    assert replay.steps == len(data) == 150
    numbers = [0, 2, 4, 1, 3, 5]  # place 0 plays games 0, 2, 4, place 1 plays 1, 3, 5
    assert [rows.stop - rows.start for rows in data.episodes] == [30, 30, 15] * 2
    for number, rows in zip(numbers, data.episodes, strict=True):
        stack, _ = env.reset(seed=derived_seed(SEED, Stream.GAMES, number))
        for row in range(rows.start, rows.stop):
            assert np.array_equal(stack[3::4], data.features[row])
            stack, reward, terminated, _, _ = env.step(data.action[row])
            assert (reward, terminated) == (data.reward[row], data.terminated[row])
    stopped = [rows.stop - 1 for rows in data.episodes if rows.stop - rows.start == 30]
    assert np.flatnonzero(data.truncated).tolist() == stopped
    whole = [int(data.reward[rows].sum()) for rows in data.episodes if rows.stop - rows.start == 30]
    assert sorted(scores[0] + scores[1]) == sorted(whole)


def test_a_match_that_the_console_ends_is_truncated_and_the_next_one_begins(tmp_path):
    replay = Replay(tmp_path / "replay", PONG, games=2)
    games = RealGames(EnvConfig(), SEED, replay)
    games._games.emulators[0]._ale.setRAM(9, 255)  # its count of frames overflows within 256 of them
    games.play(player(1), 70)
    ended, other = replay.place(0), replay.place(1)
    assert ended.truncated.sum() == 1
    assert not ended.terminated.any()
    assert ended.is_first[np.flatnonzero(ended.truncated) + 1].all()
    assert not other.truncated.any()


def test_what_the_player_is_shown_is_the_stack_of_the_game(tmp_path):
    replay, shown = Replay(tmp_path / "replay", PONG, games=2), []

    def act(stacks, is_first):
        shown.append((stacks, is_first.copy()))
        return np.full(2, 3)

    RealGames(SHORT, SEED, replay).play(act, 40)
    for place in range(2):
        data = replay.place(place)
        expected = np.concatenate([stack_episode(data.features[rows]) for rows in data.episodes])
        assert np.array_equal(np.stack([stacks[place] for stacks, _ in shown]), expected)
        assert [bool(is_first[place]) for _, is_first in shown] == data.is_first.tolist()


def test_games_in_progress_are_gone_on_with(played, tmp_path):
    """From what a checkpoint keeps, the first block, the second one is played again exactly."""
    replay, scores = played
    again = Replay(replay.folder, PONG, 2, blocks=1)
    games = RealGames(SHORT, SEED, again)
    assert games.play(player(2), 35) == scores[1]
    for name in ("features", "action", "reward", "terminated", "truncated", "is_first"):
        assert np.array_equal(getattr(again.data(), name), getattr(replay.data(), name))


def test_a_block_that_ends_with_a_game_is_gone_on_with_the_next(tmp_path):
    whole, parts = Replay(tmp_path / "whole", PONG, 2), Replay(tmp_path / "parts", PONG, 2)
    games = RealGames(SHORT, SEED, whole)
    games.play(player(1), 30)
    games.play(player(2), 10)
    RealGames(SHORT, SEED, parts).play(player(1), 30)
    parts = Replay(tmp_path / "parts", PONG, 2, blocks=1)
    RealGames(SHORT, SEED, parts).play(player(2), 10)
    assert np.array_equal(whole.data().features, parts.data().features)


def test_a_replay_that_the_emulator_does_not_repeat_is_refused(played):
    replay, _ = played
    block = replay._blocks[0]
    replay._blocks[1:] = []
    replay._blocks[0] = Block(block.features + 1, *(getattr(block, name) for name in list(vars(block))[1:]))
    with pytest.raises(CheckpointError, match=r"expected the emulator to repeat the game in progress") as caught:
        RealGames(SHORT, SEED, replay)
    assert "\n" not in str(caught.value)


def test_the_model_is_shown_the_end_of_the_game_in_progress(played, make_model):
    replay, _ = played
    model, games = make_model(), RealGames(SHORT, SEED, replay)
    deter = games.remember(model, steps=6)
    assert deter.shape == (2, model.config.deter)
    for place in range(2):
        data = replay.place(place)
        rows = data.episodes[-1]
        stacks = torch.from_numpy(stack_episode(data.features[rows])[-6:])
        actions = torch.from_numpy(data.action[rows][-6:].astype(np.int64))
        with torch.no_grad():
            seen = model.observe(stacks[None], actions[None], torch.tensor([False]), sample=False)
        assert torch.allclose(deter[place], seen.next_deter[0], atol=1e-6)
    longer = games.remember(model, steps=100)  # the 15 steps that there are, from the game's start
    with torch.no_grad():
        seen = model.observe(
            torch.from_numpy(stack_episode(data.features[rows]))[None],
            torch.from_numpy(data.action[rows].astype(np.int64))[None],
            torch.tensor([True]),
            sample=False,
        )
    assert torch.allclose(longer[1], seen.next_deter[0], atol=1e-6)
