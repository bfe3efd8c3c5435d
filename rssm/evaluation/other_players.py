"""The same error on whole games by other players: does a model know the game, or who played it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rssm.config import EvalConfig
from rssm.data.dataset import Dataset
from rssm.evaluation.intervals import by_event, ratio, summarize
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import Role, describe_data
from rssm.evaluation.start import describe_start, mean_after_start
from rssm.evaluation.windows import episode_lengths


def score_others(
    predictor: Predictor,
    datasets: Sequence[Dataset],
    main: Mapping[str, Any],
    config: EvalConfig,
    role: Role = "development",
) -> dict[str, Any]:
    """Score a predictor on games by other players, each player apart.

    Args:
        predictor: what is scored.
        datasets: the games; a player who is in several of them is named with the folder.
        main: what was found on the games that the headline is about (:func:`rssm.evaluation.openloop.evaluate`).
        config: the protocol's settings.
        role: what the games are to the model, for the record.

    Returns:
        ``data`` (what the games are), ``players`` (by name: ``games``, ``windows``, ``mse``, ``persistence``,
        ``events``, ``ratio``, the mean to the main one at each step, ``start``, the least error that was possible at
        the games' start (:func:`rssm.evaluation.start.describe_start`), and ``after_start``, the ``mean`` of the other
        windows and its ``ratio`` to theirs) and ``worst``, the player with the largest ratio at the last step.

    Raises:
        UserError: there is no window to score, or the predictor's answer has a wrong shape or is not finite.
        DataError: the emulator does not repeat the recorded games.
    """
    everybody = [player for dataset in datasets for player in set(dataset.players)]
    found: dict[str, dict[str, Any]] = {}
    for dataset in datasets:
        lengths = episode_lengths(dataset)
        for player in dict.fromkeys(dataset.players):
            played = np.array([one == player for one in dataset.players])
            their = np.where(played, lengths, 0)
            errors = score_windows({"model": predictor, "persistence": Persistence()}, episode_windows(dataset, their))
            model = errors["model"]
            mse = summarize(model.stack, model.episode, config.bootstrap, config.seed)
            name = player if everybody.count(player) == 1 else f"{player} ({dataset.path})"
            scored: dict[str, Any] = {
                "games": int(played.sum()),
                "windows": len(model),
                "mse": mse,
                "persistence": {"mean": errors["persistence"].stack.mean(axis=0).tolist()},
                "events": by_event(model, dataset.game.events),
                "ratio": ratio(mse["mean"], main["mse"]["mean"]),
                "start": describe_start(dataset, their, model),
            }
            later = mean_after_start(dataset.game, scored)
            scored["after_start"] = {"mean": later, "ratio": ratio(later, mean_after_start(dataset.game, main))}
            found[name] = scored
    worst = max(found, key=lambda name: found[name]["mse"]["mean"][-1])
    return {
        "data": [describe_data(dataset, role) for dataset in datasets],
        "players": found,
        "worst": {"player": worst, "ratio": found[worst]["ratio"]},
    }
