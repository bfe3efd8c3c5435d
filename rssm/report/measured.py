"""What else was measured of a world model, as sections of a page: each is there, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rssm.evaluation.survival import MARKS
from rssm.numbers import number, share
from rssm.report import page
from rssm.report.charts import rank_histogram, survival_curves
from rssm.report.drawing import to_svg
from rssm.report.further import sections

_OLDER = "the result was written before this was measured; score the run again"


def measured(result: Mapping[str, Any]) -> str:
    """Every section."""
    return "".join(page.section(title, _shown(result, part, key, show)) for title, part, key, show in _SECTIONS)


def event_title(name: str, event: Mapping[str, Any]) -> str:
    """What an event is called on the page; older results have names alone."""
    return str(event.get("title", name.replace("_", " ")))


def _shown(result: Mapping[str, Any], part: str, key: str, show: Callable[[Mapping[str, Any]], str]) -> str:
    found = result.get(part, {})
    if "skipped" in found:
        return page.missing(found["skipped"])
    return show(found) if key in found else page.missing(_OLDER)


def _action_blind(found: Mapping[str, Any]) -> str:
    mse = found["mse"]
    rows: dict[str, Sequence[object]] = {
        "told other actions": mse["mean"],
        "95 % interval, from": [low for low, _ in mse["ci95"]],
        "95 % interval, to": [high for _, high in mse["ci95"]],
        "told the right ones": found["same_windows"]["mean"],
        "÷ the right ones": found["ratio"],
    }
    return page.paragraph(
        f"The model itself on {found['windows']:,} windows, told the actions of other ones of these. Were it no worse, "
        "it would know what the recording player does, and not what the actions do. Squared error, px².",
        "soft",
    ) + page.steps_table("mean", rows, strong=("÷ the right ones",))


def _start(start: Mapping[str, Any]) -> str:
    rows = {"least possible": start["floor"], "model": start["model"], "model ÷ least possible": start["ratio"]}
    return page.paragraph(
        f"{start['windows']:,} windows begin in the first 40 steps of a game. When its first serve comes depends on "
        "how many no-ops were played before, which nothing shows. The variance of what the recorded actions could "
        "still lead to, over all numbers of no-ops that show the same frames, is the least error that any prediction "
        "can have. Squared error, px².",
        "soft",
    ) + page.steps_table("", rows, strong=("model ÷ least possible",))


def _off_policy(off_policy: Mapping[str, Any]) -> str:
    rows = {name: off_policy["mse"][key] for name, key in _STATISTICS.items()}
    if "baselines" in off_policy:
        rows["persistence"] = off_policy["baselines"]["persistence"]["mean"]
    rows["mean ÷ recorded actions"] = off_policy["ratio"]
    if "same_starts" in off_policy:
        rows["÷ recorded, same starts"] = off_policy["same_starts"]["ratio"]
    return page.paragraph(
        f"{off_policy['windows']:,} windows, played in the emulator from cloned states under random actions: a model "
        "that had learned what the recording player does, and not what the actions do, would fail here. Squared error, "
        "px².",
        "soft",
    ) + page.steps_table("model", rows, strong=("mean ÷ recorded actions",))


_STATISTICS = {"mean": "mean", "median": "median", "90th percentile": "p90"}


def _floor(floor: Mapping[str, Any]) -> str:
    rows = {"floor": floor["mean"], "model": floor["model"], "model ÷ floor": floor["ratio"]}
    rows["model ÷ floor, but for the first 40 steps of a game"] = floor["after_start"]["ratio"]
    return page.paragraph(
        f"Part of the game is chance. {floor['windows']:,} windows were each played {floor['futures']} times in the "
        "emulator from the same state with the same actions; the variance of what happened is the least error that any "
        "prediction can have. The emulator also knows what nothing shows: when a game's first serve comes. Squared "
        "error, px².",
        "soft",
    ) + page.steps_table("", rows, strong=("model ÷ floor",))


def _players(players: Mapping[str, Any]) -> str:
    rows, ratios, later = {}, {}, {}
    for name, player in players["players"].items():
        rows[f"{name} ({player['games']} games)"] = player["mse"]["mean"]
        ratios[name] = player["ratio"]
        if "after_start" in player:
            later[name] = player["after_start"]["ratio"]
        for event in ("serve", "player_hit"):
            if event in player["events"]:
                found = player["events"][event]
                rows[f"{name}: {event_title(event, found)}"] = found["mean"]
    worst = players["worst"]["player"]
    return (
        page.paragraph(
            "The same error on whole games by players other than the one that the figures above are of: a model that "
            "knows the game, and not who played it, is as good on them. Squared error, px².",
            "soft",
        )
        + page.steps_table("mean", rows)
        + "<h3>÷ the error above</h3>"
        + page.steps_table("player", ratios, strong=(worst,))
        + ("<h3>The same without starts of games</h3>" + page.steps_table("player", later) if later else "")
    )


def _survival(found: Mapping[str, Any]) -> str:
    head = ("right for at least … steps", *(f"{mark}" for mark in MARKS), "median")
    rows = {
        name: [*(f"{found[key]['share'][str(mark)]:.0%}" for mark in MARKS), f"{found[key]['median']:g}"]
        for name, key in (("within 2 px", "within_2px"), ("within 12 px", "within_12px"))
    }
    caption = (
        f"{found['rollouts']:,} rollouts of {found['steps']} agent steps under the recorded actions, none of them in a "
        "game's first 40 steps. A rollout is right until the height of a paddle or a coordinate of the ball is off by "
        "more than 2 px, and lost once one is off by more than 12 px in two steps running."
    )
    chart = to_svg(survival_curves(found), "survival")
    return page.chart(chart, "Share of rollouts that are still right", caption) + page.table(head, rows)


def _calibration(found: Mapping[str, Any]) -> str:
    (section,) = sections({"calibration": found})
    caption = (
        f"Where the truth comes among {found['samples']} sampled futures of {found['windows']:,} windows, at "
        f"k = {len(found['ratio']) - 1}. Evenly spread: the model knows its doubt. High at both ends: it is too sure "
        "of itself. The spread, too, should be as large as the squared error of the futures' mean (a ratio of 1)."
    )
    chart = to_svg(rank_histogram(found["ranks"]), "ranks")
    table = page.steps_table("", dict(section.rows), strong=("spread ÷ error",))
    return page.chart(chart, "Ranks of the truth among the futures", caption) + table


def heads(found: Mapping[str, Any]) -> str:
    """Precision and recall of the reward and continue heads (:mod:`rssm.evaluation.head_scores`)."""
    names = {"point_won": "points won", "point_lost": "points lost", "end": "ends of games"}
    head = ("", "there", "said", "right", "found", "value there", "elsewhere", "at points")
    tables = ""
    for where, title in (("observed", "Read from the real game"), ("imagined", "Up to six imagined steps ahead")):
        rows = {
            names.get(name, name): [
                *(number(counts[key]) for key in ("events", "predicted")),
                *(share(counts[key]) for key in ("precision", "recall")),
                *(_said(counts[key]) for key in ("there", "elsewhere")),
                _said(counts.get("at_points")),
            ]
            for name, counts in found[where].items()
        }
        tables += f"<h3>{title}</h3>" + page.table(head, rows)
    return (
        page.paragraph(
            "The reward head says a point where it expects more than half a one, the continue head an end where that "
            "is likelier than going on. There: how many came; said: how many it said; right: the share of these that "
            "came in that very step; found: the share of those that came. Value: the points that it expects, or the "
            "probability of an end, where one came and elsewhere; at points: that of an end where a point was made and "
            "the game went on. What the model reads is free of the absolute score: where that ends a game, all that "
            "can be learned is the share of points that are the last.",
            "soft",
        )
        + tables
    )


def _said(value: float | None) -> str:
    """A head's mean value, without a minus before nothing."""
    return share(None if value is None else round(value, 3) + 0.0)


#: title, key of the result, a key that it has where it was measured, and how it is shown
_SECTIONS: tuple[tuple[str, str, str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("Without knowing the actions", "action_blind", "mse", _action_blind),
    ("Off policy", "off_policy", "mse", _off_policy),
    ("The floor", "floor", "mean", _floor),
    ("The start of a game", "start", "floor", _start),
    ("Other players", "players", "players", _players),
    ("How long a dream stays right", "survival", "within_2px", _survival),
    ("Does it know when it is wrong?", "calibration", "spread", _calibration),
    ("Rewards and ends", "heads", "observed", heads),
)
