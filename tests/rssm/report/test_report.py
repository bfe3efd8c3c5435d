import copy
import math
from html.parser import HTMLParser

import pytest

from rssm.config import EvalConfig
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.persistence import Persistence
from rssm.games.pong.game import PONG
from rssm.report.about import Run
from rssm.report.report import write_report
from rssm.report.verdict import verdict

COMMAND = "python scripts/train_wm.py --config runs/a/config.yaml"
CONFIG = {"run": "runs/a", "seed": 3, "train": {"updates": 500, "learning_rate": 0.001}}
DEFAULTS = {"run": "runs/wm", "seed": 3, "train": {"updates": 9000, "learning_rate": 0.001}}
HISTORY = [
    {"update": 100, "train/loss": 9.0, "train/open_loop": 4.0, "train/learning_rate": 0.1, "train/gradient_norm": 7.0},
    {"update": 100, "openloop/mse_k0": 2.0, "openloop/mse_k5": 30.0, "openloop/median_k5": 3.0},
    {"update": 200, "train/loss": 5.0, "train/open_loop": None},
    {"update": 200, "openloop/mse_k0": 1.0, "openloop/mse_k5": 20.0, "openloop/persistence_k5": 250.0},
]
VOID = {"meta", "input"}


class Page(HTMLParser):
    """What a browser would make of it: sections by title, tables, pictures, every attribute."""

    def __init__(self, text):
        super().__init__()
        self.text, self.rows, self.images, self.attributes, self.open, self.sections = "", [], [], [], [], {}
        self.title = ""
        self.feed(text)
        self.close()
        assert self.open == []
        self.sections = {title: text.strip() for title, text in self.sections.items()}

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag == "h2":
            self.title = ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"style", "script"} & set(self.open):
            return
        data = data.replace("\xa0", " ")
        self.text += data
        if self.open[-1:] == ["h2"]:
            self.title += data
        else:
            self.sections[self.title] = self.sections.get(self.title, "") + data
        if self.rows and {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data

    def row(self, name):
        return next(row[1:] for row in self.rows if row and row[0] == name)


@pytest.fixture(scope="module")
def measured(pong_data):
    """A real result in which the model is persistence."""
    config = EvalConfig(bootstrap=50, off_policy_windows=20, floor_windows=5, floor_futures=2)
    return evaluate(Persistence(), pong_data, config)


@pytest.fixture
def result(measured):
    """The same, with figures of its own at k = 5 wherever the page shows one."""
    result = copy.deepcopy(measured)
    result["mse"] |= {
        "mean": [0.31, 0.62, 0.98, 1.5, 2.1, 2.84],
        "median": [0.01, 0.02, 0.03, 0.05, 0.07, 0.131],
        "p90": [0.5, 0.9, 1.4, 2.2, 3.1, 4.44],
        "ci95": [[0.2, 0.4], [0.5, 0.7], [0.8, 1.1], [1.2, 1.8], [1.9, 2.3], [2.36, 3.41]],
    }
    result["baselines"]["persistence"]["mean"] = [8.4, 30.0, 66.7, 119.0, 181.0, 247.0]
    result["baselines"]["constant_velocity"]["mean"] = [12.2, 55.0, 147.0, 304.0, 531.0, 826.0]
    result["windows"] = 3991
    result["events"] = {
        "serve": {"title": "a serve", "windows": 100, "mean": [0.0] * 5 + [6.0], "median": [0.0] * 5 + [0.42]},
        "free_flight": {"windows": 900, "mean": [0.0] * 5 + [0.2222222], "median": [0.0] * 5 + [0.07]},
    }
    result["features"] |= {"enemy_y": [0.0] * 5 + [44.5], "ball_x": [0.0] * 5 + [17.2], "enemy_x": [0.0] * 6}
    result["off_policy"]["ratio"] = [1.0] * 5 + [1.12]
    result["off_policy"]["mse"]["mean"] = [0.3] * 5 + [3.18]
    result["floor"] |= {"mean": [0.1] * 5 + [2.22], "model": [0.2] * 5 + [2.95], "ratio": [2.0] * 5 + [1.33]}
    return result


def report(tmp_path, result, *, history=HISTORY, windows=(None, "nobody kept any"), **changes):
    path = tmp_path / "run" / "report.html"
    about = {"name": "a", "config": CONFIG, "defaults": DEFAULTS, "command": COMMAND, "seconds": 756.0} | changes
    write_report(path, result, run=Run(**about), game=PONG, windows=windows, history=history)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    return Page(path.read_text(encoding="utf-8"))


def test_the_head_says_the_figures_that_count(tmp_path, result):
    head = report(tmp_path, result).sections[""]
    for figure in (
        "3,991 windows of 5 held-out games",
        "2.84 px²",
        "2.36 to 3.41",
        "0.13 px²",
        "0.31 px²",
        "87.0× below",
        "247 px²",
    ):
        assert figure in head
    assert "1.12×" in head
    assert "1.33×" in head
    assert "Prediction: mode." in head


def test_the_table_holds_every_statistic_at_every_step(tmp_path, result):
    page = report(tmp_path, result)
    assert page.row("model") == [f"k = {k}" for k in range(6)]
    assert page.row("mean") == ["0.31", "0.62", "0.98", "1.50", "2.10", "2.84"]
    assert page.row("median") == ["0.010", "0.020", "0.030", "0.050", "0.070", "0.13"]
    assert page.row("90th percentile")[-1] == "4.44"
    assert (page.row("95 % interval, from")[-1], page.row("95 % interval, to")[-1]) == ("2.36", "3.41")
    assert page.row("persistence") == ["8.40", "30.0", "66.7", "119", "181", "247"]
    assert page.row("constant velocity")[-1] == "826"
    assert page.row("persistence ÷ model") == ["27.1×", "48.4×", "68.1×", "79.3×", "86.2×", "87.0×"]
    assert len(page.row("ball_y")) == 6


def test_the_error_is_split_by_event_and_feature_the_worst_first(tmp_path, result):
    page = report(tmp_path, result)
    assert page.row("a serve") == ["", "75%", "6.00", "0.42", "100"]
    assert page.row("free flight") == ["", "25%", "0.22", "0.070", "900"]
    names = [row[0] for row in page.rows if row]
    assert names.index("a serve") < names.index("free flight")
    assert page.row("enemy_y") is not None
    bars = {row[0]: row[-1] for row in page.rows if len(row) == 3}
    assert (bars["enemy_y"], bars["ball_x"]) == ("44.5", "17.2")
    assert list(bars).index("enemy_y") < list(bars).index("ball_x")
    assert "enemy_x" not in bars
    assert "enemy_x" in page.text  # among the features without any error


def test_off_policy_and_floor_have_their_own_tables(tmp_path, result):
    page = report(tmp_path, result)
    assert page.row("mean ÷ recorded actions")[-1] == "1.12"
    assert page.row("model ÷ floor")[-1] == "1.33"
    assert page.row("floor")[-1] == "2.22"
    assert "20 windows" in page.sections["Off policy"]
    assert "5 windows were each played 2 times" in page.sections["The floor"]


@pytest.fixture
def further(result):
    """The parts beyond six steps on the data's own player."""

    def player(mean, serve, ratio):
        events = {"serve": {"title": "a serve", "windows": 9, "mean": [0.0] * 5 + [serve], "median": [0.0] * 6}}
        return {"games": 4, "windows": 80, "mse": {"mean": mean}, "ratio": ratio, "events": events}

    players = {
        "tracking epsilon=0.1": player([0.5] * 5 + [3.21], 7.65, [1.0] * 5 + [1.13]),
        "<sweeping>": player([0.5] * 5 + [4.32], 8.76, [1.0] * 5 + [1.52]),
    }
    curve = [1.0 - step / 200 for step in range(100)]
    share = {"6": 0.99, "12": 0.95, "25": 0.77, "37": 0.61, "50": 0.44, "100": 0.12}
    limits = {"median": 38.5, "share": share, "curve": curve}
    doubt = {
        "windows": 345,
        "spread": [0.1] * 6,
        "error": [0.2] * 6,
        "ratio": [0.5] * 5 + [0.47],
        "outside": [0.03] * 6,
        "surprise": [1.5] * 5 + [1.93],
    }
    result["players"] = {"players": players, "worst": {"player": "<sweeping>", "ratio": [1.52] * 6}}
    result["survival"] = {"rollouts": 926, "games": 14, "steps": 100, "within_2px": limits, "within_12px": limits}
    result["calibration"] = doubt | {
        "samples": 32,
        "coverage": {"50": [0.49] * 6, "90": [0.88] * 6},
        "ranks": dict.fromkeys(("ball_x", "ball_y", "player_y", "enemy_y"), [0.1] * 10),
        "events": {"free_flight": doubt},
    }
    return result


def test_other_players_stand_beside_the_main_figure(tmp_path, further):
    page = report(tmp_path, further)
    assert page.row("<sweeping> (4 games)")[-1] == "4.32"
    assert page.row("<sweeping>: a serve")[-1] == "8.76"
    assert page.row("<sweeping>")[-1] == "1.52"
    assert page.row("tracking epsilon=0.1")[-1] == "1.13"


def test_long_rollouts_are_drawn_and_counted(tmp_path, further):
    page = report(tmp_path, further)
    assert "926 rollouts of 100 agent steps" in page.sections["How long a dream stays right"]
    assert page.row("within 2 px") == ["99%", "95%", "77%", "61%", "44%", "12%", "38.5"]
    assert ("svg", "aria-label", "Share of rollouts that are still right") in page.attributes


def test_doubt_is_held_against_error(tmp_path, further):
    page = report(tmp_path, further)
    assert page.row("spread ÷ error")[-1] == "0.47"
    assert page.row("surprise, nats")[-1] == "1.93"
    assert page.row("truths in the central 90 %")[0] == "0.88"
    assert page.row("      spread ÷ error, free flight")[-1] == "0.47"
    assert ("svg", "aria-label", "Ranks of the truth among the futures") in page.attributes


def test_what_was_not_measured_says_why(tmp_path, result):
    result["off_policy"], result["floor"] = {"skipped": "imported data"}, {"skipped": "floor_futures is 0"}
    del result["action_blind"]
    sections = report(tmp_path, result, history=None).sections
    assert sections["Off policy"] == "Not computed, because imported data."
    assert sections["The floor"] == "Not computed, because floor_futures is 0."
    assert sections["Training"] == "Not computed, because the run has no metrics.jsonl."
    assert sections["Watch it predict"] == "Not computed, because nobody kept any."
    older = "Not computed, because the result was written before this was measured; score the run again."
    for title in ("Without knowing the actions", "Rewards and ends", "Other players"):
        assert sections[title] == older


def test_the_verdict_comes_first_and_is_one_sentence(tmp_path, result):
    text = report(tmp_path, result).sections[""]
    said = (
        "On held-out games the prediction 6 steps ahead (k = 5) is off by 2.84 px² on average (95 % interval 2.36 to "
        "3.41): 87.0× below the error of repeating the last frame, and 1.33× the least error that is possible."
    )
    assert text.index(said) < text.index("median error")
    result["mse"]["mean"][5] = 494.0
    assert "2.00× above the error of repeating the last frame, so it is worse than no model" in verdict(result)


def test_a_model_without_actions_stands_beside_the_model(tmp_path, result):
    result["action_blind"]["mse"]["mean"] = [1.0] * 5 + [142.0]
    result["action_blind"] |= {"ratio": [1.0] * 5 + [50.0]}
    page = report(tmp_path, result)
    assert page.row("action-blind")[-1] == page.row("told other actions")[-1] == "142"
    assert page.row("÷ the right ones")[-1] == "50.0"
    assert "action-blind  142" in page.sections["Error by step"]  # in the chart


def test_heads_have_their_precision_and_recall(tmp_path, result):
    said = {"events": 38, "predicted": 40, "precision": 0.9, "recall": 0.947, "there": 0.91, "elsewhere": -0.0001}
    result["heads"] = {
        "observed": {"point_won": said, "end": said | {"precision": None, "at_points": 0.048}},
        "imagined": {},
    }
    page = report(tmp_path, result)
    assert page.row("points won") == ["38", "40", "0.900", "0.947", "0.910", "0.000", "–"]
    assert page.row("ends of games")[2] == "–"
    assert page.row("ends of games")[-1] == "0.048"


def test_it_says_what_it_is_of(tmp_path, result):
    result["protocol"] |= {"model": {"sha256": "ab" * 32, "update": 500, "seed": 3}, "processor": "a fast one"}
    page = report(tmp_path, result)
    text = page.sections["What this is of"]
    protocol = result["protocol"]
    for fact in (protocol["data"]["sha256"], protocol["code"], "ab" * 32, "a fast one", "12.6 minutes", COMMAND):
        assert fact in text
    # where the run lies is no setting that differs, and what is as by default neither
    assert page.row("train.updates") == ["500", "9000"]
    assert {"run", "train.learning_rate"} & {row[0] for row in page.rows if row} == set()
    assert "not recorded" in report(tmp_path, result, seconds=None).sections["What this is of"]


def test_nothing_is_loaded_from_anywhere(tmp_path, result):
    page = report(tmp_path, result)
    for tag, name, value in page.attributes:
        assert tag not in ("link", "iframe", "object", "img")
        assert "//" not in value, (tag, name, value)
        assert name not in ("src", "href") or value.startswith("#")
    text = (tmp_path / "run" / "report.html").read_text()
    assert "http" not in text.lower().replace("http-equiv", "")
    assert "@import" not in text
    # and the browser is told to refuse it
    (policy,) = [value for tag, name, value in page.attributes if (tag, name) == ("meta", "content") and "src" in value]
    assert policy.startswith("default-src 'none';")
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_a_model_that_is_worse_than_no_model_is_said_to_be_above_it(tmp_path, result):
    result["mse"]["mean"] = [9.0, 33.0, 70.0, 130.0, 200.0, 308.75]
    page = report(tmp_path, result)
    assert "1.25× above" in page.sections[""]
    assert "below" not in page.sections[""]
    assert page.row("persistence ÷ model")[-1] == "0.80×"


def test_the_start_of_a_game_is_held_against_what_is_possible(tmp_path, result):
    result["start"] = {
        "windows": 35,
        "floor": [0.5] * 5 + [11.0],
        "model": [1.0] * 5 + [16.5],
        "ratio": [2.0] * 5 + [1.5],
    }
    page = report(tmp_path, result)
    assert "35 windows begin in the first 40 steps" in page.sections["The start of a game"]
    assert page.row("least possible")[-1] == "11.0"
    assert page.row("model ÷ least possible") == ["2.00"] * 5 + ["1.50"]
    result["start"] = {"skipped": "no emulator"}
    assert report(tmp_path, result).sections["The start of a game"] == "Not computed, because no emulator."


def test_the_validation_s_curve_says_that_it_is_of_another_prediction_and_of_other_games(tmp_path, result):
    result["protocol"] |= {"prediction": "mean over 32 samples"}
    text = report(tmp_path, result).sections["Training"]
    assert "of the mode" in text
    assert "validation games" in text
    assert "another prediction (mean over 32 samples)" in text


def test_the_training_is_drawn_from_what_was_logged(tmp_path, result):
    text = report(tmp_path, result).sections["Training"]
    for label in ("mean, k = 0", "mean, k = 5", "median, k = 5", "persistence, k = 5", "loss", "open loop"):
        assert label in text
    assert "learning rate" not in text
    assert "gradient norm" not in text


def test_settings_and_the_command_are_text_whatever_they_hold(tmp_path, result):
    nasty = "</script><script>alert(1)</script> & \"'"
    calm = report(tmp_path, result)
    config = CONFIG | {"note": nasty}
    page = report(tmp_path, result, name="<b>", config=config, command=f"run {nasty}")
    tags = [[tag for tag, _, _ in one.attributes] for one in (calm, page)]
    assert [tags[1].count(tag) for tag in ("script", "b")] == [tags[0].count(tag) for tag in ("script", "b")]
    assert f"note: {nasty}" in page.sections["What this is of"]
    assert f"run {nasty}" in page.text
    assert page.row("note") == [nasty, "–"]
    assert "train.updates: 500\ntrain.learning_rate: 0.001" in page.text
    assert page.sections[""].startswith("<b>: open-loop report")


def test_a_perfect_model_is_a_page_too(tmp_path, result):
    zeros = [0.0] * 6
    result["mse"] = {"mean": zeros, "median": zeros, "p90": zeros, "ci95": [[0.0, 0.0]] * 6}
    result["features"] = dict.fromkeys(result["features"], zeros)
    result["events"] = {"goal": {"title": "a goal", "windows": 4, "mean": zeros, "median": zeros}}
    result["off_policy"]["ratio"], result["floor"]["ratio"] = [None] * 6, [None] * 6
    page = report(tmp_path, result)
    assert page.row("mean") == ["0"] * 6
    assert page.row("a goal") == ["", "0%", "0", "0", "4"]
    assert page.row("persistence ÷ model") == ["∞×"] * 6
    assert page.row("model ÷ floor") == ["–"] * 6
    assert "ball_y, " in page.sections["Where the error is"]
    assert "least possible error" not in page.sections[""]


def test_figures_that_are_no_numbers_are_dashes(tmp_path, result):
    result["mse"]["mean"][5] = math.nan
    result["events"]["goal"] = {"title": "a goal", "windows": 0, "mean": [math.nan] * 6, "median": [None] * 6}
    result["features"]["ball_y"] = [math.nan] * 6
    page = report(tmp_path, result)
    assert page.row("mean")[-1] == "–"
    assert page.row("persistence ÷ model")[-1] == "–"
    assert page.row("a goal") == ["", "0%", "–", "–", "0"]
    assert page.row("a serve")[1] == "75%"
    assert "nan" not in page.text.lower()
    assert not [value for _, name, value in page.attributes if name in ("style", "d") and "nan" in value.lower()]


def test_a_result_as_it_is_measured_is_a_page(tmp_path, measured):
    page = report(tmp_path, measured)
    assert page.row("persistence ÷ model") == ["1.00×"] * 6
    assert page.row("mean") == page.row("persistence")
