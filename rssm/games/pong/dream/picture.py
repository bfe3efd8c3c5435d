"""A view of a session as a picture: the game under a head that says what is seen, and recordings of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from rssm.games.pong.animation import write_gif
from rssm.games.pong.drawing import FIELD_COLOUR, GHOST_COLOUR, HEIGHT, IMAGINED_COLOUR, WIDTH, draw_frame
from rssm.games.pong.dream.session import View

#: pixels of the head above the game and of the help below it, at scale 1
HEAD, FOOT = 36, 20
#: an error of so many pixels fills the bar
FULL_BAR = 40.0

#: what the keys do, in two lines
KEYS_HELP = (
    "up down: play   right: fire   m: agent   tab: dream / real",
    "g: ghost   h: resync   n: new   space: pause   .: step   r: gif   q: quit",
)
_GROUND, _TEXT, _QUIET = (17, 19, 24), (236, 238, 242), (160, 166, 178)


def draw_view(view: View, scale: int) -> Image.Image:
    """The picture (160 x scale, 266 x scale) of a view; its strip is blue over a dream and brown over the real game."""
    picture = Image.new("RGB", (WIDTH * scale, (HEAD + HEIGHT + FOOT) * scale), _GROUND)
    picture.paste(draw_game(view, scale), (0, HEAD * scale))
    draw = ImageDraw.Draw(picture)
    margin, right = 4 * scale, (WIDTH - 4) * scale
    write, small = _font(9 * scale), _font(max(6 * scale, 9))
    draw.text((margin, 2 * scale), title(view), _TEXT, write)
    draw.text((right, 2 * scale), "AGENT PLAYS" if view.agent else "YOU PLAY", _TEXT, write, anchor="ra")
    draw.text((margin, 14 * scale), status(view), _QUIET, small)
    _draw_bar(draw, view, scale, small)
    strip = IMAGINED_COLOUR if view.dream else FIELD_COLOUR
    draw.rectangle((0, (HEAD - 2) * scale, WIDTH * scale, HEAD * scale - 1), strip)
    for line, text in enumerate(KEYS_HELP):
        draw.text((margin, (HEAD + HEIGHT + 3 + 8 * line) * scale), text, _QUIET, _font(max(round(4.5 * scale), 8)))
    return picture


def draw_game(view: View, scale: int) -> Image.Image:
    """The game alone: a dream on blue, with the real game outlined where it is asked for, or the real game on brown."""
    if not view.dream:
        return draw_frame(view.frame, scale)
    nothing = np.full_like(view.frame, np.nan)  # what is not finite is not drawn
    return draw_frame(view.frame, scale, ghost=nothing if view.ghost is None else view.ghost)


def title(view: View) -> str:
    """What is shown, in capitals."""
    return ("DREAM" if view.dream else "REAL GAME") + " PAUSED" * view.paused + " REC" * view.recording


def status(view: View) -> str:
    """One line: the message to the player, or how long ago the dream was real."""
    if view.message:
        return view.message
    until = "" if view.resync is None else f" of {view.resync}"
    return f"dream step {view.since}{until} since the real game"


def error_text(view: View) -> str:
    """How far off the dream is."""
    return "the real game is over" if view.error is None else f"off by {view.error:.0f} px"


def save_gif(path: Path, views: Sequence[View], scale: int = 2) -> None:
    """Write views as an animation at the speed they were played at, atomically.

    Raises:
        ValueError: there is no view.
    """
    write_gif(path, [draw_view(view, scale) for view in views])


def _draw_bar(
    draw: ImageDraw.ImageDraw, view: View, scale: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    left, right, top, bottom = 4 * scale, 100 * scale, 26 * scale, 31 * scale
    draw.rectangle((left, top, right, bottom), outline=_QUIET)
    if view.error is not None:
        filled = left + (right - left) * min(view.error / FULL_BAR, 1.0)
        draw.rectangle((left, top, filled, bottom), GHOST_COLOUR)
    draw.text(((WIDTH - 4) * scale, 24 * scale), error_text(view), _TEXT, font, anchor="ra")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
