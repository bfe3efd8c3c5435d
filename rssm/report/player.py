"""The part of a page that plays single windows; see :mod:`rssm.evaluation.kept_windows` for what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rssm.evaluation.kept_windows import EVENT_GROUP, RANDOM_GROUP, WORST_GROUP
from rssm.numbers import short
from rssm.report import page

_ABOUT = (
    "Left, the game as it was played; right, the same steps as the model imagines them from the recorded actions "
    "alone, on blue ground from the moment on at which it is blind. Overlaid, yellow outlines show where things really "
    "are. Faint shapes are single sampled futures; the solid one is the prediction that is scored ({prediction}). An "
    "action stands in the column of the frame that it led to, the error is the mean over all values of the "
    "observation, in px², as everywhere on this page. Keys: space plays and pauses, full stop and comma step, "
    "arrows move the slider."
)
_SPEEDS = ((1, "1 step a second"), (2, "2 a second"), (4, "4 a second"), (15, "15 a second, as played"))


def player(kept: Mapping[str, Any], sketch: str | None, prediction: str) -> str:
    """The player as HTML with its data and scripts; needs :mod:`page`'s style.

    Args:
        kept: what ``openloop.windows.json`` holds.
        sketch: as :meth:`rssm.game.Game.sketch` gives it; None draws the features as marks on lines.
        prediction: what is scored, in words.
    """
    windows = [{**window, "text": [short(error) for error in window["error"]]} for window in kept["windows"]]
    steps, length = len(windows[0]["error"]), len(windows[0]["real"])
    events = {name: title for name, title in kept["events"].items() if any(w["event"] == name for w in windows)}
    shown = {"features": kept["features"], "actions": kept["actions"], "events": events, "windows": windows}
    return (
        page.paragraph(_ABOUT.format(prediction=prediction), "soft")
        + f'<div id="player">{_choices(events, windows)}{_screens()}{_controls(length)}{_by_step(steps)}</div>'
        + "<noscript><p>The player needs a browser that runs scripts.</p></noscript>"
        + page.data("windows", shown)
        + page.script(page.source("gauges.js") if sketch is None else sketch)
        + page.script(page.source("player.js"))
    )


def _choices(events: Mapping[str, str], windows: Sequence[Mapping[str, Any]]) -> str:
    last = len(windows[0]["error"]) - 1
    worst = sum(WORST_GROUP in window["groups"] for window in windows)
    groups = {WORST_GROUP: f"the {worst} worst at k = {last}", RANDOM_GROUP: "any, at random"}
    groups |= {f"{EVENT_GROUP}{name}": title for name, title in events.items()}
    options = "".join(f'<option value="{escape(key)}">{escape(title)}</option>' for key, title in groups.items())
    return (
        f'<div class="pick"><label for="group">Windows</label><select id="group">{options}</select>'
        f'<label for="window">One of them</label><select id="window" title="error at k = {last}, and what happens">'
        "</select></div>"
    )


def _screens() -> str:
    screens = "".join(
        f'<figure><figcaption id="{name}-name">{name}</figcaption>'
        f'<canvas id="{name}-screen" role="img"></canvas></figure>'
        for name in ("real", "imagined")
    )
    return f'<div id="screens">{screens}</div><p id="now" role="status" aria-live="polite"></p>'


def _controls(length: int) -> str:
    speeds = "".join(f'<option value="{speed}"{" selected" * (speed == 2)}>{text}</option>' for speed, text in _SPEEDS)
    return (
        f'<input id="scrub" type="range" min="0" max="{length - 1}" step="1" aria-label="Step of the window">'
        '<div class="buttons"><button type="button" id="back">Back</button>'
        '<button type="button" id="play">Play</button><button type="button" id="step">Step</button>'
        '<button type="button" id="another">Another</button>'
        f'<select id="speed" aria-label="Speed">{speeds}</select></div>'
        '<div class="buttons"><label><input type="checkbox" id="overlay"> overlaid</label>'
        '<label><input type="checkbox" id="futures" checked> sampled futures</label></div>'
    )


def _by_step(steps: int) -> str:
    head = "".join(f'<th scope="col">k&nbsp;=&nbsp;{k}</th>' for k in range(steps))
    cells = "<td></td>" * steps
    bars = '<td aria-hidden="true"><i></i></td>' * steps
    return (
        f'<table id="by-step"><thead><tr><td></td>{head}</tr></thead><tbody>'
        f'<tr id="actions-row"><th scope="row">action</th>{cells}</tr>'
        f'<tr id="errors-row"><th scope="row">error, px²</th>{cells}</tr>'
        f'<tr id="bars-row"><th scope="row"><span></span></th>{bars}</tr></tbody></table>'
    )
