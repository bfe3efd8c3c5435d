"""One table over several runs of the same job: what ``docs/results/`` shows."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rssm.config import HORIZON, ResultsConfig
from rssm.errors import UserError
from rssm.files import replace_file, write_json
from rssm.jobs.evaluate import RESULT_FILE
from rssm.training.checkpoint import TRAINER_FILE, load_trainer

_LAST = HORIZON - 1
#: the head of a table with a column per step
_STEPS = ("| | " + " | ".join(f"k = {k}" for k in range(HORIZON)) + " |", "|---" * (HORIZON + 1) + "|")


def summarize(config: ResultsConfig) -> None:
    """Read the runs' ``openloop.json`` and write ``OUT/NAME.md`` and ``OUT/NAME.json``.

    Raises:
        UserError: a run has not been evaluated.
    """
    runs = [Path(run) for run in config.runs.split(",") if run]
    if not runs:
        raise UserError("runs: expected folders of runs, separated by commas; got none")
    results = [_read(run) for run in runs]
    seconds = [float(load_trainer(run / TRAINER_FILE)["seconds"]) for run in runs]
    command = f"python scripts/summarize.py --runs {config.runs} --name {config.name}"
    means = [result["mse"]["mean"] for result in results]
    summary = {
        "command": command,
        "trained_with": config.command,
        "seeds": {
            run.name: {
                "mse": result["mse"],
                "off_policy_ratio": result["off_policy"].get("ratio"),
                "floor_ratio": result["floor"].get("ratio"),
                "train_seconds": spent,
            }
            for run, result, spent in zip(runs, results, seconds, strict=True)
        },
        "mean": mean_by_step(means),
        "worst_to_best": max(m[_LAST] for m in means) / min(m[_LAST] for m in means),
    }
    out = Path(config.out)
    write_json(out / f"{config.name}.json", summary)
    text = _text(config, command, runs, results, seconds, summary)
    replace_file(out / f"{config.name}.md", lambda path: path.write_text(text, encoding="utf-8"))


def _read(run: Path) -> dict[str, Any]:
    path = run / RESULT_FILE
    if not path.is_file():
        raise UserError(f"{path}: expected a run that was evaluated; there is no such file")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "start" not in result:
        raise UserError(f"{path}: expected a result with a part 'start'; score the run again with scripts/evaluate.py")
    return result


def _text(
    config: ResultsConfig,
    command: str,
    runs: Sequence[Path],
    results: Sequence[dict[str, Any]],
    seconds: Sequence[float],
    summary: dict[str, Any],
) -> str:
    first = results[0]
    lines = [
        f"# {config.title}",
        "",
        f"Each run: `{config.command}`; this page: `{command}`.",
        "",
        f"{first['windows']:,} windows of six agent steps on {first['protocol']['episodes']} held-out games, goals and "
        "serves included. Squared pixels, mean over all",
        f"56 values, neither rounded nor clipped; prediction: {first['protocol']['prediction']}.",
        "",
        *_STEPS,
    ]
    for name, baseline in first["baselines"].items():
        lines.append(_row(f"{name.replace('_', ' ')}, mean", baseline["mean"]))
    for statistic in ("mean", "median", "p90"):
        for run, result in zip(runs, results, strict=True):
            lines.append(_row(f"`{run.name}`, {statistic}", result["mse"][statistic]))
    lines += [_row("**mean of the runs**", summary["mean"]), ""]
    lines.append(f"Worst ÷ best run at k = {_LAST}: {summary['worst_to_best']:.2f}.")
    spent = ", ".join(f"{s / 60:.1f}" for s in seconds)
    lines += [f"Minutes of training (machines shared with other work vary): {spent}.", ""]
    lines += _start(runs, results)
    lines += _optional("Random actions from cloned emulator states ÷ recorded actions", runs, results, "off_policy")
    lines += _optional("Error ÷ variance of resampled futures of the emulator", runs, results, "floor")
    lines += _events(results)
    return "\n".join(lines).rstrip() + "\n"


def _start(runs: Sequence[Path], results: Sequence[dict[str, Any]]) -> list[str]:
    if any("ratio" not in result["start"] for result in results):
        return []
    title = "## The first 40 steps of a game, whose first serve depends on no-ops that nothing shows"
    lines = [title, "", *_STEPS]
    lines.append(_row("least possible error", results[0]["start"]["floor"]))
    lines += [_row(f"`{run.name}`", result["start"]["model"]) for run, result in zip(runs, results, strict=True)]
    return [*lines, ""]


def _optional(title: str, runs: Sequence[Path], results: Sequence[dict[str, Any]], key: str) -> list[str]:
    if any("ratio" not in result[key] for result in results):
        return []
    lines = [f"## {title}", "", *_STEPS]
    for run, result in zip(runs, results, strict=True):
        lines.append(_row(f"`{run.name}`", result[key]["ratio"]))
        if key == "off_policy":
            lines.append(_row(f"`{run.name}`, from the same starts", result[key]["same_starts"]["ratio"]))
        else:
            lines.append(_row(f"`{run.name}`, but for a game's first 40 steps", result[key]["after_start"]["ratio"]))
            lines.append(_row(f"`{run.name}`, variance", result[key]["mean"]))
    return [*lines, ""]


def _events(results: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        f"## Where the error is at k = {_LAST}, mean of the runs",
        "",
        "| in the window | windows | share | mean | median |",
        "|---|---|---|---|---|",
    ]
    total = statistics.fmean(result["mse"]["mean"][_LAST] * result["windows"] for result in results)
    for name in results[0]["events"]:
        events = [result["events"][name] for result in results]
        windows = events[0]["windows"]
        mean = statistics.fmean(event["mean"][_LAST] for event in events)
        median = statistics.fmean(event["median"][_LAST] for event in events)
        share = 100.0 * mean * windows / total if total else 0.0
        lines.append(f"| {name.replace('_', ' ')} | {windows:,} | {share:.0f} % | {mean:.2f} | {median:.3f} |")
    return lines


def _row(name: str, values: Sequence[float | None]) -> str:
    return f"| {name} | " + " | ".join(_shown(value) for value in values) + " |"


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1.0 else f"{value:.2f}"


def mean_by_step(lists: Sequence[Sequence[float]]) -> list[float]:
    """The mean over several lists that hold one value per step."""
    return [statistics.fmean(values) for values in zip(*lists, strict=True)]
