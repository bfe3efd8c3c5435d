"""``report.html``: one self-contained page that says how good a run's world model is, and where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rssm.config_file import flat_settings
from rssm.errors import UserError
from rssm.evaluation.survival import MARKS
from rssm.files import replace_file
from rssm.numbers import number
from rssm.report import page
from rssm.report.charts import LEAST, error_by_step, rank_histogram, survival_curves, to_svg, training_curves
from rssm.report.further import sections

_NOT_LOSSES = ("train/learning_rate", "train/gradient_norm")


def write_report(
    path: Path,
    result: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] | None,
    gif: Path | None,
    command: str,
) -> None:
    """Write the page, atomically. What was not measured or recorded is left out, or named with the reason.

    Args:
        path: of the page.
        result: what ``openloop.json`` holds.
        config: all settings of the run.
        history: the lines of ``metrics.jsonl``; None where there is no record of the training.
        gif: the real game beside the imagined one, or None.
        command: what repeats the run.

    Raises:
        UserError: ``gif`` cannot be read.
    """
    name = Path(str(config.get("run", ""))).name
    sections = [
        _head(result, name),
        page.section("Real and imagined", _picture(gif)),
        page.section("Error by step", _errors(result)),
        page.section("Where the error is", _events(result) + _features(result)),
        page.section("The start of a game", _measured(result, "start", "floor", _start)),
        page.section("Off policy", _measured(result, "off_policy", "mse", _off_policy)),
        page.section("The floor", _measured(result, "floor", "mean", _floor)),
        page.section("Other players", _measured(result, "players", "players", _players)),
        page.section("How long a dream stays right", _measured(result, "survival", "within_2px", _survival)),
        page.section("Does it know when it is wrong?", _measured(result, "calibration", "spread", _calibration)),
        page.section("Training", _training(history or [], result["protocol"])),
        page.section("Do it again", page.code(command)),
        page.details("All settings", "\n".join(f"{key}: {value}" for key, value in flat_settings(config))),
    ]
    text = page.page(f"{name or 'World model'}: open-loop report", "".join(sections))
    replace_file(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _measured(result: Mapping[str, Any], part: str, key: str, show: Callable[[Mapping[str, Any]], str]) -> str:
    """A part of the result as ``show`` has it; why it was not measured; nothing where it lacks ``key``."""
    found = result.get(part, {})
    if "skipped" in found:
        return page.paragraph(f"Not measured: {found['skipped']}.", "soft")
    return show(found) if key in found else ""


def _head(result: Mapping[str, Any], name: str) -> str:
    mse, protocol = result["mse"], result["protocol"]
    mean, (low, high) = mse["mean"][-1], mse["ci95"][-1]
    persistence = result["baselines"]["persistence"]["mean"][-1]
    ahead = f"{len(mse['mean'])} steps ahead"
    cards = [
        (number(mean), "px²", f"mean error {ahead}; 95 % interval {number(low)} to {number(high)}"),
        (number(mse["median"][-1]), "px²", f"median error {ahead}"),
        (*_against(persistence, mean), f"the error of persistence ({number(persistence)} px²), {ahead}"),
        (number(mse["mean"][0]), "px²", "mean error one step ahead"),
    ]
    if result["mae"]:
        place, far = max(((place, values[-1]) for place, values in result["mae"].items()), key=lambda pair: pair[1])
        cards.append((number(far), "px", f"mean distance of {place.replace('_', ' ')} from its true value, {ahead}"))
    for part, text in (("off_policy", "the error on recorded actions"), ("floor", "the least possible error")):
        ratio = result.get(part, {}).get("ratio", [None])[-1]
        if ratio is not None:
            under = "under random actions, " if part == "off_policy" else ""
            cards.append((f"{number(ratio)}×", "", f"{text}, {under}{ahead}"))
    data = protocol["data"]
    about = (
        f"{name + ': ' if name else ''}open-loop error on {result['windows']:,} windows of {protocol['episodes']:,} "
        f"{data['role']} games ({data['folder']}) that the model was not trained on, goals and serves included. "
        f"Prediction: {protocol['prediction']}."
    )
    return f"<h1>How far does the world model see?</h1>{page.paragraph(about, 'soft')}{page.cards(cards)}"


def _picture(gif: Path | None) -> str:
    if gif is None:
        return ""
    try:
        data = gif.read_bytes()
    except OSError as error:
        raise UserError(f"{gif}: expected a GIF for the report, it cannot be read ({error.strerror})") from None
    caption = (
        "Left, the game as it was played. Right, the same steps as the model imagines them from the recorded actions "
        "alone; yellow outlines show where things really are. k counts the steps since the model last saw the real "
        "game. The error shown is the mean over the 14 values of the newest frame, in px²."
    )
    return page.gif(data, "The real game beside the imagined one", caption)


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
    for name, baseline in result["baselines"].items():
        title = name.replace("_", " ")
        rows[title] = baseline["mean"]
        for statistic, text in (("median", "median"), ("p90", "90th percentile")):
            if statistic in baseline:
                rows[f"{title}, {text}"] = baseline[statistic]
    rows["persistence ÷ model"] = [
        _times(above, below)
        for above, below in zip(result["baselines"]["persistence"]["mean"], mse["mean"], strict=True)
    ]
    caption = (
        "Mean over all 56 values of (predicted − real)², in raw px², neither rounded nor clipped. The model sees the "
        "game up to a window's start and from there on the recorded actions alone; k = 0 is one agent step ahead. "
        "Band: 95 % bootstrap interval over games. The axis is logarithmic; what is below "
        f"{LEAST:g} px² is drawn on that line. Persistence repeats the newest frame; constant velocity moves on what "
        "moved."
    )
    return (
        page.chart(to_svg(error_by_step(result), "error"), "Open-loop error by step", caption)
        + "<h3>Squared error, px²</h3>"
        + page.steps_table("model", rows, strong=("mean",))
        + "<h3>Mean distance from the true position, px</h3>"
        + page.steps_table("newest frame", result["mae"])
    )


def _events(result: Mapping[str, Any]) -> str:
    events = result["events"]
    if not events:
        return ""
    products = {name: event["windows"] * event["mean"][-1] for name, event in events.items()}
    sums = {name: 0.0 if math.isnan(product) else product for name, product in products.items()}
    total = sum(sums.values())
    most = max(sums.values()) or 1.0
    rows = []
    for name in sorted(sums, key=lambda name: -sums[name]):
        share = sums[name] / total if total > 0 else 0.0
        event = events[name]
        values = [f"{share:.0%}", event["mean"][-1], event["median"][-1], event["windows"]]
        rows.append((_title(name, event), sums[name] / most, values))
    head = ("what happens", "share of all error", "", "mean", "median", "windows")
    last = len(result["mse"]["mean"]) - 1
    return page.paragraph(
        f"Each window counts once. Mean and median of the squared error at k = {last}, in px².", "soft"
    ) + page.bar_table(head, rows)


def _title(name: str, event: Mapping[str, Any]) -> str:
    """What an event is called on the page; older results have names alone."""
    return str(event.get("title", name.replace("_", " ")))


def _features(result: Mapping[str, Any]) -> str:
    last = {name: values[-1] for name, values in result["features"].items()}
    wrong = {name: value for name, value in last.items() if value != 0}
    exact = [name for name in last if name not in wrong]
    sizes = {name: 0.0 if math.isnan(value) else value for name, value in wrong.items()}
    most = max(sizes.values(), default=0.0) or 1.0
    rows = [(name, sizes[name] / most, [wrong[name]]) for name in sorted(sizes, key=lambda name: -sizes[name])]
    note = f"Without any error: {', '.join(exact)}." if exact else ""
    k = len(result["mse"]["mean"]) - 1
    return (
        f"<h3>By feature of the newest frame, k = {k}</h3>"
        + (page.bar_table(("feature", "", "mean squared error"), rows) if rows else "")
        + page.paragraph(note, "soft")
    )


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
    rows, ratios = {}, {}
    for name, player in players["players"].items():
        rows[f"{name} ({player['games']} games)"] = player["mse"]["mean"]
        ratios[name] = player["ratio"]
        for event in ("serve", "player_hit"):
            if event in player["events"]:
                found = player["events"][event]
                rows[f"{name}: {_title(event, found)}"] = found["mean"]
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


def _training(history: Sequence[Mapping[str, Any]], protocol: Mapping[str, Any]) -> str:
    terms = sorted({key for row in history for key in row if key.startswith("train/")} - set(_NOT_LOSSES))
    losses = {key: key.removeprefix("train/").replace("_", " ") for key in terms}
    logged = {key.removeprefix(_STEP) for row in history for key in row if key.startswith(_STEP)}
    steps = sorted(int(step) for step in logged)
    errors = {f"{_STEP}{k}": f"mean, k = {k}" for k in steps[:1] + steps[1:][-1:]}
    if steps:
        errors[f"openloop/median_k{steps[-1]}"] = f"median, k = {steps[-1]}"
        errors[f"openloop/persistence_k{steps[-1]}"] = f"persistence, k = {steps[-1]}"
    validation = (
        "Open-loop error of the mode during training, on the validation games: the training data's last ones, which "
        f"are not trained on. The figures above are of another prediction ({protocol['prediction']}) or other games "
        f"({protocol['data']['role']})."
    )
    charts = ""
    for id_, names, title, caption in (
        ("validation", errors, "squared error of the mode, validation games, px²", validation),
        ("loss", losses, "loss", "The loss and its terms, before scaling."),
    ):
        figure = training_curves(history, names, title)
        if figure is not None:
            charts += page.chart(to_svg(figure, id_), caption, f"{caption} Logarithmic, from {LEAST:g}.")
    return charts


_STEP = "openloop/mse_k"


def _against(reference: float, error: float) -> tuple[str, str]:
    """How an error compares with a reference, never as "0.8 times below": how many times, and in which direction."""
    if error > reference:
        return _times(error, reference), "above"
    return _times(reference, error), "below"


def _times(above: float, below: float) -> str:
    """How many times ``below`` goes into ``above``, as text."""
    quotient = above / below if below else math.inf
    return "–" if math.isnan(quotient) else f"{number(quotient)}×"
