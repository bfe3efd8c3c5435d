"""Pictures as an animation, at the speed that the game is played at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from rssm.arrays import FloatArray
from rssm.games.pong.drawing import draw_frame
from rssm.storage.files import replace_file

#: agent steps a second
STEPS_PER_SECOND = 15
_COLOURS = 64


def write_gif(path: Path, pictures: Sequence[Image.Image]) -> None:
    """Write RGB pictures, one per agent step, as a GIF that repeats; atomically.

    Raises:
        ValueError: there is no picture.
    """
    if not pictures:
        raise ValueError("write_gif: expected at least one picture")
    frames = [picture.quantize(_COLOURS, dither=Image.Dither.NONE) for picture in pictures]
    settings = {"save_all": True, "append_images": frames[1:], "duration": 1000 // STEPS_PER_SECOND, "loop": 0}
    replace_file(path, lambda temporary: frames[0].save(temporary, "GIF", **settings))


def game_gif(path: Path, frames: FloatArray, scale: int = 2) -> None:
    """Write frames (T, 14) of a real game as a GIF.

    Raises:
        ValueError: there is no frame.
    """
    write_gif(path, [draw_frame(frame, scale) for frame in frames])
