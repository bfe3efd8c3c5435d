"""``report.html`` of an agent's run: how well it plays real games, how it came to, and what its dreams are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.play.scores import POLICIES, WAYS
from agents.report.verdict import verdict
from rssm.game import Game
from rssm.numbers import number, points
from rssm.report import page
from rssm.report.about import Run, about, duration, result_facts, settings_text
from rssm.report.charts import curves, games_strip
from rssm.report.curves import losses
from rssm.report.drawing import COLOURS, MARKERS, STYLES, Line, to_svg
from rssm.report.measured import heads
from rssm.report.report import head, world_model, write_page

#: what is imagined and what it is held against, by what both are called
_PAIRS = {"reward": "points in six steps", "value": "return from a moment on"}
_ERROR = "imagination/error_k"


def write_agent_report(
    path: Path,
    *,
    run: Run,
    game: Game,
    games: Mapping[str, Any] | None,
    curve: Sequence[Mapping[str, Any]],
    history: Sequence[Mapping[str, Any]] | None,
    result: tuple[Mapping[str, Any] | None, str],
    windows: tuple[Mapping[str, Any] | None, str],
    spent: Mapping[str, float],
) -> None:
    """Write the page, atomically. What was not played, measured or recorded says so, with the reason.

    Args:
        path: of the page.
        run: whose agent it is.
        game: that it plays.
        games: what ``games.json`` holds; None where nothing was played.
        curve: the points of ``curve.json``; empty where there is no such file.
        history: the lines of ``metrics.jsonl``; None where there is no record of the training.
        result: what is said of its world model's error (``openloop.json``), or None and why nothing is.
        windows: what lies beside that, or None and why there is none.
        spent: seconds of the training by what they went into; empty where they are not recorded.
    """
    said = [] if games is None else verdict(games).splitlines()
    scored, reason = result
    sections = [
        head(run.name, "How well does the agent play?", [line[:1].upper() + line[1:] + "." for line in said[:1]]),
        "".join(page.paragraph(f"{line[:1].upper()}{line[1:]}.") for line in said[1:]),
        _cards(games, game),
        page.section("Real games", page.missing(_NO_GAMES) if games is None else _games(games, game)),
        page.section("Score over real steps", _curve(curve, game)),
        page.section("Rewards and ends in recorded games", _events(games)),
        page.section("Imagined against real", _imagined(history)),
        page.section("The world model that it learned in", page.missing(reason)) if scored is None else "",
        "" if scored is None else _of(scored, game, windows),
        page.section("Training", page.missing(_NO_METRICS) if history is None else losses(history)),
        page.section("What this is of", about(run, _facts(games, spent, run, scored))),
    ]
    write_page(path, f"{run.name}: agent's report", "".join(sections))


_NO_GAMES = "the run has no games.json: scripts/evaluate_agent.py plays some"
_NO_METRICS = "the run has no metrics.jsonl"


def _of(scored: Mapping[str, Any], game: Game, windows: tuple[Mapping[str, Any] | None, str]) -> str:
    data = scored["protocol"]["data"]
    return page.section(
        "The world model that it learned in",
        page.paragraph(
            f"Its error on {scored['windows']:,} windows of {data['role']} games by another player ({data['folder']}); "
            "k = 0 is one agent step after the last frame that it saw. The sections from here to Training are about "
            "it.",
            "soft",
        ),
    ) + world_model(scored, game, windows)


def _cards(games: Mapping[str, Any] | None, game: Game) -> str:
    if games is None:
        return ""
    entries = []
    for name in WAYS:
        if name in games:
            error = number(games[name]["standard_error"])
            entries.append((_score(games[name]["mean"], game), "", f"{name}; standard error {error}"))
    return page.cards(entries)


def _score(value: float, game: Game) -> str:
    """With a sign where points are lost as well as made."""
    return points(value) if game.won else number(value)


def _games(games: Mapping[str, Any], game: Game) -> str:
    ways = [name for name in WAYS if name in games]
    rows: dict[str, list[object]] = {"mean": [_score(games[name]["mean"], game) for name in ways]}
    rows["standard error"] = [number(games[name]["standard_error"]) for name in ways]
    rows |= {key: [f"{games[name][key]:g}" for name in ways] for key in ("min", "median")}
    rows["games"] = [games[name]["games"] for name in ways]
    rows |= {"of these won": [int(games[name]["wins"]) for name in ways]} if game.won else {}
    rows["played to their end"] = [games[name].get("finished", games[name]["games"]) for name in ways]
    rows["agent steps a game"] = [f"{games[name]['length']:,.0f}" for name in ways]
    actions = {name: games[name].get("acted", {}).get("actions") for name in ways}
    acted = "; ".join(f"{name}: {how}" for name, how in actions.items() if how)
    scores = {name: games[name]["scores"] for name in ways if "scores" in games[name]}
    table = page.table(("", *ways), rows)
    if not scores:
        return table + page.missing("the file does not hold the games one by one; it is of an older run")
    caption = f"Every game, a mark each; the line is the mean. {f'Actions, {acted}.' if acted else ''}"
    chart = page.chart(
        to_svg(games_strip(scores), "games"), "Score of every game; the table below has the statistics", caption
    )
    return chart + table


def _events(games: Mapping[str, Any] | None) -> str:
    """The heads on games that it was scored on beside its own; nothing where it was not."""
    if games is None or "events" not in games:
        return ""
    data = games["events"].get("data", {}).get("folder", "recorded games")
    return page.paragraph(f"On {data}.", "soft") + heads(games["events"])


def _curve(curve: Sequence[Mapping[str, Any]], game: Game) -> str:
    if not curve:
        return page.missing("the run has no curve.json; runs keep one as they are trained")
    key, axis = ("env_steps", "real agent steps")
    note = ""
    if len({point["env_steps"] for point in curve}) == 1:
        key, axis = "update", "updates of the agent"
        note = (
            f" All of them after the same {curve[0]['env_steps']:,} real steps: it learned from recorded games alone."
        )
    lines, rows = [], {}
    for place, name in enumerate(WAYS):
        found = [point for point in curve if name in point]
        if not found:
            continue
        found = list({point[key]: point for point in found}.values())  # the last games of a run are of the same agent
        means = [(point[key], point[name]["mean"]) for point in found]
        ends = [_two_errors(point[name]) for point in found]
        mark = MARKERS[place]
        lines.append(Line(name, means, COLOURS[place], STYLES[place], marker=mark, interval=ends))
    for point in curve:
        rows[f"{point[key]:,}"] = [
            f"{point[name]['mean']:.2f} ± {number(point[name]['standard_error'])}" if name in point else None
            for name in POLICIES
        ]
    unit = "points" if game.won else "sum of rewards"
    figure = curves(lines, f"score in real games, {unit}", axis, log=False)
    caption = (
        "Mean score of the games that were played to look at the agent; none of them is learned from, or counted. "
        f"Bars: two standard errors. Every real step that it learned from is counted, random play included.{note}"
    )
    return page.chart(to_svg(figure, "curve"), "Score over the training", caption) + page.details(
        "The same as a table", page.table((axis, *(f"{name} ± error" for name in POLICIES)), rows)
    )


def _two_errors(games: Mapping[str, Any]) -> tuple[float, float]:
    return games["mean"] - 2 * games["standard_error"], games["mean"] + 2 * games["standard_error"]


def _imagined(history: Sequence[Mapping[str, Any]] | None) -> str:
    if history is None:
        return page.missing(_NO_METRICS)
    rows = [row for row in history if "imagination/reward" in row and row.get("env_steps") is not None]
    if not rows:
        return page.missing("no evaluation of the run drew moments to imagine from (evaluation.states)")
    steps = sorted(int(key.removeprefix(_ERROR)) for key in rows[-1] if key.startswith(_ERROR))
    errors = [
        Line(
            f"k = {k}",
            [(row["env_steps"], row.get(f"{_ERROR}{k}")) for row in rows],
            COLOURS[i],
            STYLES[i],
            marker=mark,
        )
        for i, (k, mark) in enumerate(zip((steps[0], steps[-1]), MARKERS, strict=False))
    ]
    text = page.paragraph(
        "At each evaluation the agent imagines six steps from moments of its own real games, and the same actions are "
        "played in the real game from there.",
        "soft",
    )
    figure = curves(errors, "squared error of what it imagines", "real agent steps")
    text += page.chart(
        to_svg(figure, "dreams"), "Error of imagined steps", "Mean over all values of the observation, px² in Pong."
    )
    for name, what in _PAIRS.items():
        pair = [
            Line(
                kind,
                [(row["env_steps"], row.get(f"{key}/{name}")) for row in rows],
                COLOURS[i],
                STYLES[i],
                marker=MARKERS[i],
            )
            for i, (kind, key) in enumerate((("imagined", "imagination"), ("real", "real")))
        ]
        figure = curves(pair, f"{what}, points", "real agent steps", log=False)
        text += page.chart(to_svg(figure, name), f"{what}, imagined and real", f"{what.capitalize()}.")
    last = {f"{row['env_steps']:,} real steps": [row.get(f"{_ERROR}{k}") for k in steps] for row in rows[-1:]}
    return text + "<h3>Squared error at the last evaluation</h3>" + page.steps_table("after", last)


def _facts(
    games: Mapping[str, Any] | None, spent: Mapping[str, float], run: Run, scored: Mapping[str, Any] | None
) -> dict[str, str]:
    facts = {"Training took": duration(run.seconds)}
    if spent:
        facts["Of this"] = "; ".join(f"{name} {duration(seconds)}" for name, seconds in spent.items())
    facts["Seed of the training"] = str(run.config.get("seed"))
    if games is not None:
        weights = games.get("weights", {})
        played = [games[name] for name in WAYS if name in games]
        codes = sorted({str(one["code"]) for one in played if "code" in one})
        facts |= {
            "Game": settings_text(games.get("env", {"repeat_action_probability": games.get("sticky")})),
            "Seed of the games": str(games.get("seed")),
            "Agent's weights": weights.get("agent", "not recorded"),
            "World model's weights": weights.get("model", "not recorded"),
            "Played by code of": ", ".join(codes) or "not recorded",
            "Processor": games.get("processor", "not recorded"),
        }
    if scored is not None:
        facts |= {
            f"World model, {name[:1].lower()}{name[1:]}": text
            for name, text in result_facts(scored["protocol"]).items()
        }
    return facts
