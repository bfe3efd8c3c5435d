import re
from dataclasses import replace

import numpy as np
import pytest

from rssm.games.pong.dream.blocks import HALF, TextScreen, cells, text_lines

BALL, PLAYER = (236, 236, 236), (92, 186, 92)


def emulate(text, columns, rows, screen=None):
    """What a terminal shows: characters, and the two colours of each."""
    screen = screen if screen is not None else [[(" ", None, None)] * columns for _ in range(rows)]
    row = column = 0
    upper = lower = None
    for match in re.finditer(r"\x1b\[([0-9;]*)([A-Za-z])|([^\x1b])", text):
        numbers = [int(n) for n in re.findall(r"\d+", match[1] or "")]
        if match[3]:
            screen[row][column] = (match[3], upper, lower)
            column += 1
        elif match[2] == "H":
            row, column = (numbers[0] - 1, numbers[1] - 1) if numbers else (0, 0)
        elif match[2] == "J":
            screen[:] = [[(" ", None, None)] * columns for _ in range(rows)]
        elif match[2] == "K":
            screen[row] = [(" ", None, None)] * columns
        elif match[2] == "m":
            upper, lower = (tuple(numbers[2:5]), tuple(numbers[7:10])) if len(numbers) == 10 else (None, None)
    return screen


def colours(screen, high):
    return np.array([[cell[half] for cell in row if cell[0] == HALF] for row in screen[:high] for half in (1, 2)])


@pytest.fixture
def view(session):
    view = session.step()
    frame = view.frame.copy()
    frame[[1, 3, 6, 8, 9]] = 100, 60, 1, 80, 120
    return replace(view, frame=frame, message="")


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 14), (200, 60), (173, 41)])
def test_nothing_is_lost_in_any_terminal(view, columns, rows):
    shown = cells(view, columns, rows)
    assert shown.shape[0] % 2 == 0
    assert shown.shape[0] // 2 + 3 <= rows
    assert shown.shape[1] <= columns
    for colour in (BALL, PLAYER, (213, 130, 74)):
        assert (shown[4:-4] == colour).all(-1).any()


def test_a_thing_is_where_it_is_in_the_picture(view):
    shown = cells(view, 80, 24)
    rows, columns = np.nonzero((shown[4:-4] == PLAYER).all(-1))
    assert set(columns) == {70, 71}  # two pixels a cell, from pixel 140
    assert (rows.min() + 4) * 5 + 24 == pytest.approx(100, abs=5)


def test_the_terminal_shows_the_cells_and_the_lines(view):
    screen = emulate(TextScreen(True).render(view, 80, 24), 80, 24)
    shown = cells(view, 80, 24)
    assert np.array_equal(colours(screen, len(shown) // 2), shown)
    lines = ["".join(cell[0] for cell in row).rstrip() for row in screen[len(shown) // 2 :]]
    assert lines[:3] == [line[:80].rstrip() for line in text_lines(view)]


def test_only_what_changed_is_written(view):
    text = TextScreen(True)
    screen = emulate(text.render(view, 80, 24), 80, 24)
    assert text.render(view, 80, 24) == ""
    moved = view.frame.copy()
    moved[8] += 10
    later = replace(view, frame=moved)
    change = text.render(later, 80, 24)
    assert 0 < len(change) < 400
    shown = cells(later, 80, 24)
    assert np.array_equal(colours(emulate(change, 80, 24, screen), len(shown) // 2), shown)
    assert len(text.render(later, 100, 30)) > 10_000  # another size begins anew


def test_a_terminal_without_24_bit_colours_gets_the_nearest_of_its_own(view):
    found = set(re.findall(r"38;5;(\d+);48;5;(\d+)m", TextScreen(False).render(view, 80, 24)))
    assert ("60", "60") in found  # (51, 51, 102), for the blue of dreams
    assert "38;2" not in TextScreen(False).render(view, 80, 24)


def test_a_terminal_that_is_too_small_is_told_so_and_drawn_in_again_later(view):
    text = TextScreen(True)
    assert "needs 40 x 14 characters, here are 39 x 24" in text.render(view, 39, 24)
    assert len(text.render(view, 80, 24)) > 5_000


def test_the_lines_say_who_plays_how_it_stands_and_how_far_off_the_dream_is(view):
    frame = view.frame.copy()
    frame[10:12] = 3, 14
    first, second, _ = text_lines(replace(view, frame=frame, error=20.0, agent=True, since=5, resync=6))
    assert first == "DREAM  3 : 14 (agent)  [##########..........] off by 20 px"
    assert second == "dream step 5 of 6 since the real game"
