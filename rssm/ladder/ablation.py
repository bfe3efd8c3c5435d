"""Does each piece pay for itself? The default against variants that change one thing, in the same training time."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rssm.config import HORIZON, AblationConfig, WorldModelConfig
from rssm.config_file import build, load_config, read_settings
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.errors import UserError
from rssm.files import replace_file, write_json
from rssm.games.pong.statistics import FeatureStatistics
from rssm.jobs.evaluate import RESULT_FILE
from rssm.jobs.train import open_datasets, train_world_model
from rssm.model.world_model import WorldModel
from rssm.report.results import mean_by_step
from rssm.training.optimizer import Optimizer
from rssm.training.run_folder import CONFIG_FILE
from rssm.training.step import train_step
from rssm.training.timing import cpu_seconds

DEFAULT = "default"


def ablate(config: AblationConfig) -> None:
    """Train and score every row that is not there yet, then write the table (Markdown and JSON).

    A row is a preset in ``config.presets``; it trains for as many updates as fit ``config.seconds`` of CPU time at its
    own measured speed, so that a slower variant gets fewer updates, and with its own complete schedule.

    Raises:
        UserError: a row has no preset, or its settings do not fit.
    """
    set_threads(config.threads)
    rows = _rows(config)
    results: dict[str, list[dict[str, Any]]] = {}
    for seed in range(config.seeds):
        for name, settings in rows.items():
            results.setdefault(name, []).append(_run(config, name, settings, seed))
            _write(config, results)


def _rows(config: AblationConfig) -> dict[str, dict[str, Any]]:
    folder = Path(config.presets)
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    wanted = [name for name in config.rows.split(",") if name] or [DEFAULT, *known]
    for name in wanted:
        if name != DEFAULT and name not in known:
            raise UserError(f"rows: expected names among {DEFAULT}, {', '.join(known)}; got {name!r}")
    return {name: {} if name == DEFAULT else read_settings(known[name], WorldModelConfig) for name in wanted}


def _run(config: AblationConfig, name: str, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    run = Path(config.runs) / f"{name}-{seed}"
    if (run / CONFIG_FILE).exists():
        job = load_config(run / CONFIG_FILE, WorldModelConfig)
    else:
        common = {"run": str(run), "seed": seed, "threads": config.threads, "log.wandb": "disabled"}
        job = build(WorldModelConfig, settings | common | {"eval.off_policy_windows": 0, "eval.samples": 0})
        updates = max(1, int(config.seconds / seconds_per_update(job)))
        job = replace(job, train=replace(job.train, updates=updates, evaluate_every=updates))
    if not (run / RESULT_FILE).exists():
        print(f"{name}, seed {seed}: {job.train.updates:,} updates", file=sys.stderr, flush=True)
        train_world_model(job)
    result = json.loads((run / RESULT_FILE).read_text())
    return {"updates": job.train.updates, "mse": result["mse"], "changes": settings}


def seconds_per_update(config: WorldModelConfig) -> float:
    """Median CPU time of one update, all threads together; trains a model that is thrown away."""
    data: Dataset = open_datasets(config)[0]
    device = pick_device(config.device)
    statistics = FeatureStatistics.fit(data.features, data.action, data.is_first)
    model = WorldModel(config.model, statistics, config.loss.huber_beta).to(device)
    sampler = ChunkSampler(data, config.train.batch_size, config.train.chunk_length, config.seed)
    optimizer = Optimizer(model, config.train)

    return cpu_seconds(lambda n: train_step(optimizer, sampler, config.loss, config.seed + n, n), device)


def _write(config: AblationConfig, results: dict[str, list[dict[str, Any]]]) -> None:
    command = f"python scripts/ablate.py --seconds {config.seconds:g} --seeds {config.seeds} --threads {config.threads}"
    command += f" --rows {config.rows}" if config.rows else ""
    rows = {
        name: {
            "changes": seeds[0]["changes"],
            "updates": [seed["updates"] for seed in seeds],
            "seeds": [seed["mse"]["mean"] for seed in seeds],
            "mean": mean_by_step([seed["mse"]["mean"] for seed in seeds]),
            "median": mean_by_step([seed["mse"]["median"] for seed in seeds]),
        }
        for name, seeds in results.items()
    }
    out = Path(config.out)
    write_json(out / "ablation.json", {"command": command, "config": asdict(config), "rows": rows})
    text = _table(command, rows)
    replace_file(out / "ablation.md", lambda path: path.write_text(text, encoding="utf-8"))


def _table(command: str, rows: dict[str, Any]) -> str:
    last = HORIZON - 1
    lines = [
        "# Ablation: one piece changed at a time",
        "",
        f"`{command}`: the same data and the same CPU time for every row, each with its own complete schedule. Squared",
        "pixels over all 56 values, held-out games, mode prediction; the range is over seeds.",
        "",
        f"| row | changes | updates | mean k = 0 | mean k = {last} | range | median k = {last} |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        changes = ", ".join(f"`{key}: {value}`" for key, value in row["changes"].items()) or "none"
        ends = [seed[last] for seed in row["seeds"]]
        updates = ", ".join(f"{n:,}" for n in sorted(set(row["updates"])))
        lines.append(
            f"| {name} | {changes} | {updates} | {row['mean'][0]:.2f} | {row['mean'][last]:.2f} "
            f"| {min(ends):.2f} … {max(ends):.2f} | {row['median'][last]:.3f} |"
        )
    return "\n".join(lines) + "\n"
