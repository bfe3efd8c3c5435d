import numpy as np
import pytest
from PIL import Image, ImageSequence

from rssm.games.pong.animation import game_gif, write_gif


def test_a_game_runs_at_the_console_s_speed(pong_data, tmp_path):
    path = tmp_path / "game.gif"
    frames = pong_data.episode(4).features[100:130]  # something moves in all of these
    game_gif(path, frames)
    with Image.open(path) as gif:
        pictures = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
        duration = sum(frame.info["duration"] for frame in ImageSequence.Iterator(gif))
    assert duration == pytest.approx(30 / 15 * 1000, rel=0.1)
    green = (pictures[0] == (92, 186, 92)).all(-1)
    assert green[int(frames[0, 1]) * 2 + 4, 282]


def test_no_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one picture"):
        write_gif(tmp_path / "x.gif", [])
