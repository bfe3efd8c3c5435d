"""``report.html``: one self-contained page that says how good a run's world model is, and where it is not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from rssm.game import Game
from rssm.numbers import short
from rssm.report import page
from rssm.report.about import Run, about, duration, result_facts
from rssm.report.charts import error_by_step
from rssm.report.curves import training
from rssm.report.drawing import LEAST, to_svg
from rssm.report.measured import event_title, measured
from rssm.report.page import BarRow
from rssm.report.player import player
from rssm.report.verdict import against, times, verdict
from rssm.storage.files import replace_file


def write_report(
    path: Path,
    result: Mapping[str, Any],
    *,
    run: Run,
    game: Game,
    windows: tuple[Mapping[str, Any] | None, str],
    history: Sequence[Mapping[str, Any]] | None,
) -> None:
    """Write the page, atomically. What was not measured or recorded says so, with the reason.

    Args:
        path: of the page.
        result: what ``openloop.json`` holds.
        run: whose result it is.
        game: that it is of.
        windows: what ``openloop.windows.json`` holds, or None and why there is none.
        history: the lines of ``metrics.jsonl``; None where there is no record of the training.
    """
    protocol = result["protocol"]
    facts = result_facts(protocol) | {"Training took": duration(run.seconds)}
    drawn = "the run has no metrics.jsonl" if history is None else training(history, protocol)
    sections = [
        head(run.name, "How far does the world model see?", [verdict(result)]),
        _cards(result),
        page.paragraph(_setting(result), "soft"),
        world_model(result, game, windows),
        page.section("Training", page.missing(drawn) if history is None else drawn),
        page.section("What this is of", about(run, facts)),
    ]
    write_page(path, f"{run.name}: open-loop report", "".join(sections))


def write_page(path: Path, title: str, html: str) -> None:
    """Write a whole page, atomically."""
    text = page.page(title, html)
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def head(name: str, question: str, verdicts: Sequence[str]) -> str:
    """Title and verdict, the first thing to be read."""
    said = "".join(page.paragraph(line, "lead") for line in verdicts)
    return f"<h1>{escape(question)}</h1>{page.paragraph(name, 'soft')}{said}"


def world_model(result: Mapping[str, Any], game: Game, windows: tuple[Mapping[str, Any] | None, str]) -> str:
    """All sections about a world model's result."""
    kept, reason = windows
    shown = page.missing(reason) if kept is None else player(kept, game.sketch(), result["protocol"]["prediction"])
    steps = page.step_choice(len(result["mse"]["mean"]))
    return (
        page.section("Error by step", _errors(result))
        + page.section("Watch it predict", shown)
        + page.section("Where the error is", f"{steps}{_events(result)}{_features(result)}")
        + measured(result)
    )


def _cards(result: Mapping[str, Any]) -> str:
    mse = result["mse"]
    k = len(mse["mean"]) - 1
    mean, (low, high) = mse["mean"][-1], mse["ci95"][-1]
    persistence = result["baselines"]["persistence"]["mean"][-1]
    cards = [
        (short(mean), "px²", f"mean error at k = {k}; 95 % interval {short(low)} to {short(high)}"),
        (short(mse["median"][-1]), "px²", f"median error at k = {k}"),
        (*against(persistence, mean), f"the error of persistence ({short(persistence)} px²), k = {k}"),
        (short(mse["mean"][0]), "px²", "mean error at k = 0, one step ahead"),
    ]
    if result["mae"]:
        place, far = max(((place, values[-1]) for place, values in result["mae"].items()), key=lambda pair: pair[1])
        cards.append((short(far), "px", f"mean distance of {place.replace('_', ' ')} from its true value, k = {k}"))
    for part, text in _RATIOS.items():
        ratio = result.get(part, {}).get("ratio", [None])[-1]
        if ratio is not None:
            cards.append((f"{short(ratio)}×", "", f"{text}, k = {k}"))
    return page.cards(cards)


_RATIOS = {
    "off_policy": "the error on recorded actions, under random actions",
    "action_blind": "its error when told other actions than those played",
    "floor": "the least possible error",
}


def _setting(result: Mapping[str, Any]) -> str:
    protocol, data = result["protocol"], result["protocol"]["data"]
    return (
        f"Open-loop error on {result['windows']:,} windows of {protocol['episodes']:,} {data['role']} games "
        f"({data['folder']}), goals and serves included. Prediction: {protocol['prediction']}. "
        "k counts the predicted steps: k = 0 is one agent step after the last frame that the model saw."
    )


def _errors(result: Mapping[str, Any]) -> str:
    mse = result["mse"]
    rows: dict[str, Sequence[object]] = {
        "mean": mse["mean"],
        "95 % interval, from": [low for low, _ in mse["ci95"]],
        "95 % interval, to": [high for _, high in mse["ci95"]],
        "median": mse["median"],
        "90th percentile": mse["p90"],
        "mean, newest frame only": result["frame_mse"]["mean"],
    }
    others = _baselines(result)
    rows |= {name: errors["mean"] for name, errors in others.items()}
    if "mean" in result.get("floor", {}):
        rows["least possible (floor)"] = result["floor"]["mean"]
    rows["persistence ÷ model"] = [
        times(above, below)
        for above, below in zip(result["baselines"]["persistence"]["mean"], mse["mean"], strict=True)
    ]
    caption = (
        "Mean over all values of the observation of (predicted − real)², in raw px², neither rounded nor clipped. The "
        "model sees the game up to a window's start and from there on the recorded actions alone; k = 0 is one agent "
        "step ahead. Band and vertical bars: 95 % bootstrap intervals over games. The axis is logarithmic; what is "
        f"below {LEAST:g} px² is drawn on that line. Persistence repeats the newest frame, constant velocity moves on "
        "what moved, action-blind is the model told the actions of other windows, and the floor is the least "
        "possible error."
    )
    return (
        page.chart(
            to_svg(error_by_step(result), "error"), "Open-loop error by step; the table below has its values", caption
        )
        + "<h3>Squared error, px²</h3>"
        + page.steps_table("model", rows, strong=("mean",))
        + "<h3>Mean distance from the true position, px</h3>"
        + page.steps_table("newest frame", result["mae"])
        + page.details(
            "Intervals, medians and 90th percentiles of the baselines, px²", page.steps_table("", _spread(others))
        )
    )


def _baselines(result: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What the model's error is held against, by name."""
    found = {name.replace("_", " "): baseline for name, baseline in result["baselines"].items()}
    return found | ({"action-blind": result["action_blind"]["mse"]} if "mse" in result.get("action_blind", {}) else {})


def _spread(baselines: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[object]]:
    """Rows of all statistics of the baselines but the mean."""
    rows: dict[str, Sequence[object]] = {}
    for name, errors in baselines.items():
        if "ci95" in errors:
            rows[f"{name}, 95 %, from"] = [low for low, _ in errors["ci95"]]
            rows[f"{name}, 95 %, to"] = [high for _, high in errors["ci95"]]
        for statistic, text in (("median", "median"), ("p90", "90th percentile")):
            if statistic in errors:
                rows[f"{name}, {text}"] = errors[statistic]
    return rows


def _events(result: Mapping[str, Any]) -> str:
    events = result["events"]
    if not events:
        return ""
    steps = range(len(result["mse"]["mean"]))
    sums = {name: [_finite(event["windows"] * event["mean"][k]) for k in steps] for name, event in events.items()}
    totals = [sum(values[k] for values in sums.values()) for k in steps]
    most = [max(values[k] for values in sums.values()) or 1.0 for k in steps]
    rows = [
        BarRow(
            event_title(name, event),
            [sums[name][k] / most[k] for k in steps],
            [
                [f"{sums[name][k] / totals[k] if totals[k] > 0 else 0.0:.0%}" for k in steps],
                event["mean"],
                event["median"],
                event["windows"],
            ],
        )
        for name, event in events.items()
    ]
    return page.paragraph(
        "By what happens in a window; each counts once. Squared error at the step that is chosen, px².", "soft"
    ) + page.bar_table(("what happens", "share of all error", "", "mean", "median", "windows"), rows)


def _features(result: Mapping[str, Any]) -> str:
    errors = result["features"]
    wrong = {name: values for name, values in errors.items() if any(value != 0 for value in values)}
    exact = [name for name in errors if name not in wrong]
    steps = range(len(result["mse"]["mean"]))
    most = [max((_finite(values[k]) for values in wrong.values()), default=0.0) or 1.0 for k in steps]
    rows = [BarRow(name, [_finite(values[k]) / most[k] for k in steps], [values]) for name, values in wrong.items()]
    note = f"Without any error: {', '.join(exact)}." if exact else ""
    return (
        "<h3>By feature of the newest frame</h3>"
        + (page.bar_table(("feature", "", "mean squared error"), rows) if rows else "")
        + page.paragraph(note, "soft")
    )


def _finite(value: float | None) -> float:
    return value if value is not None and math.isfinite(value) else 0.0
