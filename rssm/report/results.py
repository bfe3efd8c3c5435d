"""One table over several runs of the same job, such as the seeds of a training."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rssm.config import HORIZON, ResultsConfig, WorldModelConfig
from rssm.config.rerun import command_of
from rssm.config.yaml_file import load_config
from rssm.errors import UserError
from rssm.evaluation.intervals import mean_by_step, ratio
from rssm.evaluation.provenance import lookup, refuse_copies, refuse_unlike
from rssm.evaluation.result_shape import RESULT
from rssm.numbers import number
from rssm.report.further_results import action_blind, further, other_players
from rssm.report.publish import publish, refuse_to_drop
from rssm.report.tables import STEPS, markdown, text
from rssm.storage.shape import read_json
from rssm.training.checkpoint import TRAINER_FILE, training_seconds
from rssm.training.run_folder import CONFIG_FILE, difference

_LAST = HORIZON - 1
#: what runs must share to stand in one table
_SAME = {
    "protocol.steps": "steps",
    "protocol.prediction": "prediction",
    "protocol.data.sha256": "data",
    "protocol.data.role": "data's role",
    "protocol.settings": "evaluation's settings",
}


@dataclass(frozen=True)
class _Run:
    """A run, what the table calls it, what it was trained with, its result, and the seconds of its training."""

    folder: Path
    name: str
    job: WorldModelConfig
    result: dict[str, Any]
    seconds: float


def summarize(config: ResultsConfig) -> None:
    """Read the runs' results, print their table and write ``OUT/NAME.md`` and ``OUT/NAME.json``.

    Raises:
        UserError: a run has not been evaluated, or the runs are not of one job: scored on other data or otherwise,
            trained with other settings than the seed, or the same weights twice.
    """
    folders = [Path(run) for run in config.runs.split(",") if run]
    if not folders:
        raise UserError("runs: expected folders of runs, separated by commas; got none")
    unique = len({folder.name for folder in folders}) == len(folders)
    runs = [_read(folder, folder.name if unique else str(folder), config.result) for folder in folders]
    _refuse_unlike(runs)
    out = Path(config.out)
    refuse_to_drop(out, config.name, "seeds", [run.name for run in runs])
    summary = _summary(config, runs)
    rows = _by_step(runs, summary)
    files = publish(out, config.name, summary, "\n".join(_page(config, runs, summary, rows)) + "\n")
    print("\n".join([_about(runs[0]), *text(["squared error, px²", *STEPS], rows)]))
    print(f"written: {', '.join(map(str, files))}")


def _read(run: Path, name: str, file: str) -> _Run:
    path = run / file
    if not path.is_file():
        raise UserError(f"{path}: expected a run that was evaluated; there is no such file")
    result = read_json(path, "the result of an evaluation", RESULT)
    for key in _SAME:
        lookup(result, key, str(path), "protocol")
    job = load_config(run / CONFIG_FILE, WorldModelConfig)
    return _Run(run, name, job, result, training_seconds(run / TRAINER_FILE))


def _refuse_unlike(runs: Sequence[_Run]) -> None:
    names, results = [str(run.folder) for run in runs], [run.result for run in runs]
    refuse_unlike(names, results, _SAME)
    refuse_unlike(names, [{"events": list(result["events"])} for result in results], {"events": "kinds of windows"})
    weights = [lookup(run.result, "protocol.model.sha256", str(run.folder), "model") for run in runs]
    refuse_copies(names, weights, "its model")
    for run in runs:
        found = difference(asdict(replace(run.job, seed=0)), asdict(replace(runs[0].job, seed=0)))
        if found is not None:
            key, value, first = found
            raise UserError(f"{run.folder}: expected the {key} of {runs[0].folder}, {first}; got {value}")
        if lookup(run.result, "protocol.trained_on", str(run.folder), "training data") is not None:
            trained, scored = (run.result["protocol"][part]["sha256"] for part in ("trained_on", "data"))
            if trained == scored:
                raise UserError(f"{run.folder}: expected games that the model was not trained on, these are its own")


def _summary(config: ResultsConfig, runs: Sequence[_Run]) -> dict[str, Any]:
    protocol = runs[0].result["protocol"]
    means = [run.result["mse"]["mean"] for run in runs]
    return {
        "command": command_of("scripts/summarize.py", config, unsaid=("out",)),
        "trained_with": config.command or _trained_with(runs[0].job),
        "data": protocol["data"],
        "settings": protocol["settings"],
        "prediction": protocol["prediction"],
        "code": sorted({lookup(run.result, "protocol.code", str(run.folder), "code") for run in runs}),
        "seeds": {
            run.name: {
                "mse": run.result["mse"],
                "off_policy_ratio": run.result["off_policy"].get("ratio"),
                "action_blind_ratio": run.result.get("action_blind", {}).get("ratio"),
                "floor_ratio": run.result["floor"].get("ratio"),
                "players": _compact(run.result.get("players", {}).get("players", {})),
                "doubt_by_event": _compact(run.result.get("calibration", {}).get("events", {})),
                "train_seconds": run.seconds,
                "games_trained_on": run.result["protocol"].get("games_trained_on"),
            }
            for run in runs
        },
        "mean": mean_by_step(means),
        "worst_to_best": ratio([max(m[_LAST] for m in means)], [min(m[_LAST] for m in means)])[0],
    }


def _compact(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Of each player or event the six means and ratios, and of a player's events the means."""
    kept = {}
    for name, part in found.items():
        kept[name] = {"mean": part["mse"]["mean"]} if "mse" in part else {}
        kept[name]["ratio"] = part["ratio"]
        if "events" in part:
            kept[name]["events"] = {event: said["mean"] for event, said in part["events"].items()}
    return kept


def _trained_with(job: WorldModelConfig) -> str:
    """The command of a training, whatever its seed."""
    unsaid = ("run", "seed", "log", "device", "threads", "workers", "data.workers")
    return command_of("scripts/train_wm.py", job, unsaid, first={"seed": "SEED"})


def _about(run: _Run) -> str:
    result, protocol = run.result, run.result["protocol"]
    return (
        f"{number(result['windows'])} windows of six agent steps on {protocol['episodes']} {protocol['data']['role']} "
        f"games ({protocol['data']['folder']}), goals and serves included; prediction: {protocol['prediction']}."
    )


def _by_step(runs: Sequence[_Run], summary: dict[str, Any]) -> list[list[Any]]:
    baselines = runs[0].result["baselines"].items()
    rows = [[f"{name.replace('_', ' ')}, mean", *baseline["mean"]] for name, baseline in baselines]
    for statistic in ("mean", "median", "p90"):
        rows += [[f"`{run.name}`, {statistic}", *run.result["mse"][statistic]] for run in runs]
    return [*rows, ["**mean of the runs**", *summary["mean"]]]


def _page(
    config: ResultsConfig, runs: Sequence[_Run], summary: dict[str, Any], rows: Sequence[Sequence[Any]]
) -> list[str]:
    lines = [
        f"# {config.title or config.name}",
        "",
        f"Each run: `{summary['trained_with']}`; this page: `{summary['command']}`; scored by code of "
        f"{', '.join(summary['code'])}.",
        "",
        f"{_about(runs[0])} Squared pixels, mean over all 56 values, neither rounded nor clipped.",
        *_seen(runs),
        "",
        *markdown(["", *STEPS], rows),
        "",
        f"Worst ÷ best run at k = {_LAST}: {number(summary['worst_to_best'])}.",
        "Minutes of training (machines shared with other work vary): "
        f"{', '.join(f'{run.seconds / 60:.1f}' for run in runs)}.",
        "",
    ]
    lines += _start(runs)
    lines += _optional("Random actions from cloned emulator states ÷ recorded actions", runs, "off_policy")
    lines += _optional("Error ÷ variance of resampled futures of the emulator", runs, "floor")
    results = {run.name: run.result for run in runs}
    lines += action_blind(results) + other_players(results)
    for key in ("survival", "calibration"):
        lines += further(results, key)
    return lines + _events(list(results.values()))


def _seen(runs: Sequence[_Run]) -> list[str]:
    """What must be said of games that a model may know."""
    found = {run.name: run.result["protocol"].get("games_trained_on") for run in runs}
    lines = [f"`{name}` was trained on {shared} of these games." for name, shared in found.items() if shared]
    unknown = [f"`{name}`" for name, shared in found.items() if shared is None]
    return lines + ([f"Whether they were trained on is unknown: {', '.join(unknown)}."] if unknown else [])


def _start(runs: Sequence[_Run]) -> list[str]:
    if any("ratio" not in run.result["start"] for run in runs):
        return []
    rows = [["least possible error", *runs[0].result["start"]["floor"]]]
    rows += [[f"`{run.name}`", *run.result["start"]["model"]] for run in runs]
    title = "## The first 40 steps of a game, whose first serve depends on no-ops that nothing shows"
    return [title, "", *markdown(["", *STEPS], rows), ""]


def _optional(title: str, runs: Sequence[_Run], key: str) -> list[str]:
    parts = [run.result[key] for run in runs]
    if any("ratio" not in part for part in parts):
        return []
    rows = []
    for run, part in zip(runs, parts, strict=True):
        rows.append([f"`{run.name}`", *part["ratio"]])
        if key == "off_policy":
            rows.append([f"`{run.name}`, from the same starts", *part["same_starts"]["ratio"]])
        else:
            rows.append([f"`{run.name}`, but for a game's first 40 steps", *part["after_start"]["ratio"]])
            rows.append([f"`{run.name}`, variance", *part["mean"]])
    return [f"## {title}", "", *markdown(["", *STEPS], rows), ""]


def _events(results: Sequence[dict[str, Any]]) -> list[str]:
    total = statistics.fmean(result["mse"]["mean"][_LAST] * result["windows"] for result in results)
    rows = []
    for name in results[0]["events"]:
        events = [result["events"][name] for result in results]
        windows = events[0]["windows"]
        mean, median = (statistics.fmean(event[key][_LAST] for event in events) for key in ("mean", "median"))
        share = 100.0 * mean * windows / total if total else 0.0
        rows.append([name.replace("_", " "), windows, f"{share:.0f} %", mean, median])
    head = ["in the window", "windows", "share", "mean", "median"]
    return [f"## Where the error is at k = {_LAST}, mean of the runs", "", *markdown(head, rows)]
