"""How much memory a world model's training needs: what its weights, a batch and its data take, roughly."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from rssm.config import CollectConfig, LossConfig, ModelConfig, WorldModelConfig
from rssm.game import Game, load_game
from rssm.model.world_model import WorldModel
from rssm.system.memory import FLOAT, refuse_beyond_memory

#: copies of the weights: they, their gradient and average, the optimiser's momenta and what it computes with
_COPIES = 8
#: numbers that are kept for the gradient, for each number that a layer gives
_KEPT = 4.5
#: how often a data set's rows are in memory while it is written: game by game, and joined
_WRITTEN = 2
#: bytes of a row beside its features: action, reward and three flags
_ROW = 8


def refuse_training(config: WorldModelConfig, device: torch.device, processes: int) -> None:
    """Refuse a training that cannot fit into this machine.

    Args:
        config: the job.
        device: of the model.
        processes: that share the training on this machine.

    Raises:
        UserError: names the setting that needs most, and how much.
    """
    game = load_game(config.env.id, config.env.stack)
    train = config.train
    parts = model_memory(config.model, game, processes)
    parts |= batch_memory(config.model, game, train.batch_size, train.chunk_length, config.loss, "train.batch_size")
    data = config.data
    missing = (
        (data.train, data.train_steps, "data.train_steps"),
        (data.heldout, data.heldout_steps, "data.heldout_steps"),
    )
    collected = {key: data_memory(game, steps) for path, steps, key in missing if not Path(path).exists()}
    refuse_beyond_memory(parts, device)
    refuse_beyond_memory(collected)


def refuse_collection(config: CollectConfig) -> None:
    """Refuse a data set that cannot be written.

    Raises:
        UserError: names the setting and how much it needs.
    """
    if not config.games:
        refuse_beyond_memory({"steps": data_memory(load_game(config.env_id), config.steps)})


def model_memory(config: ModelConfig, game: Game, processes: int = 1) -> dict[str, float]:
    """Bytes of the weights and of what belongs to them while they are trained, by the setting they follow from."""
    weights, _ = sizes(config, game)
    largest = max(("deter", "hidden", "head_hidden"), key=lambda name: int(getattr(config, name)))
    return {f"model.{largest}": float(weights * FLOAT * _COPIES * processes)}


def batch_memory(
    config: ModelConfig, game: Game, chunks: int, length: int, loss: LossConfig, key: str
) -> dict[str, float]:
    """Bytes of what is kept of a batch for the gradient, by the setting ``key``."""
    _, outputs = sizes(config, game)
    rows = chunks * length
    if loss.open_loop:
        rows += chunks * loss.open_loop_starts * loss.open_loop_steps
    return {key: rows * outputs * FLOAT * _KEPT}


def data_memory(game: Game, steps: int) -> float:
    """Bytes of a data set's rows while they are written."""
    return float(steps * (game.layout.num_features * FLOAT + _ROW) * _WRITTEN)


@functools.cache
def sizes(config: ModelConfig, game: Game) -> tuple[int, int]:
    """A world model's weights, and the numbers that its layers give for one row; nothing of it is made."""
    frames = np.zeros((2, game.layout.num_features), np.float32)
    statistics = game.fit(frames, np.zeros(2, np.uint8), np.array([True, False])).widened()
    with torch.device("meta"):
        model = WorldModel(config, game, statistics)
    return count(model.modules())


def count(modules: Iterable[nn.Module]) -> tuple[int, int]:
    """Weights of some modules, and the numbers that their layers give for one row."""
    found = list(modules)
    weights = sum(parameter.numel() for one in found for parameter in one.parameters(recurse=False))
    layers = sum(one.out_features for one in found if isinstance(one, nn.Linear))
    return weights, layers + sum(weight.shape[0] for weight in _recurrent(found))


def _recurrent(modules: Iterable[nn.Module]) -> list[torch.Tensor]:
    """The weight matrices of modules that are no linear layers, such as a recurrent cell's."""
    return [
        parameter
        for one in modules
        if not isinstance(one, nn.Linear)
        for parameter in one.parameters(recurse=False)
        if parameter.ndim == 2
    ]
