"""A model in a file that can be read anywhere (safetensors), and a trainer that can go on (trainer.pt).

``model.safetensors`` holds the weights; its metadata holds everything needed to build the model again: the schema, the
game and its layout, the configuration and the training data's statistics, as JSON.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from rssm import ENV_ID
from rssm.config import ModelConfig
from rssm.config.stored import from_stored
from rssm.errors import CheckpointError, UserError
from rssm.files import replace_file
from rssm.game import STACK, Game, load_game
from rssm.model.world_model import WorldModel

SCHEMA = 1
#: of ``trainer.pt``; 2 holds no generator's state, since what an update draws follows from its number
TRAINER_SCHEMA = 2
MODEL_FILE, TRAINER_FILE = "model.safetensors", "trainer.pt"


def save_model(path: Path, model: WorldModel, weights: dict[str, torch.Tensor], extra: dict[str, Any]) -> None:
    """Write weights (of the model, or their average) and what is needed to build the model, atomically."""
    description = {
        "model": asdict(model.config),
        "huber_beta": model.huber_beta,
        "statistics": model.statistics.to_dict(),
        **extra,
    }
    save_weights(path, weights, model.game, description)


def load_model(path: Path, device: torch.device | str = "cpu") -> WorldModel:
    """Read a model back.

    Raises:
        CheckpointError: the file is missing, damaged, or was made for other features, actions or another schema.
    """
    description, weights, game = load_weights(path, "a world model")
    try:
        statistics = game.read_statistics(description["statistics"])
        model = WorldModel(from_stored(ModelConfig, description["model"]), game, statistics, description["huber_beta"])
        model.load_state_dict(weights)
    except (LookupError, TypeError, ValueError, RuntimeError, UserError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: its weights do not fit its own description ({reason})") from None
    return model.to(device).eval()


def save_weights(path: Path, weights: dict[str, torch.Tensor], game: Game, description: dict[str, Any]) -> None:
    """Write weights and, in the metadata, schema, game and what is needed to build their owner again, atomically."""
    layout = {"schema": SCHEMA, "game": game.name, "env_id": game.env_id, **game.layout.to_dict()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    metadata = {"rssm": json.dumps(layout | description)}
    replace_file(path, lambda temporary: save_file(tensors, temporary, metadata))


def load_weights(path: Path, what: str) -> tuple[dict[str, Any], dict[str, torch.Tensor], Game]:
    """Read back what :func:`save_weights` wrote: the description, the weights and the game.

    A file that names no game is from before there was another than Pong.

    Raises:
        CheckpointError: there is no such file (``what`` says what it should have been), it is damaged, or it was made
            for a game that is not there, for other features or actions, or in another schema.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected {what}, there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {}).get("rssm", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: expected a safetensors file, it cannot be read ({error})") from None
    if not isinstance(description, dict):
        raise CheckpointError(f"{path}: expected {what}'s description in the metadata, found none")
    try:
        game = load_game(description.get("env_id", ENV_ID), description.get("stack", STACK))
    except UserError as error:
        raise CheckpointError(f"{path}: made for a game that is not there: {error}") from None
    layout = game.layout.to_dict()
    wanted = {"schema": SCHEMA, "features": layout["features"], "actions": layout["actions"]}
    wanted |= {key: layout[key] for key in ("stack", "counters") if key in description}
    for key, expected in wanted.items():
        if description.get(key) != expected:
            raise CheckpointError(f"{path}: expected {key} {expected}, it was made for {description.get(key)}")
    return description, weights, game


def save_trainer(path: Path, state: dict[str, Any]) -> None:
    """Write a trainer's state (plain containers, numbers and tensors only), atomically."""
    replace_file(path, lambda temporary: torch.save({"schema": TRAINER_SCHEMA, **state}, temporary))


def load_trainer(path: Path) -> dict[str, Any]:
    """Read a trainer's state back, on the CPU.

    Raises:
        CheckpointError: the file cannot be read, or is no trainer's state of this schema.
    """
    if not _is_whole_archive(path):
        raise CheckpointError(f"{path}: expected a trainer's state, it is missing, damaged or something else")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{path}: expected a trainer's state, it cannot be read ({reason})") from None
    schema = state.get("schema") if isinstance(state, dict) else None
    if schema != TRAINER_SCHEMA:
        raise CheckpointError(
            f"{path}: expected a trainer's state of schema {TRAINER_SCHEMA}, got schema {schema}; another release "
            "wrote it: go on with that one, or start in another run folder"
        )
    return state


def _is_whole_archive(path: Path) -> bool:
    """Whether a file is the zip archive that torch writes and all its checksums fit, which torch does not look at."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """A model's parameters and persistent buffers, copied."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
