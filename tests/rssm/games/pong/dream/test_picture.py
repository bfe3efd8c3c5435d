from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageSequence

from rssm.games.pong.drawing import GHOST_COLOUR
from rssm.games.pong.dream.picture import FOOT, HEAD, draw_view, error_text, save_gif, status, title

BLUE, BROWN = (28, 38, 84), (144, 72, 17)


@pytest.fixture
def view(session):
    return replace(session.step(), error=10.0)


def test_the_game_is_below_its_head_blue_where_it_is_dreamt_and_brown_where_it_is_real(view):
    for dream, colour in ((True, BLUE), (False, BROWN)):
        picture = draw_view(replace(view, dream=dream), 2)
        assert picture.size == (320, (HEAD + 210 + FOOT) * 2)
        assert picture.getpixel((160, 2 * (HEAD + 40))) == colour


def test_the_bar_is_as_long_as_the_error_and_empty_without_one(view):
    def yellow(error):
        return int((np.asarray(draw_view(replace(view, error=error), 2)) == GHOST_COLOUR).all(-1).any(0).sum())

    lengths = [yellow(error) for error in (10.0, 20.0, 40.0, 400.0)]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=4)
    assert lengths[2] == lengths[3] == pytest.approx(4 * lengths[0], abs=6)
    assert yellow(None) == 0


def test_the_ghost_is_outlined(view):
    ghost = view.frame.copy()
    ghost[1] += 30
    without, beside = (np.asarray(draw_view(replace(view, ghost=g, error=None), 2)) for g in (None, ghost))
    assert (beside == GHOST_COLOUR).all(-1).sum() > (without == GHOST_COLOUR).all(-1).sum() == 0


def test_what_is_said(view):
    quiet = replace(view, message="", since=4, resync=15)
    assert status(quiet) == "dream step 4 of 15 since the real game"
    assert status(replace(quiet, resync=None)) == "dream step 4 since the real game"
    assert status(replace(quiet, message="hello")) == "hello"
    assert title(view) == "DREAM"
    assert title(replace(view, dream=False, paused=True, recording=True)) == "REAL GAME PAUSED REC"
    assert error_text(replace(view, error=3.2)) == "off by 3 px"
    assert error_text(replace(view, error=None)) == "the real game is over"


def test_a_recording_is_a_gif_at_the_speed_of_play(session, tmp_path):
    path = tmp_path / "new" / "dream.gif"
    save_gif(path, [session.step() for _ in range(4)])
    with Image.open(path) as gif:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert gif.size == (320, (HEAD + 210 + FOOT) * 2)
    assert len(durations) == 4
    assert sum(durations) == pytest.approx(4 / 15 * 1000, abs=30)
    with pytest.raises(ValueError, match="at least one picture"):
        save_gif(path, [])
