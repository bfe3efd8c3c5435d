"""The same error on whole games by other players: does a model know the game, or who played it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rssm.config import EvalConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.intervals import by_event, ratio, summarize
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import Role, describe_data
from rssm.evaluation.windows import episode_lengths


def score_others(
    predictor: Predictor,
    datasets: Sequence[Dataset],
    main: Sequence[float],
    config: EvalConfig,
    role: Role = "development",
) -> dict[str, Any]:
    """Score a predictor on games by other players, each player apart.

    Args:
        predictor: what is scored.
        datasets: the games; a player who is in several of them is named with the folder.
        main: the mean error at each step on the games that the headline is about.
        config: the protocol's settings.
        role: what the games are to the model, for the record.

    Returns:
        ``data`` (what the games are), ``players`` (by name: ``games``, ``windows``, ``mse``, ``persistence``,
        ``events``, and ``ratio``, the mean to the main one at each step) and ``worst``, the player with the largest
        ratio at the last step.

    Raises:
        UserError: there is no window to score, or the predictor's answer has a wrong shape or is not finite.
    """
    everybody = [player for dataset in datasets for player in set(dataset.players)]
    found: dict[str, dict[str, Any]] = {}
    for dataset in datasets:
        lengths = episode_lengths(dataset)
        for player in dict.fromkeys(dataset.players):
            played = np.array([one == player for one in dataset.players])
            windows = episode_windows(dataset, np.where(played, lengths, 0))
            errors = score_windows({"model": predictor, "persistence": Persistence()}, windows)
            model = errors["model"]
            mse = summarize(model.stack, model.episode, config.bootstrap, config.seed)
            name = player if everybody.count(player) == 1 else f"{player} ({dataset.path})"
            found[name] = {
                "games": int(played.sum()),
                "windows": len(model),
                "mse": mse,
                "persistence": {"mean": errors["persistence"].stack.mean(axis=0).tolist()},
                "events": by_event(model, dataset.game.events),
                "ratio": ratio(mse["mean"], list(main)),
            }
    worst = max(found, key=lambda name: found[name]["mse"]["mean"][-1])
    return {
        "data": [describe_data(dataset, role) for dataset in datasets],
        "players": found,
        "worst": {"player": worst, "ratio": found[worst]["ratio"]},
    }
