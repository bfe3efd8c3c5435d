"""Does each piece pay for itself? The default against variants that change one thing, in the same training time."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rssm.config import AblationConfig, WorldModelConfig
from rssm.config.keys import build, flat_settings
from rssm.config.presets import preset_folder
from rssm.config.rerun import command_of
from rssm.config.yaml_file import read_settings
from rssm.errors import UserError
from rssm.evaluation.provenance import refuse_unlike
from rssm.evaluation.windows import episode_lengths
from rssm.jobs.data_sets import open_datasets
from rssm.ladder.kept import measured, read_kept
from rssm.ladder.measure import score_row
from rssm.ladder.outcomes import LAST, Outcomes, outcome
from rssm.ladder.world_model import train_for
from rssm.numbers import DASH
from rssm.progress import track
from rssm.report.publish import dropped, publish, refuse_to_drop
from rssm.report.tables import markdown, text
from rssm.system.device import pick_device, set_threads
from rssm.system.stopping import goes_on
from rssm.training.timing import clock_name

DEFAULT = "default"
#: of a row's job, what its results do not depend on
_FREE = {"run", "device", "threads", "data.workers", "train.updates", "train.evaluate_every", "train.checkpoint_every"}
_FREE_GROUPS = {"log", "eval"}


@goes_on(lambda: "the rows that are finished are kept; start the same command again to go on")
def ablate(config: AblationConfig) -> None:
    """Train and score every row that is not there yet, write the table (Markdown and JSON) after each, and print it.

    A row is a preset in ``config.presets``; it trains until ``config.seconds`` are spent, whatever that gives in
    updates, with its own complete schedule.

    Raises:
        UserError: a row has no preset, or its settings do not fit; results that are there belong to other settings; a
            published table would lose rows.
    """
    set_threads(config.threads)
    rows, out = _rows(config), Path(config.out)
    jobs = [(name, seed) for seed in range(config.seeds) for name in rows]
    for name, seed in jobs:  # what is there fits, or nothing is trained
        read_kept(_folder(config, name, seed), _settings(config, _job(config, name, rows[name], seed)))
    refuse_to_drop(out, config.name, "rows", rows)
    results: dict[str, list[dict[str, Any]]] = {}
    for name, seed in track(jobs, "ablation", "trainings"):
        title = f"{name}, seed {seed}"
        result = _measure(config, _job(config, name, rows[name], seed), _folder(config, name, seed), title)
        print(f"{title}: {outcome(result)}", file=sys.stderr)
        results.setdefault(name, []).append(result)
        # a published table waits until it has all the rows that it had
        if not dropped(out, config.name, "rows", results):
            _write(config, rows, results)
    files = _write(config, rows, results)
    print("\n".join(text(*_table(results))))
    print(f"written: {', '.join(map(str, files))}")


def _rows(config: AblationConfig) -> dict[str, dict[str, Any]]:
    """The settings that each row changes, by its name."""
    folder = preset_folder("ablation", config.presets)
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    wanted = [name for name in config.rows.split(",") if name] or [DEFAULT, *known]
    for name in wanted:
        if name != DEFAULT and name not in known:
            raise UserError(f"rows: expected names among {DEFAULT}, {', '.join(known)}; got {name!r}")
    return {name: {} if name == DEFAULT else read_settings(known[name], WorldModelConfig) for name in wanted}


def _folder(config: AblationConfig, name: str, seed: int) -> Path:
    return Path(config.runs) / f"{name}-{seed}"


def _job(config: AblationConfig, name: str, changes: dict[str, Any], seed: int) -> WorldModelConfig:
    """A row's job: mode prediction, the last weights."""
    folder = str(_folder(config, name, seed))
    common = {"run": folder, "seed": seed, "threads": config.threads, "log.wandb": "disabled"}
    job = build(WorldModelConfig, changes | common)
    return replace(job, eval=replace(job.eval, samples=0))


def _settings(config: AblationConfig, job: WorldModelConfig) -> dict[str, Any]:
    """Everything that a row's results depend on, by dotted key."""
    settings = {
        key: value
        for key, value in flat_settings(asdict(job))
        if key not in _FREE and key.partition(".")[0] not in _FREE_GROUPS
    }
    return settings | {"seconds": config.seconds, "clock": clock_name(pick_device(job.device))}


def _measure(config: AblationConfig, job: WorldModelConfig, folder: Path, title: str) -> dict[str, Any]:
    train, heldout = open_datasets(job)
    return measured(
        folder,
        _settings(config, job),
        lambda: train_for(job, train, config.seconds, folder, title),
        lambda predictor: score_row(predictor, heldout, episode_lengths(heldout), "held-out"),
    )


def _write(
    config: AblationConfig, changes: dict[str, dict[str, Any]], results: dict[str, list[dict[str, Any]]]
) -> list[Path]:
    scored = {
        f"{name}, seed {seed}": result
        for name, seeds in results.items()
        for seed, result in enumerate(seeds)
        if result["mse"] is not None
    }
    if scored:
        refuse_unlike(list(scored), list(scored.values()), {"data.sha256": "data"})
    data = next(iter(scored.values()))["data"] if scored else None
    unsaid = ("presets", "out", "threads", "runs", "name")
    first = {"seconds": f"{config.seconds:g}", "seeds": config.seeds}
    command = command_of("scripts/ablate.py", config, unsaid, first)
    rows = {
        name: {
            "changes": changes[name],
            "updates": [result["updates"] for result in seeds],
            "train_seconds": [result["train_seconds"] for result in seeds],
            "seeds": [None if result["mse"] is None else result["mse"]["mean"] for result in seeds],
            "mean": Outcomes(seeds).mean("mean"),
            "median": Outcomes(seeds).mean("median"),
            "diverged": Outcomes(seeds).diverged,
        }
        for name, seeds in results.items()
    }
    code = sorted({version for seeds in results.values() for version in Outcomes(seeds).code})
    games = f"{data['games']} {data['role']} games ({data['folder']})" if data else "held-out games"
    clock = next(iter(results.values()))[0]["settings"]["clock"]
    lines = [
        "# Ablation: one piece changed at a time",
        "",
        f"`{command}`: the same data and the same time for every row ({config.seconds:g} s of {clock}), by the clock:",
        f"the learning rate follows the share of it that is spent. Squared pixels over all 56 values, {games},",
        f"mode prediction; spread: over {config.seeds} seeds. Made by code of {', '.join(code)}.",
        "",
        *markdown(*_table(results, changes)),
    ]
    settings = {key: value for key, value in asdict(config).items() if key not in unsaid}
    summary = {"command": command, "config": settings, "code": code, "heldout": data, "rows": rows}
    return publish(Path(config.out), config.name, summary, "\n".join(lines) + "\n")


def _table(
    results: dict[str, list[dict[str, Any]]], changes: dict[str, dict[str, Any]] | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Head and rows, with a column for what each row changes where that is given."""
    last = f"k = {LAST}"
    head = ["row", *["changes"] * (changes is not None)]
    head += ["updates", "mean k = 0", f"mean {last}", f"spread at {last}", f"median {last}"]
    rows = []
    for name, seeds in results.items():
        found = Outcomes(seeds)
        mean, median = found.steps("mean"), found.steps("median")
        changed = [] if changes is None else [", ".join(f"`{k}: {v}`" for k, v in changes[name].items()) or "none"]
        updates = ", ".join(f"{n:,}" for n in sorted({result["updates"] for result in seeds if result["updates"]}))
        rows.append([name, *changed, updates or DASH, mean[0], mean[LAST], found.spread(), median[LAST]])
    return head, rows
