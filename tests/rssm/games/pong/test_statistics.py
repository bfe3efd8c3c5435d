import dataclasses
import json
import tracemalloc

import numpy as np
import pytest

from rssm.games.pong import features as F
from rssm.games.pong.statistics import COORDINATES, LARGEST_MOVE, MOST_LANDINGS, SCORES, FeatureStatistics


@pytest.fixture
def frames():
    """Two episodes of four rows: the ball moves by -2, 3, then jumps to 78; behind the boundary it starts at 10."""
    frames = np.zeros((8, F.NUM_FEATURES), np.float32)
    frames[:, F.PLAYER_X] = F.PLAYER_COLUMN
    frames[:, F.BALL_X] = [120, 118, 121, 78, 10, 10, 11, 11]
    frames[:, F.BALL_SPAWNED] = [1, 1, 1, 0, 1, 1, 1, 1]
    frames[:, F.BALL_Y_DIRECTION] = [-1, -1, 1, 0, 1, 1, 1, 1]
    frames[:, F.PLAYER_SCORE] = [0, 0, 0, 1, 0, 0, 0, 0]
    is_first = np.zeros(8, bool)
    is_first[[0, 4]] = True
    return frames, np.zeros(8, np.uint8), is_first


def test_fit_by_hand(frames):
    fitted = FeatureStatistics.fit(*frames)
    ball = frames[0][:, F.BALL_X].astype(float)
    assert fitted.mean[F.BALL_X] == pytest.approx(ball.mean())
    assert fitted.std[F.BALL_X] == pytest.approx(ball.std())
    assert (fitted.low[F.BALL_X], fitted.high[F.BALL_X]) == (10, 121)
    # every whole pixel between the smallest and the largest change; neither the jump nor the step between episodes
    assert fitted.moves[F.BALL_X] == (-2, -1, 0, 1, 2, 3)
    assert fitted.landings[F.BALL_X] == (78,)
    assert fitted.landings[F.BALL_SPAWNED] == (0, 1)
    assert fitted.landings[F.BALL_Y_DIRECTION] == (-1, 0, 1)
    assert fitted.moves[F.BALL_SPAWNED] == ()


def test_scores_have_no_outcomes_of_their_own(frames):
    fitted = FeatureStatistics.fit(*frames)
    assert all(fitted.moves[i] == () and fitted.landings[i] == () for i in SCORES)


def test_a_constant_feature_has_a_deviation_of_one_and_stays(frames):
    fitted = FeatureStatistics.fit(*frames)
    assert fitted.std[F.PLAYER_X] == 1.0
    assert fitted.mean[F.PLAYER_X] == F.PLAYER_COLUMN
    assert fitted.moves[F.PLAYER_X] == (0,)
    assert fitted.landings[F.PLAYER_X] == ()


def test_changes_of_less_than_a_pixel_are_reached_from_both_sides(frames):
    frames[0][:, F.BALL_Y] = [10, 10.5, 10.5, 10.5, 20, 18.7, 18.7, 18.7]
    assert FeatureStatistics.fit(*frames).moves[F.BALL_Y] == (-2, -1, 0, 1)


def test_too_many_landings_become_evenly_spaced():
    count = 3 * MOST_LANDINGS
    frames = np.zeros((2 * count, F.NUM_FEATURES), np.float32)
    landings = 2.0 * np.arange(count) + 100.0
    frames[1::2, F.ENEMY_Y] = landings
    fitted = FeatureStatistics.fit(frames, np.zeros(2 * count, np.uint8), np.arange(2 * count) == 0).landings[F.ENEMY_Y]
    assert len(fitted) == MOST_LANDINGS
    assert fitted[0] == 0.0  # where every second jump goes
    assert fitted[-1] == landings[-1]
    assert np.allclose(np.diff(fitted), fitted[1] - fitted[0], atol=1e-3)


def test_json_and_back_is_the_same(pong_statistics):
    assert FeatureStatistics.from_dict(json.loads(json.dumps(pong_statistics.to_dict()))) == pong_statistics


def test_every_recorded_step_of_a_real_game_is_an_outcome(pong_data, pong_statistics):
    for rows in pong_data.episodes:
        frames = pong_data.features[rows]
        for i in set(range(F.NUM_FEATURES)) - set(SCORES):
            moved = np.isin(frames[1:, i] - frames[:-1, i], pong_statistics.moves[i])
            landed = np.isin(frames[1:, i], pong_statistics.landings[i])
            assert (moved | landed).all(), F.FEATURE_NAMES[i]
            if i in COORDINATES:
                assert max(np.abs(pong_statistics.moves[i])) <= LARGEST_MOVE


class TestWidened:
    """For a model that is fitted to random play: what it has not seen yet must be within its reach."""

    def test_what_moves_may_move_by_every_pixel_and_what_stands_still_stands(self, frames):
        wide = FeatureStatistics.fit(*frames).widened()
        assert wide.moves[F.BALL_X] == tuple(range(-LARGEST_MOVE, LARGEST_MOVE + 1))
        assert wide.moves[F.PLAYER_X] == (0,)

    def test_flags_take_every_value_that_they_can_have(self, frames):
        assert FeatureStatistics.fit(*frames).landings[F.SCORE_PLAYER] == (0,)
        wide = FeatureStatistics.fit(*frames).widened()
        assert wide.landings[F.SCORE_PLAYER] == (0, 1)
        assert wide.landings[F.BALL_Y_DIRECTION] == (-1, 0, 1)
        assert all(wide.landings[i] == () for i in SCORES)

    def test_landings_close_together_are_filled_in(self, frames):
        fitted = FeatureStatistics.fit(*frames)
        landings = list(fitted.landings)
        landings[F.ENEMY_Y], landings[F.BALL_Y] = (109.0, 112.0), (10.0, 200.0)
        wide = dataclasses.replace(fitted, landings=tuple(landings)).widened()
        assert wide.landings[F.ENEMY_Y] == (109, 110, 111, 112)
        assert wide.landings[F.BALL_Y] == (10, 200)

    def test_it_contains_all_that_was_seen_and_scales_nothing_anew(self, frames):
        fitted = FeatureStatistics.fit(*frames)
        wide = fitted.widened()
        for i in range(F.NUM_FEATURES):
            assert set(fitted.moves[i]) <= set(wide.moves[i])
            assert set(fitted.landings[i]) <= set(wide.landings[i])
        assert (wide.mean, wide.std, wide.low, wide.high) == (fitted.mean, fitted.std, fitted.low, fitted.high)
        assert wide.paddle == fitted.paddle
        assert wide.widened() == wide


def test_blocks_change_nothing(pong_data, monkeypatch):
    data = pong_data.features, pong_data.action, pong_data.is_first
    whole = FeatureStatistics.fit(*data)
    for rows in (17, 100):
        monkeypatch.setattr("rssm.data.blocks.BLOCK", rows)
        part = FeatureStatistics.fit(*data)
        assert dataclasses.replace(part, paddle=whole.paddle) == whole  # every digit
        assert part.paddle.share == pytest.approx(whole.paddle.share, rel=1e-9)
        assert part.paddle.pull == pytest.approx(whole.paddle.pull, rel=1e-9)


def test_data_need_not_fit_into_memory(tmp_path, monkeypatch):
    """8 MB in a file, fitted with a fraction of them in memory."""
    monkeypatch.setattr("rssm.data.blocks.BLOCK", 2**10)
    rows = 150_000
    frames = np.lib.format.open_memmap(tmp_path / "f.npy", "w+", np.float32, (rows, F.NUM_FEATURES))
    frames[:, F.PLAYER_Y] = np.arange(rows) % 150
    frames[:, F.BALL_X] = np.arange(rows) % 100
    action, is_first = np.zeros(rows, np.uint8), np.arange(rows) % 1000 == 0
    tracemalloc.start()
    fitted = FeatureStatistics.fit(frames, action, is_first)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < frames.nbytes / 10
    assert fitted.mean[F.BALL_X] == pytest.approx(49.5)
