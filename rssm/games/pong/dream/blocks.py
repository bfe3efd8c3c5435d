"""A view as text: two pixels to a character, one above the other, in colours."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from rssm.games.pong.drawing import FIELD_TOP, HEIGHT, WALL_HEIGHT, WIDTH
from rssm.games.pong.dream.picture import draw_game, error_text, status, title
from rssm.games.pong.dream.session import View

#: the upper half of a character takes the text's colour, the lower one the ground's
HALF = "▀"
#: lines of text below the picture
LINES = 3
#: the smallest terminal that shows anything, columns and rows
SMALLEST = (40, 14)
_BAR, _BAR_PIXELS = 20, 40.0
_KEYS = "arrows m:agent tab:dream/real g:ghost h:resync n:new space . r:gif q:quit"

#: rows of the picture that are shown: the scores are a line of text
_TOP, _BOTTOM = FIELD_TOP - WALL_HEIGHT, HEIGHT - 6
Colours = npt.NDArray[np.uint8]


def cells(view: View, columns: int, rows: int) -> Colours:
    """The game as colours (2 R, C, 3), two to a character, in a terminal of so many columns and rows.

    Every pixel of a cell is looked at, and the one farthest from the ground's colour is shown: a ball is smaller than
    a cell and must not be lost.
    """
    picture = np.asarray(draw_game(view, 1))[_TOP:_BOTTOM]
    ground = picture[FIELD_TOP - _TOP + 1, 0]
    across = -(-WIDTH // columns)
    down = max(-(-len(picture) // (2 * (rows - LINES))), across)  # pixels are about square
    wide, high = -(-WIDTH // across), -(-len(picture) // (2 * down))
    padded = np.empty((2 * high * down, wide * across, 3), np.uint8)
    padded[:] = ground
    padded[: len(picture), :WIDTH] = picture
    blocks = padded.reshape(2 * high, down, wide, across, 3).swapaxes(1, 2).reshape(2 * high, wide, down * across, 3)
    far = np.abs(blocks.astype(np.int64) - ground).sum(-1).argmax(-1)
    chosen: Colours = np.take_along_axis(blocks, far[..., None, None], 2)[:, :, 0]
    return chosen


class TextScreen:
    """Writes views as escape sequences, and of each only what changed since the one before.

    Args:
        true_colour: the terminal knows 24-bit colours; else the nearest of its 256 are taken.
    """

    def __init__(self, true_colour: bool) -> None:
        self.true_colour = true_colour
        self._size, self._shown = (0, 0), np.zeros((0, 0, 3), np.uint8)
        self._lines: list[str] = []

    def render(self, view: View, columns: int, rows: int) -> str:
        """What to write so that a terminal of this size shows the view."""
        if columns < SMALLEST[0] or rows < SMALLEST[1]:
            self._size = (0, 0)
            return f"\x1b[2J\x1b[HPong needs {SMALLEST[0]} x {SMALLEST[1]} characters, here are {columns} x {rows}"
        fresh = cells(view, columns, rows)
        anew = (columns, rows) != self._size or fresh.shape != self._shown.shape
        parts = ["\x1b[0m\x1b[2J"] if anew else []
        changed = np.ones(fresh.shape[:2], bool) if anew else (fresh != self._shown).any(-1)
        parts += self._game(fresh, changed)
        lines = [line[:columns] for line in text_lines(view)]
        for index, line in enumerate(lines):
            if anew or line != self._lines[index]:
                parts.append(f"\x1b[{len(fresh) // 2 + 1 + index};1H\x1b[0m\x1b[2K{line}")
        self._size, self._shown, self._lines = (columns, rows), fresh, lines
        return "".join(parts)

    def _game(self, colours: Colours, changed: npt.NDArray[np.bool_]) -> Iterator[str]:
        rows, columns = np.nonzero(changed[0::2] | changed[1::2])
        last = (-1, -1)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            if (row, column - 1) != last:
                yield f"\x1b[{row + 1};{column + 1}H"
            last = (row, column)
            upper, lower = colours[2 * row, column].tolist(), colours[2 * row + 1, column].tolist()
            yield f"\x1b[38;{self._colour(upper)};48;{self._colour(lower)}m{HALF}"

    def _colour(self, colour: list[int]) -> str:
        if self.true_colour:
            return "2;{};{};{}".format(*colour)
        red, green, blue = (round(part / 51) for part in colour)  # the 6 x 6 x 6 cube begins at 16
        return f"5;{16 + 36 * red + 6 * green + blue}"


def text_lines(view: View) -> list[str]:
    """What is said below the picture, :data:`LINES` lines."""
    filled = 0 if view.error is None else round(_BAR * min(view.error / _BAR_PIXELS, 1.0))
    bar = "#" * filled + "." * (_BAR - filled)
    score = f"{view.frame[10]:.0f} : {view.frame[11]:.0f}"
    who = "agent" if view.agent else "you"
    return [f"{title(view)}  {score} ({who})  [{bar}] {error_text(view)}", status(view), _KEYS]
