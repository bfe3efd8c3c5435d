import numpy as np
import pytest

from rssm.arrays import FloatArray
from rssm.data.dataset import Dataset
from rssm.evaluation.windows import recorded_windows, window_starts
from rssm.games.pong.events import EVENTS, START_STEPS, label_windows
from rssm.games.pong.features import (
    BALL_SPAWNED,
    BALL_X_DIRECTION,
    BALL_Y_DIRECTION,
    NUM_FEATURES,
    SCORE_ENEMY,
    SCORE_PLAYER,
)
from rssm.games.pong.game import PONG


def flight(x: int = 1, y: int = 1) -> FloatArray:
    """The seven frames of a window in which a ball flies on."""
    frames = np.zeros((7, NUM_FEATURES), np.float32)
    frames[:, BALL_SPAWNED] = 1
    frames[:, BALL_X_DIRECTION], frames[:, BALL_Y_DIRECTION] = x, y
    return frames


def remove_ball(frames: FloatArray, rows: slice) -> None:
    frames[rows, BALL_SPAWNED] = frames[rows, BALL_X_DIRECTION] = frames[rows, BALL_Y_DIRECTION] = 0


def label(frames: FloatArray, start: int = START_STEPS) -> str:
    return EVENTS[label_windows(frames[None], np.array([start]))[0]]


def test_free_flight() -> None:
    assert label(flight()) == "free_flight"


@pytest.mark.parametrize("turn", [1, 3, 6])
def test_the_ball_turns_at_a_paddle_or_a_wall_anywhere_in_the_window(turn: int) -> None:
    ours, enemys, wall = flight(x=1), flight(x=-1), flight(y=1)
    ours[turn:, BALL_X_DIRECTION] = -1
    enemys[turn:, BALL_X_DIRECTION] = 1
    wall[turn:, BALL_Y_DIRECTION] = -1
    assert (label(ours), label(enemys), label(wall)) == ("player_hit", "enemy_hit", "wall_bounce")


@pytest.mark.parametrize("flag", [SCORE_PLAYER, SCORE_ENEMY])
def test_a_goal_is_one_only_after_the_windows_start(flag: int) -> None:
    frames = flight()
    remove_ball(frames, slice(4, None))
    frames[4, flag] = 1
    assert label(frames) == "goal"
    scored_before = flight()
    remove_ball(scored_before, slice(None))
    scored_before[0, flag] = 1
    assert label(scored_before) == "waiting"


def test_serve_and_waiting() -> None:
    frames = flight(x=-1)
    remove_ball(frames, slice(0, 5))
    assert label(frames) == "serve"
    remove_ball(frames, slice(None))
    assert label(frames) == "waiting"


def test_a_served_ball_has_not_bounced() -> None:
    """Directions are 0 while no ball is in play: from 0 to something is no turn, nor is from the last ball's."""
    frames = flight(x=-1, y=-1)
    frames[:2, BALL_X_DIRECTION] = frames[:2, BALL_Y_DIRECTION] = 1
    remove_ball(frames, slice(2, 4))
    assert label(frames) == "serve"


def test_precedence() -> None:
    """Add events from the last to the first in rank: each takes over from those before."""
    frames = flight(x=0, y=1)
    remove_ball(frames, slice(0, 1))
    frames[0, BALL_SPAWNED] = 1
    assert label(frames) == "free_flight"
    remove_ball(frames, slice(6, 7))
    assert label(frames) == "waiting"
    frames[2:6, BALL_Y_DIRECTION] = -1
    assert label(frames) == "wall_bounce"
    frames[1:3, BALL_X_DIRECTION], frames[3:6, BALL_X_DIRECTION] = -1, 1
    assert label(frames) == "enemy_hit"
    frames[4:6, BALL_X_DIRECTION] = -1
    assert label(frames) == "player_hit"
    remove_ball(frames, slice(0, 1))
    assert label(frames) == "serve"
    frames[6, SCORE_ENEMY] = 1
    assert label(frames) == "goal"
    assert label(frames, start=START_STEPS - 1) == "start"


def test_a_whole_game_has_every_event(whole_game: Dataset) -> None:
    episode = whole_game.episode(0)
    starts = window_starts(len(episode))
    windows = recorded_windows(PONG, 0, episode.features, episode.action.astype(np.int64), starts)
    counts = dict(zip(EVENTS, np.bincount(windows.events, minlength=len(EVENTS)), strict=True))
    assert all(count > 0 for count in counts.values()), counts
    assert counts["start"] == 7  # starts 0, 6, …, 36
    # Goals are many steps apart, so each is in one window; the first and last few rows may hide one.
    goals = episode.features[:, [SCORE_PLAYER, SCORE_ENEMY]].sum()
    assert goals - 2 <= counts["goal"] <= goals
