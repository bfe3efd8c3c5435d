"""The windows at a game's start, whose first serve depends on how long the game waited before it could be seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rssm.arrays import IntArray
from rssm.config import HORIZON
from rssm.data.beginning import begins_apart
from rssm.data.dataset import Dataset
from rssm.evaluation.intervals import ratio
from rssm.evaluation.window_errors import WindowErrors
from rssm.evaluation.windows import window_starts, windows_at
from rssm.game import Game
from rssm.progress import Progress

#: why what needs the emulator is not measured
NO_GAME = "imported data: there is no emulator that can play its episodes again"


def describe_start(dataset: Dataset, lengths: IntArray, model: WindowErrors) -> dict[str, Any]:
    """The windows at the games' start against the least error that is possible there.

    Args:
        dataset: the games.
        lengths: (E,) how many rows of each are looked at; 0 leaves a game out.
        model: the errors of a predictor in all windows of these rows.

    Returns:
        ``windows`` of them, and at each step (K,) ``floor`` (px², least possible), ``model`` and the ``ratio`` of the
        two; ``{"skipped": reason}`` where that cannot be known.

    Raises:
        DataError: the emulator does not repeat the recorded games.
    """
    game = dataset.game
    if game.start_event is None:
        return {"skipped": f"{game.env_id}: nothing is known of its start but what it shows"}
    if dataset.env is None:
        return {"skipped": NO_GAME}
    if dataset.env.repeat_action_probability > 0:
        return {"skipped": "with sticky actions no game can be played again"}
    if any(begins_apart(game, player) for player in set(dataset.players)):
        return {"skipped": "its players begin their games at moments of their own"}
    env, floors = game.make_env(dataset.env), []
    with Progress("starts of games", int((lengths > HORIZON).sum()), "episodes") as progress:
        for index, length in enumerate(lengths):
            starts = window_starts(int(length))
            early = starts[starts < game.start_steps]
            if len(early):
                floors.append(game.start_floor(env, dataset.env, windows_at(dataset, index, early)))
            progress.advance(int(length > HORIZON))
    env.close()
    if not floors:
        return {"skipped": f"no window begins in the first {game.start_steps} steps of a game"}
    floor = np.concatenate(floors).mean(axis=0).tolist()
    error = model.stack[model.start < game.start_steps].mean(axis=0).tolist()
    return {"windows": sum(map(len, floors)), "floor": floor, "model": error, "ratio": ratio(error, floor)}


def mean_after_start(game: Game, scored: Mapping[str, Any]) -> list[float]:
    """The mean error (K,) of the windows that do not begin in a game's first steps, px².

    Args:
        game: that was scored.
        scored: ``windows``, ``mse`` and ``events`` of a result.
    """
    every = np.array(scored["mse"]["mean"])
    start = scored["events"].get(game.start_event)
    if start is None or start["windows"] == scored["windows"]:
        return [float(value) for value in every]
    total = scored["windows"] * every - start["windows"] * np.array(start["mean"])
    return [float(value) for value in total / (scored["windows"] - start["windows"])]
