import numpy as np
import pytest
from PIL import Image

from rssm.games.pong import features as F
from rssm.games.pong.drawing import FIELD_TOP, GHOST_COLOUR, WRONG_COLOUR
from rssm.games.pong.paths import draw_paths

#: of a window's picture: its left upper corner, and picture pixels per screen pixel
LEFT, TOP, SCALE = 10, 30, 2


def windows(count=1, **changes):
    frames = np.zeros((count, 7, F.NUM_FEATURES), np.float32)
    frames[..., F.BALL_SPAWNED], frames[..., F.BALL_X], frames[..., F.BALL_Y] = 1, 60 + 5 * np.arange(7), 100
    frames[..., F.PLAYER_X], frames[..., F.PLAYER_Y] = 140, 60
    frames[..., F.ENEMY_X], frames[..., F.ENEMY_Y] = 16, 60
    for name, value in changes.items():
        frames[..., F.FEATURE_NAMES.index(name)] = value
    return frames


def places(path, colour):
    """(x, y) of a colour's pixels in screen pixels of the first window."""
    with Image.open(path) as picture:
        rows, columns = np.nonzero((np.asarray(picture)[TOP : TOP + 320, LEFT : LEFT + 320] == colour).all(axis=-1))
    return {(int(x), int(y)) for x, y in zip(columns // SCALE, rows // SCALE + FIELD_TOP, strict=True)}


def test_both_paths_are_where_things_were(tmp_path):
    real, imagined = windows(), windows(ball_y=130)
    draw_paths(tmp_path / "a.png", real, imagined, ["one"])
    yellow, blue = places(tmp_path / "a.png", GHOST_COLOUR), places(tmp_path / "a.png", WRONG_COLOUR)
    for step in range(7):
        x = 61 + 5 * step  # the ball's centre
        assert (x, 102) in yellow
        assert (x, 102) not in blue
        assert (x, 132) in blue
        assert (x, 132) not in yellow
    assert (142, 68) in yellow  # the paddle's centre
    assert (18, 68) in yellow


def test_no_ball_is_drawn_where_none_is_in_play_or_where_it_is_not_a_number(tmp_path):
    nothing = windows(ball_spawned=0)
    draw_paths(tmp_path / "a.png", nothing, windows(ball_x=np.nan), ["one"])
    drawn = places(tmp_path / "a.png", GHOST_COLOUR) | places(tmp_path / "a.png", WRONG_COLOUR)
    assert drawn
    assert not [x for x, _ in drawn if 30 < x < 130]


def test_windows_stand_beside_and_below_each_other(tmp_path):
    sizes = []
    for count in (1, 3, 4):
        draw_paths(tmp_path / "a.png", windows(count), windows(count), ["a title"] * count)
        with Image.open(tmp_path / "a.png") as picture:
            sizes.append(picture.size)
    assert sizes[0][0] < sizes[1][0] == sizes[2][0]
    assert sizes[0][1] == sizes[1][1] < sizes[2][1]


def test_windows_that_do_not_fit_are_refused(tmp_path):
    for real, imagined, titles in ((windows(2), windows(1), ["a", "b"]), (windows(2), windows(2), ["a"])):
        with pytest.raises(ValueError, match=r"^draw_paths: expected frames"):
            draw_paths(tmp_path / "a.png", real, imagined, titles)
    assert not list(tmp_path.iterdir())
