"""The players."""

import numpy as np

from rssm.games.pong.features import ACTION_NAMES, BALL_Y, NUM_FEATURES, PLAYER_Y
from rssm.games.pong.players import follow_ball, make_policy


def frame(player_y: float, ball_y: float) -> np.ndarray:
    values = np.zeros(NUM_FEATURES, np.float32)
    values[PLAYER_Y], values[BALL_Y] = player_y, ball_y
    return values


def test_follows_the_ball_with_the_paddle_s_centre() -> None:
    def choice(player_y: float, ball_y: float) -> str:
        return ACTION_NAMES[follow_ball(frame(player_y, ball_y))]

    assert choice(100, 50) == "RIGHT"  # up
    assert choice(100, 150) == "LEFT"  # down
    assert choice(100, 106) == "NOOP"  # both centres at 108
    assert [choice(100, ball_y) for ball_y in (101, 102, 110, 111)] == ["RIGHT", "NOOP", "NOOP", "LEFT"]


def test_random_play_is_uniform() -> None:
    act, rng = make_policy("random", 0.0), np.random.default_rng(0)
    counts = np.bincount([act(frame(0, 0), rng) for _ in range(6_000)], minlength=6)
    assert counts.min() > 900
    assert counts.max() < 1_100


def test_epsilon_is_the_chance_of_a_random_action() -> None:
    for epsilon in (0.0, 0.5, 1.0):
        act, rng = make_policy("tracking", epsilon), np.random.default_rng(0)
        followed = np.mean([act(frame(100, 50), rng) == 2 for _ in range(6_000)])
        assert abs(followed - (1 - epsilon + epsilon / 6)) < 0.02
