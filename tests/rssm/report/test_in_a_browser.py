"""The page as a person has it: in a browser, under a mouse and a keyboard."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rssm.config import EvalConfig
from rssm.evaluation.kept_windows import Predicted, keep_windows
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import evaluate
from rssm.games.pong.game import PONG
from rssm.numbers import short
from rssm.report import page
from rssm.report.about import Run
from rssm.report.player import player
from rssm.report.report import write_report

NASTY = "<script>hurt = 1</script>"
STEP = 'input[name="k"][value="{}"]'
LAST = 9  # four frames that are seen, and six
FIELD, IMAGINED = [144, 72, 17, 255], [28, 38, 84, 255]


@dataclass
class Report:
    path: Path
    result: dict[str, Any]
    kept: dict[str, Any]

    def windows(self, group):
        return [window for window in self.kept["windows"] if group in window["groups"]]


@pytest.fixture(scope="module")
def report(make_model, recorded_sticky, tmp_path_factory):
    predictor, seen = WorldModelPredictor(make_model().eval(), 2), Predicted()
    config = EvalConfig(samples=2, bootstrap=10, off_policy_windows=0)
    result = evaluate(predictor, recorded_sticky, config, "mean over 2 samples", watch=seen.see)
    kept = keep_windows(seen, predictor, recorded_sticky, 0)
    kept["events"]["start"] = NASTY
    path = tmp_path_factory.mktemp("page") / "report.html"
    run = Run(NASTY, {"note": NASTY}, {}, f"python {NASTY}", None)
    write_report(path, result, run=run, game=PONG, windows=(kept, ""), history=[{"update": 1, "train/loss": 2.0}])
    return Report(path, result, kept)


@pytest.fixture
def opened(tab, report):
    tab.open(report.path)
    yield tab
    assert tab.problems == []
    assert tab.requests == [report.path.as_uri()]


def pixel(tab, screen):
    """What colour the field has, beside everything that moves."""
    return tab.js(
        f"(() => {{ const pen = new OffscreenCanvas(480, 630).getContext('2d');"
        f"pen.drawImage(document.getElementById('{screen}-screen'), 0, 0);"
        "return [...pen.getImageData(240, 110, 1, 1).data]; })()"
    )


def position(tab):
    return int(tab.js("document.getElementById('scrub').value"))


def test_the_player_shows_the_errors_that_are_stored(opened, report):
    worst = report.windows("worst")
    assert opened.text("#errors-row td") == [short(error) for error in worst[0]["error"]]
    assert opened.text("#actions-row td") == [report.kept["actions"][action] for action in worst[0]["actions"]]
    assert position(opened) == 4
    for k in range(6):
        name = report.kept["actions"][worst[0]["actions"][k]]
        assert opened.text("#now") == [f"k = {k}, after {name}: off by {short(worst[0]['error'][k])} px²."]
        assert opened.text("#by-step .now")[0] == f"k\xa0=\xa0{k}"
        opened.click("#step")
    assert position(opened) == LAST  # there is no step behind the last
    assert len(opened.text("#window option")) == len(worst)
    opened.choose("#window", str(report.kept["windows"].index(worst[3])))
    assert opened.text("#errors-row td") == [short(error) for error in worst[3]["error"]]
    assert position(opened) == 0


def test_windows_of_an_event_and_at_random_can_be_picked(opened, report):
    for group in ("random", f"event:{report.kept['windows'][0]['event']}"):
        opened.choose("#group", group)
        errors = [short(window["error"][-1]) for window in report.windows(group)]
        assert [text.partition(" px²")[0] for text in opened.text("#window option")] == errors
        before = opened.js("document.getElementById('window').value")
        opened.click("#another")
        assert opened.js("document.getElementById('window').value") != before


def test_it_is_scrubbed_and_stepped_with_keys(opened):
    opened.js("document.getElementById('scrub').focus()")
    for key, code, expected in (("Home", 36, 0), ("ArrowRight", 39, 1), ("End", 35, LAST), ("ArrowLeft", 37, LAST - 1)):
        opened.press(key, code)
        assert position(opened) == expected
    opened.press(",", 188)
    assert position(opened) == LAST - 2
    opened.press(".", 190)
    assert position(opened) == LAST - 1
    assert opened.js("document.getElementById('scrub').getAttribute('aria-valuetext')") == opened.text("#now")[0]
    opened.press("Home", 36)
    assert opened.text("#now") == ["The model watches: 3 steps before the last frame that it sees."]


def test_it_plays_pauses_and_ends(opened):
    opened.choose("#speed", "1")
    opened.click("#play")
    assert opened.text("#play") == ["Pause"]
    opened.click("#play")
    assert (opened.text("#play"), position(opened)) == (["Play"], 4)
    opened.choose("#speed", "15")
    opened.js("document.getElementById('scrub').focus()")
    opened.press(" ", 32)
    deadline = time.monotonic() + 30
    while opened.text("#play") != ["Play"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert position(opened) == LAST


def test_real_and_imagined_stand_beside_or_over_each_other(opened):
    assert (pixel(opened, "real"), pixel(opened, "imagined")) == (FIELD, IMAGINED)
    shown = "getComputedStyle(document.getElementById('real-screen').parentElement).display !== 'none'"
    picture = "document.getElementById('imagined-screen').toDataURL()"
    opened.click("#step")
    assert opened.js(shown)
    beside = opened.js(picture)
    opened.click("#overlay")
    assert not opened.js(shown)
    overlaid = opened.js(picture)
    opened.click("#futures")
    assert len({beside, overlaid, opened.js(picture)}) == 3
    opened.click("#futures")
    assert opened.js(picture) == overlaid
    for _ in range(2):
        opened.click("#back")
    assert (opened.text("#imagined-name"), pixel(opened, "imagined")) == (["seen by the model"], FIELD)


def test_any_step_can_be_chosen_for_events_and_features(opened, report):
    tables = "table.bars tbody"
    for k in (5, 0, 3):
        opened.click(STEP.format(k))
        names, means = opened.text(f"{tables}:first-of-type th"), opened.text("table.bars td:nth-child(4)")
        events = {event["title"]: event for event in report.result["events"].values()}
        assert [means[names.index(title)] for title in events] == [short(e["mean"][k]) for e in events.values()]
        features = report.result["features"]
        rows = opened.js(
            f"[...[...document.querySelectorAll('{tables}')][1].rows]"
            ".map((row) => [...row.cells].map((cell) => cell.textContent))"
        )
        shown = {row[0]: row[-1] for row in rows}
        assert shown == {name: short(features[name][k]) for name in shown}
        order = [features[row[0]][k] for row in rows]
        assert order == sorted(order, reverse=True)
        widest = opened.js(f"[...document.querySelectorAll('{tables}')][1].querySelector('i').style.width")
        assert widest == "100%"


def test_names_are_text(opened):
    assert opened.js("typeof hurt") == "undefined"
    assert opened.js("document.title").startswith(NASTY)
    assert any(NASTY in text for text in opened.text("#group option"))


def test_it_fits_a_phone_and_paper_and_the_dark(tab, report):
    assert report.path.stat().st_size < 5_000_000
    tab.open(report.path, width=390)
    assert tab.js("innerWidth") == 390
    assert tab.js("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    wide = "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth + 1)"
    assert tab.js(f"{wide}.map((one) => one.innerText)") == []  # no column out of sight
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.js(ground)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    tab.ask("Emulation.setEmulatedMedia", features=dark)
    assert tab.js(ground) != light
    tab.ask("Emulation.setEmulatedMedia", media="print", features=dark)
    assert tab.js("getComputedStyle(document.documentElement).getPropertyValue('--ink')").strip() == "#1b1f26"
    assert tab.js("getComputedStyle(document.querySelector('.buttons')).display") == "none"
    tab.ask("Emulation.setEmulatedMedia", media="", features=[])


def test_a_game_without_a_picture_is_drawn_as_marks_on_lines(tab, report, tmp_path):
    path = tmp_path / "gauges.html"
    path.write_text(page.page("gauges", player(report.kept, None, "mode")), encoding="utf-8")
    tab.open(path)
    picture = "document.getElementById('imagined-screen').toDataURL()"
    before = tab.js(picture)
    tab.click("#step")
    assert tab.js(picture) != before
    assert (tab.problems, tab.requests) == ([], [path.as_uri()])
