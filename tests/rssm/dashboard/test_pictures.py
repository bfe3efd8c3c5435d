import numpy as np
from PIL import Image

from rssm.dashboard.pictures import chart_key, over_horizon, over_training, write_charts
from rssm.dashboard.questions import Question, agent_questions, world_model_questions
from rssm.games.pong.game import PONG

ROW = {"update": 250, **{f"openloop/{name}_k{k}": 1.0 + k for name in ("mse", "median") for k in range(6)}}
ROW |= {f"openloop/{name}_k{k}": 9.0 + k for name in ("persistence", "constant_velocity") for k in range(6)}


def drawn(figure):
    """The points of each line, by the name that is written beside it."""
    (axes,) = figure.axes
    lines = {tuple(line.get_ydata()): line for line in axes.lines}
    colours = {text.get_color(): text.get_text() for text in axes.texts}
    return {ys: (line, colours[line.get_color()]) for ys, line in lines.items()}


def test_model_median_baselines_and_floor_are_on_one_chart():
    row = ROW | {f"floor/mse_k{k}": 0.5 for k in range(6)}
    (axes,) = over_horizon(row, "px²").axes
    assert {text.get_text() for text in axes.texts} == {
        "model, mean",
        "model, median",
        "persistence",
        "constant velocity",
        "floor",
    }
    assert len(axes.lines) == 5
    assert all(list(line.get_xdata()) == list(range(6)) for line in axes.lines)
    looks = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == 5
    assert len({text.get_text() for text in over_horizon(ROW, "px²").axes[0].texts}) == 4


def test_a_question_is_one_chart_of_all_its_lines():
    history = [ROW, ROW | {"update": 500, "openloop/mse_k5": None, "openloop/mse_k0": 0.5}]
    charts = over_training(world_model_questions(PONG), history)
    assert set(charts) == {"model and baselines", "error at each step"}  # nothing was logged for the others
    lines = charts["error at each step"].axes[0].lines
    assert len(lines) == 6
    assert [list(line.get_xdata()) for line in lines] == [[250, 500]] * 6
    assert list(lines[0].get_ydata()) == [1.0, 0.5]
    assert np.isnan(lines[5].get_ydata()[1])


def test_imagined_and_real_share_their_axes_over_real_steps():
    history = [
        {"update": u, "env_steps": 10 * u, "imagination/reward": -0.1, "real/reward": 0.2, "real/score": -21.0}
        for u in (3, 6)
    ]
    charts = over_training(agent_questions(), history, "env_steps")
    (axes,) = charts["reward"].axes
    assert [list(line.get_xdata()) for line in axes.lines] == [[30, 60]] * 2
    assert {text.get_text() for text in axes.texts} == {"imagined", "real"}
    assert axes.get_yscale() == "linear"


def test_the_same_thing_has_the_same_colour_over_the_horizon_and_over_the_training():
    def colours(figure):
        (axes,) = figure.axes
        return {text.get_text(): text.get_color() for text in axes.texts}

    horizon = colours(over_horizon(ROW, "px²"))
    training = colours(over_training(world_model_questions(PONG), [ROW])["model and baselines"])
    assert training == horizon


def test_a_logarithmic_axis_has_numbers_even_within_a_decade():
    history = [{"update": u, "openloop/mse_k0": value} for u, value in ((1, 22.0), (2, 57.0))]
    figure = over_training([Question("error", "px²", {"openloop/mse_k0": "k = 0"})], history)["error"]
    (axes,) = figure.axes
    low, high = axes.get_ylim()
    figure.canvas.draw()
    inside = [
        label.get_text()
        for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= place <= high and label.get_text()
    ]
    assert inside


def test_charts_are_written_as_pictures_and_as_one_page_in_which_names_are_escaped(tmp_path):
    name = "<b>a & b"
    charts = over_training([Question(name, "px²", {"openloop/mse_k0": "k = 0"})], [ROW])
    files = write_charts(tmp_path / "new", "<script>", charts, {"<i>": 1.5, "none": None})
    page = files.pop("charts")
    assert set(files) == {chart_key(name)}
    with Image.open(files[chart_key(name)]) as picture:
        assert picture.width > 400
    assert "<b>" not in page
    assert "<i>" not in page
    assert "<script>" not in page
    assert "&lt;b&gt;a &amp; b" in page
    assert "http" not in page
    assert "<td>none</td><td>–</td>" in page
