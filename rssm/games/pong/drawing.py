"""Pictures of the game, drawn from features: a frame, and a real game beside an imagined one.

Other pictures are put together from what is here: canvases of indices into :data:`PALETTE`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from rssm.arrays import FloatArray
from rssm.config import HORIZON
from rssm.games.pong import features as F
from rssm.storage.files import replace_file

#: draws the same in a browser
SKETCH = Path(__file__).with_name("sketch.js")

#: the screen and the things on it, in screen pixels (width, height)
WIDTH, HEIGHT = 160, 210
PADDLE_SIZE, BALL_SIZE = (4, 16), (2, 4)
#: rows between the walls; nothing is seen behind these
FIELD_TOP, FIELD_BOTTOM, WALL_HEIGHT = 34, 194, 10

#: the console's colours; the walls and the ball are white
FIELD_COLOUR, WHITE_COLOUR, PLAYER_COLOUR, ENEMY_COLOUR = (144, 72, 17), (236, 236, 236), (92, 186, 92), (213, 130, 74)
#: the ground of an imagined game, and the outline of where things really are
IMAGINED_COLOUR, GHOST_COLOUR = (28, 38, 84), (255, 222, 60)

_SCALE, _GAP, _HEAD, _MARGIN = 2, 12, 50, 8  # of the animation, in its own pixels
_FRAME_MILLISECONDS, _LAST_MILLISECONDS = 150, 1_000
_HEAD_COLOUR, _TEXT_COLOUR, _TEXT_SHADES = (17, 19, 24), (236, 238, 242), 8

#: what the model is shown, what it dreams, and what is in a dream alone
SEEN_COLOUR, DREAMT_COLOUR, WRONG_COLOUR = (40, 190, 90), (226, 48, 48), (96, 170, 255)

# Everything is drawn as indices into one palette, which all frames of an animation share.
HEAD_GROUND, FIELD, IMAGINED, _WHITE, _PLAYER, _ENEMY, GHOST, _UNCHANGED, _TEXT = range(9)
SEEN, DREAMT, WRONG = range(_TEXT + _TEXT_SHADES, _TEXT + _TEXT_SHADES + 3)
PALETTE = np.array(
    [_HEAD_COLOUR, FIELD_COLOUR, IMAGINED_COLOUR, WHITE_COLOUR, PLAYER_COLOUR, ENEMY_COLOUR, GHOST_COLOUR]
    + [(255, 0, 255)]  # never seen: where a frame of a GIF leaves the one before as it is
    + [np.add(_HEAD_COLOUR, np.subtract(_TEXT_COLOUR, _HEAD_COLOUR) * i // _TEXT_SHADES) for i in range(1, 9)]
    + [SEEN_COLOUR, DREAMT_COLOUR, WRONG_COLOUR],
    np.uint8,
)

# Score digits: five rows of three cells, a bit each.
_DIGITS = ("75557", "22222", "71747", "71317", "55711", "74717", "44757", "71111", "75757", "75711")
_CELL = 4
_SCORES = ((F.ENEMY_SCORE, 36, _ENEMY), (F.PLAYER_SCORE, 116, _PLAYER))

Canvas = npt.NDArray[np.uint8]


def draw_frame(frame: FloatArray, scale: int = 1, *, ghost: FloatArray | None = None) -> Image.Image:
    """Draw one frame of features as the console would.

    Values may be predicted ones: positions are rounded to the picture's own pixels, what is off the screen is not
    seen, and what is not finite is left out. The ball is drawn while ``ball_spawned`` is over a half.

    Args:
        frame: (14,) features.
        scale: picture pixels per screen pixel.
        ghost: (14,) the real frame, if ``frame`` is an imagined one: its paddles and ball are outlined beneath, and the
            ground is blue.

    Returns:
        an RGB picture of (160 x scale, 210 x scale) pixels.
    """
    return Image.fromarray(PALETTE[draw_canvas(frame, scale, ghost)])


def side_by_side_gif(path: Path, real: FloatArray, imagined: FloatArray) -> None:
    """Write an animation of the real game, left, and the imagined one, right, in which the real one is outlined.

    The imagined game starts from the real one every 6 steps: frame t is a prediction at step k = t mod 6. Its head
    shows k and the squared error of the frame (mean over its 14 values, px²).

    Args:
        path: of the GIF; replaced atomically.
        real: (T, 14) frames, one per agent step.
        imagined: (T, 14) predictions of the same frames.

    Raises:
        ValueError: there is no frame, or the two differ in shape.
    """
    if real.shape != imagined.shape or real.ndim != 2 or len(real) == 0:
        raise ValueError(f"side_by_side_gif: expected two arrays (T, 14), got {real.shape} and {imagined.shape}")
    canvases = [_side_by_side(real[step], imagined[step], step) for step in range(len(real))]
    save_gif(path, canvases, [_FRAME_MILLISECONDS] * (len(canvases) - 1) + [_LAST_MILLISECONDS])


def save_gif(path: Path, canvases: Sequence[Canvas], milliseconds: Sequence[int]) -> None:
    """Write canvases as a GIF that repeats, each of them shown for so long; replaced atomically."""
    pictures = []
    for canvas in canvases:
        picture = Image.fromarray(canvas)
        picture.putpalette(PALETTE.tobytes())
        pictures.append(picture)
    # Pillow writes one palette for all frames only if it is handed over here, and only what changed if it may optimise.
    settings = {"palette": PALETTE.tobytes(), "transparency": _UNCHANGED, "optimize": True, "loop": 0}
    replace_file(
        path,
        lambda temporary: pictures[0].save(
            temporary, "GIF", save_all=True, append_images=pictures[1:], duration=list(milliseconds), **settings
        ),
    )


def draw_canvas(frame: FloatArray, scale: int, ghost: FloatArray | None) -> Canvas:
    """As :func:`draw_frame`, as indices into :data:`PALETTE` (210 x scale, 160 x scale)."""
    ground = FIELD if ghost is None else IMAGINED
    canvas = np.full((HEIGHT * scale, WIDTH * scale), ground, np.uint8)
    for top in (FIELD_TOP - WALL_HEIGHT, FIELD_BOTTOM):
        canvas[top * scale : (top + WALL_HEIGHT) * scale] = _WHITE
    canvas[(FIELD_BOTTOM + WALL_HEIGHT) * scale :] = _WHITE
    for feature, left, colour in _SCORES:
        if math.isfinite(frame[feature]):
            _draw_score(canvas, left, min(max(round(float(frame[feature])), 0), 99), colour, scale)
    field = canvas[FIELD_TOP * scale : FIELD_BOTTOM * scale]
    if ghost is not None:
        for x, y, size, _ in _things(ghost):
            _fill(field, x, y, size, GHOST, scale, rim=1)
            _fill(field, x, y, size, ground, scale)
    for x, y, size, colour in _things(frame):
        _fill(field, x, y, size, colour, scale)
    return canvas


def _things(frame: FloatArray) -> list[tuple[float, float, tuple[int, int], int]]:
    """(x, y below the upper wall, size, colour) of everything that moves and has a place."""
    things = [
        (float(frame[F.ENEMY_X]), float(frame[F.ENEMY_Y]) - FIELD_TOP, PADDLE_SIZE, _ENEMY),
        (float(frame[F.PLAYER_X]), float(frame[F.PLAYER_Y]) - FIELD_TOP, PADDLE_SIZE, _PLAYER),
    ]
    if frame[F.BALL_SPAWNED] > 0.5:
        things.append((float(frame[F.BALL_X]), float(frame[F.BALL_Y]) - FIELD_TOP, BALL_SIZE, _WHITE))
    return [thing for thing in things if math.isfinite(thing[0]) and math.isfinite(thing[1])]


def _fill(canvas: Canvas, x: float, y: float, size: tuple[int, int], colour: int, scale: int, rim: int = 0) -> None:
    """Fill the part of a box that is on the canvas; ``rim`` picture pixels are added around it."""
    left, top = round(x * scale), round(y * scale)
    rows = slice(max(top - rim, 0), max(top + size[1] * scale + rim, 0))
    columns = slice(max(left - rim, 0), max(left + size[0] * scale + rim, 0))
    canvas[rows, columns] = colour


def _draw_score(canvas: Canvas, left: int, score: int, colour: int, scale: int) -> None:
    for place, digit in enumerate(reversed(str(score))):
        for row, bits in enumerate(_DIGITS[int(digit)]):
            for column in range(3):
                if int(bits) >> (2 - column) & 1:
                    corner = left + (column - 4 * place) * _CELL, 1 + row * _CELL
                    _fill(canvas, *corner, (_CELL, _CELL), colour, scale)


def _side_by_side(real: FloatArray, imagined: FloatArray, step: int) -> Canvas:
    panel = WIDTH * _SCALE
    right = panel + _GAP
    canvas = np.full((_HEAD + HEIGHT * _SCALE, right + panel), HEAD_GROUND, np.uint8)
    canvas[_HEAD:, :panel] = draw_canvas(real, _SCALE, None)
    canvas[_HEAD:, right:] = draw_canvas(imagined, _SCALE, real)
    for left, ground in ((0, FIELD), (right, IMAGINED)):
        canvas[_HEAD - 4 : _HEAD, left : left + panel] = ground
    k = step % HORIZON
    write(canvas, _MARGIN, 4, "REAL", 17)
    write(canvas, _MARGIN, 26, f"agent step {step + 1}", 13)
    write(canvas, right + _MARGIN, 4, "IMAGINED", 17)
    error = float(np.mean((imagined.astype(np.float64) - real) ** 2))
    write(canvas, right + _MARGIN, 26, f"squared error of this frame: {error:.2f}", 13)
    write(canvas, right + panel - 158, 6, f"k = {k}", 15)
    for i in range(HORIZON):  # one more is lit with every step since the model last saw the real game
        colour = GHOST if i <= k else IMAGINED
        start = right + panel - _MARGIN - (HORIZON - i) * 17 + 3
        canvas[9:19, start : start + 14] = colour
    return canvas


def write(canvas: Canvas, left: int, top: int, text: str, size: int) -> None:
    """Write a line of text onto a canvas; what does not fit is cut off."""
    mask = Image.new("L", (canvas.shape[1] - left, min(2 * size, len(canvas) - top)))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=_font(size))
    shades = np.asarray(mask).astype(np.int64) * _TEXT_SHADES // 255
    place = canvas[top : top + mask.height, left:]
    place[shades > 0] = (_TEXT - 1 + shades[shades > 0]).astype(np.uint8)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
