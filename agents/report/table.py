"""Scores of an agent as text that a person reads at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.play.scores import WAYS
from rssm import ENV_ID
from rssm.config import HORIZON
from rssm.game import load_game
from rssm.numbers import number, points, share
from rssm.report.tables import text

#: of the first column and of each other one
_WIDTHS = (12, 11)
#: features that are named, those that are off farthest
_SHOWN = 4


def format_games(result: Mapping[str, Any]) -> str:
    """The scores as a small table; lines without a last newline."""
    sticky = f"sticky actions {result['sticky']:g}" if result["sticky"] else "no sticky actions"
    game = load_game(result.get("env", {}).get("id", ENV_ID))
    title = f"Real games, points made less points lost, {sticky}" if game.won else f"{game.env_id}: sums of rewards"
    ways = [name for name in WAYS if name in result]
    head = ("", "mean", "± error", "min", "median", "wins", "of", "steps")
    lines = text(head, [_games(name, result[name]) for name in ways], _WIDTHS)
    shown = [title, *lines[:2]]
    for name, line in zip(ways, lines[2:], strict=True):
        shown.append(line)
        if result[name]["finished"] < result[name]["games"]:
            stopped = result[name]["games"] - result[name]["finished"]
            shown.append(f"{'':{_WIDTHS[0]}}{stopped} stopped before their end")
    return "\n".join(shown)


def format_imagined(imagined: Mapping[str, Any]) -> str:
    """How far the dreams of an agent's own games are off, as a small table; lines without a last newline."""
    last = HORIZON - 1
    title = f"The same moves imagined and played on for real, from {imagined['moments']} moments of the sampled games"
    errors = [number(imagined[f"imagination/error_k{k}"]) for k in range(HORIZON)]
    steps = text(("", *(f"k = {k}" for k in range(HORIZON))), [["error, px²", *errors]], _WIDTHS)
    worst = sorted(imagined["features"].items(), key=lambda item: -item[1])[:_SHOWN]
    told = ", ".join(f"{name} {number(error)}" for name, error in worst)
    value = f"{imagined['imagination/value']:+.2f} expected, {imagined['real/value']:+.2f} came"
    return "\n".join([title, *steps, f"of single features, k = {last}: {told}", f"discounted points ahead: {value}"])


def format_events(events: Mapping[str, Any], data: str) -> str:
    """The reward and continue heads' precision and recall as a small table; lines without a last newline."""
    title = f"Points and ends in {data}: read from the real state, and up to six imagined steps after it"
    rows = []
    for name, observed in events["observed"].items():
        imagined = events["imagined"][name]
        values = [f"{observed['events']}", share(observed["precision"]), share(observed["recall"]), ""]
        rows.append([name.replace("_", " "), *values, share(imagined["precision"]), share(imagined["recall"])])
    return "\n".join([title, *text(("", "events", "precision", "recall", "", "precision", "recall"), rows, _WIDTHS)])


def _games(name: str, games: Mapping[str, Any]) -> list[str]:
    """A policy's row."""
    mean, error, least = points(games["mean"]), number(games["standard_error"]), f"{games['min']:+.0f}"
    return [
        name,
        mean,
        error,
        least,
        f"{games['median']:+.1f}",
        f"{games['wins']:.0f}",
        f"{games['games']}",
        f"{games['length']:,.0f}",
    ]
