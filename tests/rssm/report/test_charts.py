import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from rssm.report.charts import MOST_POINTS, curves, error_by_step, errors_by_row, training_curves
from rssm.report.drawing import COLOURS, LEAST, MARKERS, Line, drawn, to_png, to_svg

MEAN = [0.2, 0.4, 0.8, 1.2, 2.0, 3.0]


def make_result(mean=MEAN, **parts):
    return {
        "mse": {
            "mean": mean,
            "median": [m / 10 for m in mean],
            "p90": [m * 2 for m in mean],
            "ci95": [[m * 0.9, m * 1.1] for m in mean],
        },
        "baselines": {
            "persistence": {"mean": [8.4, 30.0, 66.7, 119.0, 181.0, 247.0]},
            "constant_velocity": {"mean": [12.2, 55.0, 147.0, 304.0, 531.0, 826.0]},
        },
    } | parts


def lines(figure):
    """The y values of every line, in the order of drawing."""
    return [list(line.get_ydata()) for line in figure.axes[0].lines]


def labels(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_chart_draws_the_model_and_both_baselines():
    figure = error_by_step(make_result())
    assert figure.axes[0].get_yscale() == "log"
    drawn_lines = lines(figure)
    assert MEAN in drawn_lines
    assert [12.2, 55.0, 147.0, 304.0, 531.0, 826.0] in drawn_lines
    assert [8.4, 30.0, 66.7, 119.0, 181.0, 247.0] in drawn_lines
    assert len(drawn_lines) == 5
    assert labels(figure) == [
        "median  0.30",
        "model, mean  3.00",
        "90th percentile  6.00",
        "persistence  247",
        "constant velocity  826",
    ]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == [f"k = {k}" for k in range(6)]


def test_the_band_is_the_interval():
    band, *bars = error_by_step(make_result()).axes[0].collections
    ends = {round(float(y), 6) for x, y in band.get_paths()[0].vertices if x == 5}
    assert ends == {2.7, 3.3}
    (bar,) = [bar for bar in bars if 5 in bar.get_segments()[0][:, 0]]  # colours alone tell nothing to some
    assert bar.get_segments()[0][:, 1] == pytest.approx([2.7, 3.3])


def test_the_floor_and_random_actions_are_drawn_where_they_were_measured():
    measured = {"off_policy": {"mse": {"mean": [9.0] * 6}}, "floor": {"mean": [0.1] * 6}}
    drawn_lines = lines(error_by_step(make_result(**measured)))
    assert [9.0] * 6 in drawn_lines
    assert [0.1] * 6 in drawn_lines
    skipped = {"off_policy": {"skipped": "why"}, "floor": {"skipped": "why"}}
    assert len(lines(error_by_step(make_result(**skipped)))) == 5


def test_an_error_of_zero_is_drawn_on_the_lowest_line():
    figure = error_by_step(make_result([0.0] * 6))
    assert lines(figure).count([LEAST] * 6) == 3
    assert "model, mean  0" in labels(figure)
    assert to_png(figure).startswith(b"\x89PNG")


def test_what_is_no_number_is_a_gap():
    assert math.isnan(drawn(None))
    assert math.isnan(drawn(math.nan))
    assert math.isnan(drawn(math.inf))
    assert drawn(-1.0) == LEAST
    assert drawn(2.5) == 2.5
    figure = error_by_step(make_result([0.1, math.nan, 0.3, 0.4, 0.5, math.nan]))
    assert "model, mean  0.50" in labels(figure)  # the last that is one
    nothing = error_by_step(make_result([math.nan] * 6))
    assert [label.split("  ")[0] for label in labels(nothing)] == ["persistence", "constant velocity"]
    assert "nan" not in to_svg(nothing, "a").lower().replace("dominant", "")


def test_labels_of_equal_lines_stand_apart():
    same = {"off_policy": {"mse": {"mean": MEAN}}, "floor": {"mean": MEAN}}
    heights = sorted(text.get_position()[1] for text in error_by_step(make_result(**same)).axes[0].texts)
    assert min(np.diff(heights)) > 0.07
    assert heights[-1] < 1.05


def test_the_svg_stands_alone_and_takes_the_page_s_colour():
    svg = to_svg(error_by_step(make_result()), "error")
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own text
    assert root.get("viewBox")
    assert "//" not in svg
    assert "currentColor" in svg
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert ids
    assert all(name.startswith("error-") for name in ids)
    used = re.findall(r'href="#([^"]*)"', svg) + re.findall(r"url\(#([^)]*)\)", svg)
    assert used
    assert set(used) <= set(ids)
    assert "constant velocity" in "".join(root.itertext())  # letters, which a reader can search for


def test_the_same_chart_is_the_same_text():
    assert to_svg(error_by_step(make_result()), "a") == to_svg(error_by_step(make_result()), "a")


def test_the_png_is_a_picture_on_white():
    with Image.open(io.BytesIO(to_png(error_by_step(make_result())))) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20


def test_training_curves_leave_out_what_was_not_logged():
    history = [{"update": 10, "a": 2.0}, {"update": 20, "a": None, "b": 5.0}, {"update": 30, "a": 1.0}]
    figure = training_curves(history, {"a": "first", "b": "second", "c": "third"}, "loss")
    assert figure is not None
    points = [(list(line.get_xdata()), list(line.get_ydata())) for line in figure.axes[0].lines]
    assert points == [([10, 30], [2.0, 1.0]), ([20], [5.0])]
    assert labels(figure) == ["first", "second"]
    assert training_curves(history, {"c": "third"}, "loss") is None
    assert training_curves([], {"a": "first"}, "loss") is None


@pytest.mark.parametrize("rows", [MOST_POINTS, MOST_POINTS + 1, 10 * MOST_POINTS - 1])
def test_long_trainings_are_thinned_out_but_keep_their_ends(rows):
    figure = training_curves([{"update": i, "a": 1.0 + i} for i in range(rows)], {"a": "first"}, "loss")
    assert figure is not None
    xs = list(figure.axes[0].lines[0].get_xdata())
    assert len(xs) <= MOST_POINTS + 1
    assert (xs[0], xs[-1]) == (0, rows - 1)


def test_a_linear_axis_has_room_below_zero_and_names_stand_at_the_lines_ends():
    low, high = Line("low", [(0, -20.0), (10, -18.5)], "#111111"), Line("high", [(0, None), (10, 20.0)], "#222222")
    figure = curves([low, high, Line("", [(0, -5.0), (10, 1.0)], "#333333")], "points", "steps", log=False)
    axes = figure.axes[0]
    assert axes.get_yscale() == "linear"
    assert lines(figure)[0] == [-20.0, -18.5]
    assert lines(figure)[1][1] == 20.0
    assert math.isnan(lines(figure)[1][0])
    assert lines(figure)[2] == [-5.0, 1.0]
    assert labels(figure) == ["low", "high"]
    bottom, top = axes.get_ylim()
    for text, end in zip(axes.texts, (-18.5, 20.0), strict=True):
        assert text.get_position()[1] == pytest.approx((end - bottom) / (top - bottom))
    assert (axes.get_xlabel(), axes.get_title(loc="left")) == ("steps", "points")


def test_many_rows_get_labels_that_do_not_overlap_each_with_the_mark_of_its_line():
    rows = {f"row {i}": [m * (1.0 + 0.01 * i) for m in MEAN] for i in range(30)}
    drawn_rows = [
        Line(name, list(enumerate(errors)), COLOURS[i % 7], marker=MARKERS[i // 7])
        for i, (name, errors) in enumerate(rows.items())
    ]
    figure = errors_by_row(drawn_rows)
    axes = figure.axes[0]
    assert lines(figure) == list(rows.values())
    assert sorted(label.split("  ")[0] for label in labels(figure)) == sorted(rows)
    inches = axes.get_window_extent().height / figure.dpi
    places = [text.get_position()[1] * inches for text in axes.texts]
    assert min(np.diff(places)) > 0.12  # a line of letters
    for text, mark in zip(axes.texts, axes.collections, strict=True):
        (_, height), (colour,) = mark.get_offsets()[0], mark.get_facecolor()
        line = next(line for line in drawn_rows if text.get_text().startswith(f"{line.name}  "))
        assert height == text.get_position()[1]
        assert to_hex(colour) == line.colour == text.get_color()


@pytest.mark.parametrize(
    ("values", "numbers"),
    [([3.0, 60.0], {5.0, 10.0, 20.0, 50.0}), ([0.3, 60.0], {1.0, 10.0})],
)
def test_a_short_logarithmic_axis_has_numbers_between_the_powers_of_ten(values, numbers):
    axes = curves([Line("error", list(enumerate(values)), COLOURS[0])], "px²", "updates").axes[0]
    low, high = axes.get_ylim()
    assert {float(tick) for tick in axes.get_yticks() if low <= tick <= high} == numbers
