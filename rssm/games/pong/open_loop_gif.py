"""An open loop as an animation: the real game, the imagined one, and where the two differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.games.pong.drawing import (
    DREAMT,
    FIELD,
    GHOST,
    HEAD_GROUND,
    HEIGHT,
    SEEN,
    WIDTH,
    WRONG,
    Canvas,
    draw_canvas,
    save_gif,
    write,
)

_HEAD, _GAP, _RIM = 34, 6, 4  # of the animation, in its own pixels
_MILLISECONDS, _TURN_MILLISECONDS = 130, 700


def open_loop_gif(path: Path, real: FloatArray, imagined: FloatArray, observed: npt.NDArray[np.bool_]) -> None:
    """Write an animation: real | imagined | error.

    Its rim is green, and its head says "sees", while the model observes the real game: the imagined frame is then one
    step ahead of the last real one. It is red, and the head says "dreams", where the model goes on without it. In the
    third picture what is only in the real game is yellow, and what is only in the dream is blue.

    Args:
        path: of the GIF; replaced atomically.
        real: (T, 14) frames, one per agent step.
        imagined: (T, 14) predictions of the same frames.
        observed: (T,) whether the model had seen the real game up to the step before.

    Raises:
        ValueError: there is no frame, or the three differ in length.
    """
    if real.shape != imagined.shape or len(real) == 0 or len(observed) != len(real):
        shapes = f"{real.shape}, {imagined.shape} and {observed.shape}"
        raise ValueError(f"open_loop_gif: expected frames (T, 14), as many of both, and (T,), got {shapes}")
    canvases, milliseconds, dreamt = [], [], 0
    for step in range(len(real)):
        dreamt = 0 if observed[step] else dreamt + 1
        canvases.append(_draw(real[step], imagined[step], dreamt))
        turns = step + 1 == len(real) or observed[step] != observed[step + 1]
        milliseconds.append(_TURN_MILLISECONDS if turns else _MILLISECONDS)
    save_gif(path, canvases, milliseconds)


def _draw(real: FloatArray, imagined: FloatArray, dreamt: int) -> Canvas:
    """One picture, after so many dreamt steps."""
    rim = DREAMT if dreamt else SEEN
    truth = draw_canvas(real, 1, None)
    panels = [truth, draw_canvas(imagined, 1, real), _difference(truth, draw_canvas(imagined, 1, None))]
    width = len(panels) * WIDTH + (len(panels) - 1) * _GAP
    canvas = np.full((_HEAD + HEIGHT + 2 * _RIM, width + 2 * _RIM), rim, np.uint8)
    canvas[_RIM:-_RIM, _RIM:-_RIM] = HEAD_GROUND
    error = float(np.mean((imagined.astype(np.float64) - real) ** 2))
    says = f"dreams, k = {dreamt - 1}" if dreamt else "sees the game"
    lines = "", says, f"squared: {error:,.2f} px"
    for place, (panel, title, line) in enumerate(zip(panels, ("REAL", "IMAGINED", "ERROR"), lines, strict=True)):
        left = _RIM + place * (WIDTH + _GAP)
        canvas[_RIM + _HEAD : -_RIM, left : left + WIDTH] = panel
        write(canvas, left + 4, _RIM + 1, title, 12)
        if line:
            write(canvas, left + 4, _RIM + 16, line, 12)
    return canvas


def _difference(real: Canvas, imagined: Canvas) -> Canvas:
    """Where the two games are drawn differently."""
    differs = real != imagined
    canvas = np.full_like(real, HEAD_GROUND)
    canvas[differs & (imagined != FIELD)] = WRONG
    canvas[differs & (real != FIELD)] = GHOST
    return canvas
