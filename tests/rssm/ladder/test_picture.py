import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from rssm.errors import UserError
from rssm.ladder.picture import MOST_ROWS, draw, rows_that_matter
from rssm.ladder.rows import read_rows
from rssm.ladder.table import redraw

ROWS = read_rows(Path(__file__).resolve().parents[3] / "configs" / "ladder")
PUBLISHED = Path(__file__).resolve().parents[3] / "docs" / "results" / "ladder.json"
#: a figure that takes room
WIDE = 88.8


def errors_of(**last):
    return {name: [1.0] * 5 + [end] for name, end in last.items()}


def test_the_picture_has_what_changes_nothing_and_the_best_and_worst_of_each_kind():
    errors = errors_of(
        persistence=200, constant_velocity=800, attempt_4=60, rssm=6, dreamer=14, rssm_two_latents=7,
        deltas=50, two_step=45, attempt_2_fault=74, gru=19, lstm=18,
    )  # fmt: skip
    assert rows_that_matter(errors, ROWS) == [
        "constant_velocity", "persistence", "attempt_2_fault", "attempt_4", "two_step", "gru", "lstm", "dreamer",
        "rssm",
    ]  # fmt: skip


def test_the_worst_of_a_kind_are_the_first_to_make_room():
    errors = errors_of(**{name: float(place) for place, name in enumerate(ROWS)})
    chosen = rows_that_matter(errors, ROWS)
    assert len(chosen) == MOST_ROWS
    assert [errors[name][-1] for name in chosen] == sorted((errors[name][-1] for name in chosen), reverse=True)
    best = {"absolute", "diffusion", "gru", "lstm", "dreamer"}
    assert set(chosen) >= best | {"persistence", "constant_velocity", "attempt_4", "rssm"}


def test_rows_without_a_preset_are_left_out():
    assert rows_that_matter(errors_of(rssm=6, of_old=1), ROWS) == ["rssm"]


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    kept = []
    monkeypatch.setattr("rssm.ladder.picture.to_png", lambda figure: kept.append(figure) or b"png")
    return kept


def test_no_label_stands_outside_the_picture_or_over_another(figures):
    for name in ROWS:
        draw(errors_of(**{name: WIDE}), ROWS)
    draw(errors_of(**{name: WIDE + place / 10 for place, name in enumerate(ROWS)}), ROWS)
    for figure in figures:
        whole = figure.bbox
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 for box in boxes), figure.axes[0].texts
        assert all(whole.y0 <= box.y0 and box.y1 <= whole.y1 for box in boxes)
        boxes.sort(key=lambda box: box.y0)
        for below, above in itertools.pairwise(boxes):
            assert above.y0 > below.y0 + 0.9 * below.height


def test_lines_are_told_apart_without_colours_and_are_as_in_other_pictures(figures):
    draw(errors_of(**{name: float(place) for place, name in enumerate(ROWS)}), ROWS)
    drawn = figures[0].axes[0].lines
    assert len({line.get_marker() for line in drawn}) == MOST_ROWS
    looks = {line.get_marker(): line for line in drawn}
    assert (looks["o"].get_color(), looks["s"].get_color(), looks["^"].get_color()) == ("#2f7df0", "#80868f", "#c2711c")
    assert max(drawn, key=lambda line: line.get_linewidth()) is looks["o"]


def test_a_picture_is_drawn_anew_from_its_table(tmp_path, figures):
    table = tmp_path / "old.json"
    table.write_text(PUBLISHED.read_text())
    assert redraw(table, ROWS) == tmp_path / "old.png"
    assert (tmp_path / "old.png").read_bytes() == b"png"
    found = json.loads(PUBLISHED.read_text())["rows"]
    ends = sorted(line.get_ydata()[-1] for line in figures[0].axes[0].lines)
    assert np.isin(ends, [row["mean"][-1] for row in found.values()]).all()
    assert ends[0] == found["rssm"]["mean"][-1]


def test_what_is_no_table_of_these_rows_is_refused(tmp_path):
    table = tmp_path / "t.json"
    table.write_text('{"rows": {"other": {"mean": [1, 2, 3, 4, 5, 6], "diverged": 0}}}')
    with pytest.raises(UserError, match=r"t\.json: rows: expected some of .*rssm.*, got other"):
        redraw(table, ROWS)
    table.write_text('{"rows": {"rssm": {"mean": [1, 2], "diverged": 0}}}')
    with pytest.raises(UserError, match=r"t\.json: rows\.rssm\.mean"):
        redraw(table, ROWS)
    assert not (tmp_path / "t.png").exists()
