"""Everything that is said about a world model, and its headline numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rssm.config import HORIZON, EvalConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.calibration import calibration
from rssm.evaluation.head_scores import score_heads
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import Watch, by_step, evaluate
from rssm.evaluation.other_players import score_others
from rssm.evaluation.provenance import Role
from rssm.evaluation.survival import survival
from rssm.evaluation.windows import count_windows, episode_lengths
from rssm.model.world_model import WorldModel
from rssm.progress import Progress


def score(
    model: WorldModel,
    dataset: Dataset,
    config: EvalConfig,
    others: Sequence[Dataset] = (),
    role: Role = "held-out",
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Everything that is said about a model.

    Args:
        model: the world model.
        dataset: games that it was not trained on.
        config: the protocol's settings.
        others: games by other players.
        role: what the games are to the model.
        watch: told of the windows and their predictions (:func:`rssm.evaluation.openloop.evaluate`).

    Returns:
        the dictionary of :func:`rssm.evaluation.openloop.evaluate` and beside it ``heads``
        (:func:`rssm.evaluation.head_scores.score_heads`), and ``players``
        (:func:`rssm.evaluation.other_players.score_others`), ``survival``
        (:func:`rssm.evaluation.survival.survival`) and ``calibration``
        (:func:`rssm.evaluation.calibration.calibration`), each of these
        ``{"skipped": reason}`` where it was not measured.
    """
    windows = count_windows(episode_lengths(dataset))
    total = windows + min(config.off_policy_windows, windows)
    total += min(config.action_blind_windows, windows)
    total += min(config.floor_windows, windows) if config.floor_futures else 0
    total += sum(count_windows(episode_lengths(other)) for other in others)
    with Progress("scoring", total, "windows") as progress:
        predictor = WorldModelPredictor(model, config.samples, config.seed, progress.advance)
        result = evaluate(predictor, dataset, config, predictor.description, role, watch)
        result["heads"] = score_heads(model, dataset)
        result["players"] = {"skipped": "no games by other players were given"}
        if others:
            theirs: Role = "test" if role == "test" else "development"
            result["players"] = score_others(predictor, others, result, config, theirs)
        result["survival"] = {"skipped": "survival_every is 0"}
        if config.survival_every:
            result["survival"] = survival(WorldModelPredictor(model), dataset, config.survival_every)
        result["calibration"] = {"skipped": "calibration_windows is 0"}
        if config.calibration_windows:
            sizes = config.calibration_windows, config.calibration_samples
            result["calibration"] = calibration(predictor, dataset, *sizes, config.seed)
        return result


def errors_by_step(result: dict[str, Any]) -> dict[str, list[float]]:
    """The errors that belong together: of the model, of the baselines and, where it was measured, the floor."""
    lines = {"model, mean": result["mse"]["mean"], "model, median": result["mse"]["median"]}
    lines |= {name.replace("_", " "): found["mean"] for name, found in result["baselines"].items()}
    return lines | ({"floor": result["floor"]["mean"]} if "mean" in result["floor"] else {})


def summary(result: dict[str, Any]) -> dict[str, float]:
    """The headline numbers by name."""
    values = {"openloop/windows": float(result["windows"])}
    for statistic, name in (("mean", "mse"), ("median", "median")):
        values |= by_step(f"openloop/{name}", result["mse"][statistic])
    for name, baseline in result["baselines"].items():
        values |= by_step(f"openloop/{name}", baseline["mean"])
    for name, player in result["players"].get("players", {}).items():
        values[f"players/{name.replace(' ', '_')}_k{HORIZON - 1}"] = player["mse"]["mean"][-1]
    for limit in ("within_2px", "within_12px"):
        if limit in result["survival"]:
            found = result["survival"][limit]
            values |= {f"survival/{limit}_median": found["median"], f"survival/{limit}_100": found["share"]["100"]}
    ratio = result["calibration"].get("ratio", [None])[-1]
    if ratio is not None:
        values[f"calibration/ratio_k{HORIZON - 1}"] = ratio
    return values
