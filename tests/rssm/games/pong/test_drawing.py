import numpy as np
import pytest
from PIL import Image

from rssm.config import HORIZON, EnvConfig
from rssm.games.pong import features as F
from rssm.games.pong.drawing import (
    ENEMY_COLOUR,
    FIELD_BOTTOM,
    FIELD_COLOUR,
    FIELD_TOP,
    GHOST_COLOUR,
    HEIGHT,
    IMAGINED_COLOUR,
    PLAYER_COLOUR,
    WHITE_COLOUR,
    WIDTH,
    draw_frame,
    side_by_side_gif,
)
from rssm.games.pong.env import make_env
from rssm.games.pong.features import NUM_ACTIONS, NUM_FEATURES

#: where the animation's pictures begin: below the head, and right of the real game and the gap
HEAD, IMAGINED_LEFT = 50, 2 * WIDTH + 12


def make_frame(**values):
    """A frame with a ball in play, far from everything else."""
    base = {
        "player_x": 140,
        "player_y": 100,
        "enemy_x": 16,
        "enemy_y": 60,
        "ball_spawned": 1,
        "ball_x": 80,
        "ball_y": 90,
    }
    frame = np.zeros(NUM_FEATURES, np.float32)
    for name, value in (base | values).items():
        frame[F.FEATURE_NAMES.index(name)] = value
    return frame


def boxes(picture, colour, top=FIELD_TOP, bottom=FIELD_BOTTOM, scale=1):
    """(left, top, right, bottom), inclusive, around a colour in the rows of the field; None where it is not seen."""
    rows, columns = np.nonzero((np.asarray(picture)[top * scale : bottom * scale] == colour).all(axis=-1))
    if len(rows) == 0:
        return None
    return columns.min(), rows.min() + top * scale, columns.max(), rows.max() + top * scale


def read_gif(path):
    with Image.open(path) as gif:
        frames = []
        for index in range(gif.n_frames):
            gif.seek(index)
            frames.append(np.asarray(gif.convert("RGB")))
        return frames


def local_palettes(path):
    """How many of a GIF's frames bring a palette of their own, and how many frames there are."""
    data = path.read_bytes()
    at, found, frames = 13 + 3 * 2 ** ((data[10] & 7) + 1), 0, 0
    assert data[10] & 0x80  # a global palette
    while data[at] != 0x3B:
        if data[at] == 0x21:
            at += 2
        else:
            frames += 1
            flags = data[at + 9]
            found += flags >> 7
            at += 11 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
        while data[at]:
            at += 1 + data[at]
        at += 1
    return found, frames


def test_everything_stands_where_the_frame_says():
    picture = draw_frame(make_frame())
    assert picture.size == (WIDTH, HEIGHT)
    assert boxes(picture, WHITE_COLOUR) == (80, 90, 81, 93)
    assert boxes(picture, PLAYER_COLOUR) == (140, 100, 143, 115)
    assert boxes(picture, ENEMY_COLOUR) == (16, 60, 19, 75)
    pixels = np.asarray(picture)
    assert (pixels[24:34] == WHITE_COLOUR).all()
    assert (pixels[194:] == WHITE_COLOUR).all()


def test_a_picture_has_the_asked_size_and_shows_parts_of_a_screen_pixel():
    picture = draw_frame(make_frame(ball_x=80.25, ball_y=89.5), scale=4)
    assert picture.size == (4 * WIDTH, 4 * HEIGHT)
    assert boxes(picture, WHITE_COLOUR, scale=4) == (321, 358, 328, 373)


def test_a_ball_that_is_not_in_play_is_not_drawn():
    assert boxes(draw_frame(make_frame(ball_spawned=0.4)), WHITE_COLOUR) is None
    assert boxes(draw_frame(make_frame(ball_spawned=0.6)), WHITE_COLOUR) is not None


def test_what_is_off_the_screen_or_no_number_is_not_seen():
    picture = draw_frame(make_frame(player_y=1e9, enemy_y=-1e9, ball_x=np.nan, player_score=np.nan, enemy_score=-3))
    pixels = np.asarray(picture)
    assert (pixels[FIELD_TOP:FIELD_BOTTOM] == FIELD_COLOUR).all()
    assert boxes(picture, PLAYER_COLOUR, 0, 24) is None
    assert boxes(draw_frame(make_frame(ball_x=np.inf)), WHITE_COLOUR) is None
    partly = draw_frame(make_frame(ball_x=159, ball_y=-2 + FIELD_TOP))
    assert boxes(partly, WHITE_COLOUR) == (159, FIELD_TOP, 159, FIELD_TOP + 1)
    assert boxes(draw_frame(make_frame(ball_x=-1)), WHITE_COLOUR) == (0, 90, 0, 93)


def test_the_pictures_are_the_console_s():
    """Every pixel of the field, over a real game's first points; the console draws in pairs of rows, so give it one."""
    game = make_env(EnvConfig(), "rgb_array")
    observation, _ = game.reset(seed=3)
    rng = np.random.default_rng(0)
    points = 0
    for step in range(600):
        frame = observation[3::4]
        picture, screen = np.asarray(draw_frame(frame)).astype(int), game.render().astype(int)
        rows = slice(FIELD_TOP + 1, FIELD_BOTTOM - 1)
        shifted = [screen[rows.start + by : rows.stop + by] for by in (-1, 0, 1)]
        same = np.any([(picture[rows] == there).all(axis=-1) for there in shifted], axis=0)
        assert same.all(), step
        if frame[F.SCORE_ENEMY] + frame[F.SCORE_PLAYER] == 0:  # the console shows a point one frame late
            assert (picture[1 : FIELD_TOP - 2] == screen[1 : FIELD_TOP - 2]).all(), step
        else:
            points += 1
        observation, *_ = game.step(int(rng.integers(NUM_ACTIONS)))
    assert points >= 3


@pytest.mark.parametrize(("score", "left", "right"), [(0, 36, 47), (7, 36, 47), (10, 24, 47), (21, 20, 43)])
def test_scores_stand_right_aligned(score, left, right):
    enemy = boxes(draw_frame(make_frame(enemy_score=score)), ENEMY_COLOUR, 0, 24)
    player = boxes(draw_frame(make_frame(player_score=score)), PLAYER_COLOUR, 0, 24)
    assert enemy == (left, 1, right, 20)
    assert player == (left + 80, 1, right + 80, 20)


def test_an_imagined_frame_is_blue_and_the_real_things_are_outlined_around_it():
    real, imagined = make_frame(), make_frame(ball_x=100, player_y=100)
    picture = draw_frame(imagined, 2, ghost=real)
    pixels = np.asarray(picture)
    assert boxes(picture, FIELD_COLOUR, 0, HEIGHT, scale=2) is None
    assert tuple(pixels[-200, 160]) == IMAGINED_COLOUR
    assert boxes(picture, WHITE_COLOUR, scale=2) == (200, 180, 203, 187)
    ball = pixels[170:200, 150:180]
    outline = np.argwhere((ball == GHOST_COLOUR).all(axis=-1)) + np.array([170, 150])
    assert outline.min(axis=0).tolist() == [179, 159]
    assert outline.max(axis=0).tolist() == [188, 164]
    assert (pixels[180:188, 160:164] == IMAGINED_COLOUR).all()  # hollow
    assert (pixels[200:232, 280:288] == PLAYER_COLOUR).all()  # a right prediction covers it, but for the rim
    assert tuple(pixels[199, 280]) == GHOST_COLOUR


def test_a_real_ball_that_is_not_in_play_has_no_outline():
    picture = draw_frame(make_frame(), 2, ghost=make_frame(ball_spawned=0))
    assert not (np.asarray(picture)[170:200, 150:180] == GHOST_COLOUR).all(axis=-1).any()


@pytest.fixture
def flight():
    """A flight of 60 real frames and what is imagined: a ball that falls behind by a pixel with every step."""
    real = np.stack([make_frame(ball_x=40 + step, ball_y=60 + step, player_y=50 + step) for step in range(60)])
    imagined = real.copy()
    imagined[:, F.BALL_X] -= np.arange(60) % HORIZON
    return real, imagined


def test_the_animation_shows_both_games_side_by_side(tmp_path, flight):
    real, imagined = flight
    side_by_side_gif(tmp_path / "a.gif", real, imagined)
    frames = read_gif(tmp_path / "a.gif")
    assert len(frames) == 60
    for step in range(0, 60, 7):
        left = frames[step][HEAD:, : 2 * WIDTH]
        right = frames[step][HEAD:, IMAGINED_LEFT:]
        np.testing.assert_array_equal(left, np.asarray(draw_frame(real[step], 2)))
        np.testing.assert_array_equal(right, np.asarray(draw_frame(imagined[step], 2, ghost=real[step])))


def test_the_head_counts_the_steps_since_the_real_game_was_seen(tmp_path, flight):
    side_by_side_gif(tmp_path / "a.gif", *flight)
    lit = [
        int((frame[14, IMAGINED_LEFT:] == GHOST_COLOUR).all(axis=-1).sum()) for frame in read_gif(tmp_path / "a.gif")
    ]
    assert lit == [14 * (step % HORIZON + 1) for step in range(60)]


def test_the_head_shows_the_error_of_the_frame(tmp_path, flight):
    """Frames of the same error and k show the same text; another error shows another."""
    real, imagined = flight
    imagined[6] += 1.0
    side_by_side_gif(tmp_path / "a.gif", real, imagined)
    heads = [frame[24 : HEAD - 4, IMAGINED_LEFT:] for frame in read_gif(tmp_path / "a.gif")]
    np.testing.assert_array_equal(heads[0], heads[12])
    np.testing.assert_array_equal(heads[5], heads[11])
    assert (heads[0] != heads[6]).any()
    assert (heads[4] != heads[5]).any()


def test_the_animation_is_small_and_its_frames_share_a_palette(tmp_path, flight):
    path = tmp_path / "media" / "a.gif"
    side_by_side_gif(path, *flight)
    assert path.stat().st_size < 100_000
    assert local_palettes(path) == (0, 60)
    assert [p.name for p in path.parent.iterdir()] == ["a.gif"]


def test_a_single_frame_is_an_animation_too(tmp_path, flight):
    side_by_side_gif(tmp_path / "a.gif", flight[0][:1], flight[1][:1])
    assert len(read_gif(tmp_path / "a.gif")) == 1


@pytest.mark.parametrize("shapes", [((3, 14), (4, 14)), ((0, 14), (0, 14)), ((14,), (14,))])
def test_games_of_unequal_shape_are_refused(tmp_path, shapes):
    with pytest.raises(ValueError, match=r"expected two arrays \(T, 14\)"):
        side_by_side_gif(tmp_path / "a.gif", np.zeros(shapes[0], np.float32), np.zeros(shapes[1], np.float32))
    assert not list(tmp_path.iterdir())
