"""The features against hand-made memory, and against what the screen of real games shows."""

import numpy as np

from rssm.data.frames import first_stack, push_frame, stack_episode, to_observation, to_stack
from rssm.games.pong.env import PongFeatures
from rssm.games.pong.features import (
    BALL_SPAWNED,
    BALL_X,
    BALL_X_DIRECTION,
    BALL_Y,
    ENEMY_X,
    ENEMY_Y,
    FEATURE_NAMES,
    PLAYER_X,
    PLAYER_Y,
    ram_to_frame,
)
from rssm.games.pong.player import Player
from rssm.games.pong.players import make_policy

PLAYER_COLOUR, ENEMY_COLOUR, BALL_COLOUR = (92, 186, 92), (213, 130, 74), (236, 236, 236)
FIELD = slice(34, 194)  # the rows of the screen between the two walls


def ram(**changed: int) -> np.ndarray:
    """Memory with a ball in play, flying left and down; keys like b49 set a byte."""
    memory = np.zeros(128, np.uint8)
    memory[[13, 14, 49, 50, 51, 54, 56, 58]] = 3, 5, 109, 65, 73, 94, 2, 1
    for byte, value in changed.items():
        memory[int(byte[1:])] = value
    return memory


def frame_of(**values: float) -> np.ndarray:
    """The frame of the memory above, with single features changed."""
    frame = dict.fromkeys(FEATURE_NAMES, 0.0)
    frame |= {"player_x": 140, "player_y": 60, "enemy_x": 16, "enemy_y": 50, "ball_x": 60, "ball_y": 80}
    frame |= {"ball_x_direction": -1, "ball_y_direction": 1, "ball_spawned": 1, "ball_in_bounds": 1}
    frame |= {"enemy_score": 3, "player_score": 5}
    return np.array(list((frame | values).values()), np.float32)


def test_a_ball_in_play() -> None:
    np.testing.assert_array_equal(ram_to_frame(ram(), (3, 5)), frame_of())


def test_speeds_are_signed_bytes() -> None:
    frame = ram_to_frame(ram(b56=254, b58=255), (3, 5))
    np.testing.assert_array_equal(frame, frame_of(ball_x_direction=1, ball_y_direction=-1))
    np.testing.assert_array_equal(ram_to_frame(ram(b56=0), (3, 5)), frame_of(ball_y_direction=0))


def test_no_ball_is_shown_at_the_serve_point_at_rest() -> None:
    none = frame_of(ball_x_direction=0, ball_y_direction=0, ball_spawned=0, ball_in_bounds=0, ball_x=78, ball_y=115)
    np.testing.assert_array_equal(ram_to_frame(ram(b54=0), (3, 5)), none)


def test_bounds_end_at_the_paddles() -> None:
    for ball_x, inside in ((15, 0), (16, 1), (143, 1), (144, 0)):
        frame = ram_to_frame(ram(b49=ball_x + 49), (3, 5))
        np.testing.assert_array_equal(frame, frame_of(ball_x=ball_x, ball_in_bounds=inside))


def test_score_events_are_changes() -> None:
    np.testing.assert_array_equal(ram_to_frame(ram(), (2, 5)), frame_of(score_enemy=1))
    np.testing.assert_array_equal(ram_to_frame(ram(), (3, 4)), frame_of(score_player=1))
    np.testing.assert_array_equal(ram_to_frame(ram(), None), frame_of())


def test_paddles_above_the_screen_are_negative() -> None:
    np.testing.assert_array_equal(ram_to_frame(ram(b50=0, b51=0), (3, 5)), frame_of(enemy_y=-15, player_y=-13))


def test_a_stack_has_the_oldest_frame_first_and_is_shown_interleaved() -> None:
    frames = np.arange(6 * 14, dtype=np.float32).reshape(6, 14)
    stack = first_stack(frames[0])
    assert stack.shape == (14, 4)
    for feature in range(14):
        assert stack[feature].tolist() == [frames[0, feature]] * 4
    for step in range(1, 6):
        stack = push_frame(stack, frames[step])
        for feature in range(14):
            past = [frames[max(step - 3 + age, 0), feature] for age in range(4)]
            assert to_observation(stack)[feature * 4 : feature * 4 + 4].tolist() == past
        np.testing.assert_array_equal(stack[..., -1], frames[step])
        np.testing.assert_array_equal(to_stack(to_observation(stack), 4), stack)


def test_stack_episode_is_every_push() -> None:
    frames = np.random.default_rng(0).normal(size=(9, 14)).astype(np.float32)
    stack = first_stack(frames[0])
    expected = [stack] + [stack := push_frame(stack, frame) for frame in frames[1:]]
    np.testing.assert_array_equal(stack_episode(frames), expected)


def box(screen: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """Left, right, top, bottom (both past the end) of everything of one colour in the field, or None."""
    red, green, blue = (screen[FIELD, :, channel] == value for channel, value in enumerate(colour))
    rows, columns = np.nonzero(red & green & blue)
    if not len(rows):
        return None
    top = FIELD.start
    return int(columns.min()), int(columns.max()) + 1, int(rows.min()) + top, int(rows.max()) + 1 + top


def visible(x: float, y: float, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The same for a rectangle whose rows are cut to the field."""
    top, bottom = max(int(y), FIELD.start), min(int(y) + height, FIELD.stop)
    return (int(x), int(x) + width, top, bottom) if top < bottom else None


def test_real_games_on_the_screen() -> None:
    env, policy, rng = PongFeatures(render_mode="rgb_array"), make_policy(Player("tracking")), np.random.default_rng(0)
    _, info = env.reset(seed=0)
    balls = exact_balls = moves = enemies = 0
    before = info["frame"]
    for _ in range(4_000):
        _, _, terminated, _, info = env.step(policy(info["frame"], rng))
        frame, screen = info["frame"], env.render()
        assert screen is not None

        # Our paddle is drawn on even rows only, so an odd position shows one row higher.
        drawn_y = frame[PLAYER_Y] - frame[PLAYER_Y] % 2
        assert box(screen, PLAYER_COLOUR) == visible(frame[PLAYER_X], drawn_y, 4, 16)
        enemy = box(screen, ENEMY_COLOUR)
        assert enemy == visible(frame[ENEMY_X], frame[ENEMY_Y], 4, 16)
        enemies += enemy is not None

        ball = box(screen, BALL_COLOUR)
        # A ball that bounces may lie inside a wall, which has its colour.
        expected = visible(frame[BALL_X], frame[BALL_Y], 2, 4) if frame[BALL_SPAWNED] else None
        assert (ball is None) == (expected is None)
        if ball is not None and expected is not None:
            # Late in a line the console has no time to draw the ball at once: there it may show one row higher.
            assert ball[:2] == expected[:2]
            assert ball[2] - expected[2] in (-1, 0)
            assert ball[3] - expected[3] in (-1, 0)
            balls += 1
            exact_balls += ball == expected
            if before[BALL_SPAWNED] and before[BALL_X_DIRECTION] == frame[BALL_X_DIRECTION]:
                assert np.sign(frame[BALL_X] - before[BALL_X]) == frame[BALL_X_DIRECTION]
                moves += 1
        before = frame
        if terminated:
            _, info = env.reset()
            before = info["frame"]
    assert enemies > 3_000
    assert balls > 2_500
    assert moves > 2_000
    assert exact_balls > 0.85 * balls
