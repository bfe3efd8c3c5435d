import numpy as np
import pytest
from PIL import Image

from rssm.games.pong import features as F
from rssm.games.pong.drawing import DREAMT_COLOUR, GHOST_COLOUR, HEIGHT, SEEN_COLOUR, WIDTH, WRONG_COLOUR
from rssm.games.pong.open_loop_gif import open_loop_gif

#: where the third picture begins: behind the rim, two pictures and two gaps, and below the rim and the head
ERROR_LEFT, TOP = 4 + 2 * (WIDTH + 6), 4 + 34


@pytest.fixture
def frames():
    """Eight frames in which the ball flies to the right."""
    frame = np.zeros((8, F.NUM_FEATURES), np.float32)
    frame[:, F.BALL_SPAWNED], frame[:, F.BALL_X], frame[:, F.BALL_Y] = 1, 40 + 8 * np.arange(8), 100
    frame[:, F.PLAYER_X], frame[:, F.PLAYER_Y], frame[:, F.ENEMY_X], frame[:, F.ENEMY_Y] = 140, 60, 16, 60
    return frame


def read(path):
    with Image.open(path) as gif:
        pictures, times = [], []
        for index in range(gif.n_frames):
            gif.seek(index)
            pictures.append(np.asarray(gif.convert("RGB")))
            times.append(gif.info["duration"])
        return pictures, times


def test_the_rim_is_green_while_the_model_observes_and_red_while_it_dreams(frames, tmp_path):
    observed = np.array([True, True, True, False, False, False, True, False])
    imagined = frames + np.arange(8)[:, None] * (np.arange(F.NUM_FEATURES) == F.BALL_X)  # no two pictures are alike
    open_loop_gif(tmp_path / "a.gif", frames, imagined, observed)
    pictures, times = read(tmp_path / "a.gif")
    assert len(pictures) == 8
    for picture, seen in zip(pictures, observed, strict=True):
        colour = SEEN_COLOUR if seen else DREAMT_COLOUR
        rim = [picture[:4], picture[-4:], picture[:, :4], picture[:, -4:]]
        assert all((edge == colour).all() for edge in rim)
    assert [time > times[0] for time in times] == [False, False, True, False, False, True, True, True]


def test_the_third_picture_shows_where_the_two_differ(frames, tmp_path):
    imagined = frames.copy()
    imagined[1, F.BALL_X] += 20
    open_loop_gif(tmp_path / "a.gif", frames[:2], imagined[:2], np.array([False, False]))
    (same, differs), _ = read(tmp_path / "a.gif")

    def where(picture, colour):
        error = picture[TOP : TOP + HEIGHT, ERROR_LEFT : ERROR_LEFT + WIDTH]
        rows, columns = np.nonzero((error == colour).all(axis=-1))
        return (rows.min(), columns.min(), len(rows)) if len(rows) else None

    assert where(same, GHOST_COLOUR) is where(same, WRONG_COLOUR) is None
    assert where(differs, GHOST_COLOUR) == (100, 48, 8)  # a ball of 2 by 4 pixels, really
    assert where(differs, WRONG_COLOUR) == (100, 68, 8)  # and as it was imagined


def test_frames_that_do_not_fit_are_refused(frames, tmp_path):
    for real, imagined, observed in (
        (frames, frames[:4], np.ones(8, bool)),
        (frames[:0], frames[:0], np.ones(0, bool)),
        (frames, frames, np.ones(3, bool)),
    ):
        with pytest.raises(ValueError, match=r"^open_loop_gif: expected frames"):
            open_loop_gif(tmp_path / "a.gif", real, imagined, observed)
    assert not list(tmp_path.iterdir())
