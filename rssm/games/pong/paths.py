"""The paths of ball and paddles through a window, real and imagined over each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rssm.arrays import FloatArray
from rssm.games.pong import features as F
from rssm.games.pong.drawing import (
    BALL_SIZE,
    FIELD_BOTTOM,
    FIELD_TOP,
    GHOST_COLOUR,
    PADDLE_SIZE,
    WIDTH,
    WRONG_COLOUR,
)
from rssm.storage.files import replace_file

_SCALE, _COLUMNS, _GAP, _HEAD = 2, 3, 10, 20  # of the picture, in its own pixels
_GROUND, _FIELD, _TEXT = (17, 19, 24), (52, 56, 66), (236, 238, 242)
#: what moves: where its centre is, from x and y of its left upper corner
_THINGS = (
    (F.BALL_X, F.BALL_Y, BALL_SIZE),
    (F.PLAYER_X, F.PLAYER_Y, PADDLE_SIZE),
    (F.ENEMY_X, F.ENEMY_Y, PADDLE_SIZE),
)
_LEGEND = "real: filled, yellow     imagined: open, blue     ball: circles, paddles: bars; larger is later"


def draw_paths(path: Path, real: FloatArray, imagined: FloatArray, titles: Sequence[str]) -> None:
    """Write a picture of W windows, three beside each other.

    The real path is filled and yellow, the imagined one open and blue, with a line between the two at each step; marks
    grow with the step. A ball that is not in play is not drawn.

    Args:
        path: of the PNG; replaced atomically.
        real: (W, K + 1, 14) frames from a window's start on.
        imagined: (W, K + 1, 14) what was predicted, from the same first frame on.
        titles: (W,) of the windows.

    Raises:
        ValueError: there is no window, or the three do not fit.
    """
    if real.shape != imagined.shape or len(real) == 0 or len(titles) != len(real):
        shapes = f"{real.shape}, {imagined.shape} and {len(titles)} titles"
        raise ValueError(f"draw_paths: expected frames (W, K + 1, 14), as many of both, and W titles, got {shapes}")
    width, height = WIDTH * _SCALE, (FIELD_BOTTOM - FIELD_TOP) * _SCALE
    columns = min(_COLUMNS, len(real))
    rows = math.ceil(len(real) / columns)
    size = columns * (width + _GAP) + _GAP, rows * (height + _HEAD + _GAP) + _GAP + _HEAD
    picture = Image.new("RGB", size, _GROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for window, title in enumerate(titles):
        left = _GAP + window % columns * (width + _GAP)
        top = _GAP + window // columns * (height + _HEAD + _GAP)
        draw.text((left, top), title, _TEXT, font)
        panel = Image.new("RGB", (width, height), _FIELD)
        _draw_window(ImageDraw.Draw(panel), real[window], imagined[window])
        picture.paste(panel, (left, top + _HEAD))
    draw.text((_GAP, size[1] - _HEAD - 2), _LEGEND, _TEXT, font)
    replace_file(path, lambda temporary: picture.save(temporary, "PNG"))


def _draw_window(draw: ImageDraw.ImageDraw, real: FloatArray, imagined: FloatArray) -> None:
    for x, y, (wide, high) in _THINGS:
        ball = x == F.BALL_X
        paths = [
            [_place(frame, x, y, wide, high) if not ball or frame[F.BALL_SPAWNED] > 0.5 else None for frame in frames]
            for frames in (real, imagined)
        ]
        for one, other in zip(*paths, strict=True):
            if one is not None and other is not None:
                draw.line([one, other], _TEXT, 1)
        for path, colour in zip(paths, (GHOST_COLOUR, WRONG_COLOUR), strict=True):
            for before, after in itertools.pairwise(path):
                if before is not None and after is not None:
                    draw.line([before, after], colour, 1)
        for step in range(len(real)):
            # the imagined mark is drawn around the real one, so that both are seen where they agree
            for path, colour, more in ((paths[0], GHOST_COLOUR, 0), (paths[1], WRONG_COLOUR, 2)):
                place = path[step]
                if place is None:
                    continue
                across = 2 + step * 0.4 + more
                down = across if ball else across * 1.6
                box = (place[0] - across, place[1] - down, place[0] + across, place[1] + down)
                mark = draw.ellipse if ball else draw.rectangle
                mark(box, fill=None if more else colour, outline=colour)


def _place(frame: FloatArray, x: int, y: int, wide: int, high: int) -> tuple[float, float] | None:
    """The centre in the picture's pixels; None for what is not finite."""
    place = (float(frame[x]) + wide / 2) * _SCALE, (float(frame[y]) - FIELD_TOP + high / 2) * _SCALE
    return place if np.isfinite(place).all() else None
