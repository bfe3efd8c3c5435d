"""The players."""

from itertools import groupby

import numpy as np

from rssm.games.pong.features import ACTION_NAMES, BALL_SPAWNED, BALL_X_DIRECTION, BALL_Y, NUM_FEATURES, PLAYER_Y
from rssm.games.pong.player import parse_player
from rssm.games.pong.players import follow_ball, make_policy

NOOP, UP, DOWN = (ACTION_NAMES.index(name) for name in ("NOOP", "RIGHT", "LEFT"))


def frame(player_y: float, ball_y: float, spawned: float = 1.0, direction: float = 0.0) -> np.ndarray:
    values = np.zeros(NUM_FEATURES, np.float32)
    values[PLAYER_Y], values[BALL_Y], values[BALL_SPAWNED], values[BALL_X_DIRECTION] = (
        player_y,
        ball_y,
        spawned,
        direction,
    )
    return values


def actions(text: str, frames: list[np.ndarray], seed: int = 0) -> list[int]:
    act, rng = make_policy(parse_player(text)), np.random.default_rng(seed)
    return [act(one, rng) for one in frames]


def test_follows_the_ball_with_the_paddle_s_centre() -> None:
    def choice(player_y: float, ball_y: float) -> str:
        return ACTION_NAMES[follow_ball(frame(player_y, ball_y))]

    assert choice(100, 50) == "RIGHT"  # up
    assert choice(100, 150) == "LEFT"  # down
    assert choice(100, 106) == "NOOP"  # both centres at 108
    assert [choice(100, ball_y) for ball_y in (101, 102, 110, 111)] == ["RIGHT", "NOOP", "NOOP", "LEFT"]


def test_random_play_is_uniform() -> None:
    counts = np.bincount(actions("random", [frame(0, 0)] * 6_000), minlength=6)
    assert counts.min() > 900
    assert counts.max() < 1_100


def test_epsilon_is_the_chance_of_a_random_action() -> None:
    for epsilon in (0.0, 0.5, 1.0):
        followed = np.mean(np.array(actions(f"tracking epsilon={epsilon}", [frame(100, 50)] * 6_000)) == UP)
        assert abs(followed - (1 - epsilon + epsilon / 6)) < 0.02


def test_a_player_that_rests_does_nothing_while_no_ball_is_in_play() -> None:
    frames = [frame(100, 50, spawned=1.0)] * 200 + [frame(100, 115, spawned=0.0)] * 200
    played = actions("tracking rest", frames)
    assert len(set(played[:200])) == 6
    assert set(played[200:]) == {NOOP}


def test_a_late_player_does_what_it_would_have_done_some_steps_ago() -> None:
    rng = np.random.default_rng(1)
    frames = [frame(100, ball_y) for ball_y in rng.integers(0, 200, 50)]
    prompt = actions("tracking epsilon=0", frames)
    assert actions("tracking epsilon=0 lag=3", frames) == [prompt[0]] * 3 + prompt[:-3]


def test_held_actions_come_in_stretches_of_the_mean_length() -> None:
    stretches = [len(list(same)) for _, same in groupby(actions("random hold=6", [frame(0, 0)] * 12_000))]
    # a sixth of the draws repeats the action before: 6 / (1 - 1/6)
    assert abs(np.mean(stretches) - 7.2) < 0.3
    assert min(stretches) == 1


def test_the_dead_zone_is_where_a_player_stands_still() -> None:
    balls = [frame(100, 106 + off) for off in (-13, -12, 0, 12, 13)]
    assert actions("tracking epsilon=0 dead_zone=12", balls) == [UP, NOOP, NOOP, NOOP, DOWN]


def test_a_player_that_aims_meets_each_approaching_ball_elsewhere() -> None:
    aims = []
    for seed in range(40):
        act, rng = make_policy(parse_player("tracking epsilon=0 aim=10 dead_zone=0")), np.random.default_rng(seed)
        for _ in range(2):  # two approaches
            act(frame(100, 106, direction=-1.0), rng)
            heights = [y for y in np.arange(85, 128, 0.5) if act(frame(100, y, direction=1.0), rng) == DOWN]
            aims.append(min(heights) - 106)  # the highest ball that is still below the point of contact
    assert -10 <= min(aims) < -7
    assert 7 < max(aims) <= 10.5
    assert len({round(2 * aim) for aim in aims}) > 15
    assert sum(one != other for one, other in zip(aims[::2], aims[1::2], strict=True)) > 30


def test_sweeping_goes_up_and_down_whatever_the_ball_does() -> None:
    rng = np.random.default_rng(3)
    played = actions("sweeping", [frame(100, y) for y in rng.integers(0, 200, 2_000)])
    stretches = [(action, len(list(same))) for action, same in groupby(played)]
    assert {action for action, _ in stretches} == {UP, DOWN}
    lengths = [length for _, length in stretches[:-1]]
    assert (min(lengths), max(lengths)) == (4, 24)
    assert played == actions("sweeping", [frame(100, 50)] * 2_000)


def test_a_player_is_new_in_every_game_and_fixed_by_its_generator() -> None:
    frames = [frame(100, y) for y in np.random.default_rng(4).integers(0, 200, 300)]
    for text in ("tracking lag=2 hold=3 rest aim=5", "random hold=4", "sweeping epsilon=0.2"):
        assert actions(text, frames, seed=7) == actions(text, frames, seed=7)
        assert actions(text, frames, seed=7) != actions(text, frames, seed=8)
