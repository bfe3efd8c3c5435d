"""A model in a file that can be read anywhere (safetensors), and a trainer that can go on (trainer.pt).

``model.safetensors`` holds the weights; its metadata holds everything needed to build the model again: the schema, the
game and its layout, the configuration and the training data's statistics, as JSON, and a checksum of all that and of
the weights. ``trainer.pt`` is an archive whose parts have checksums. All are looked at when a file is read.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from rssm import ENV_ID
from rssm.config import ModelConfig
from rssm.config.stored import from_stored
from rssm.errors import CheckpointError, UserError, shown
from rssm.game import Game, load_game
from rssm.layout import STACK
from rssm.model.world_model import WorldModel
from rssm.storage.files import replace_file
from rssm.storage.shape import NUMBER, TEXT, WHOLE, Record, misfit, parse_json, shown_reason

#: 1 had no checksum
SCHEMA = 2
_WITHOUT_CHECKSUM = 1
_CHECKSUM = "sha256"
#: of ``trainer.pt``; 2 holds no generator's state, since what an update draws follows from its number
TRAINER_SCHEMA = 2
_DESCRIPTION = Record({}, {"env_id": TEXT, "game": TEXT, "stack": WHOLE})
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
        CheckpointError: the file is missing, damaged, or was made for other features, actions or another schema, or
            its weights or statistics are not finite.
    """
    description, weights, game = load_weights(path, "a world model")
    try:
        statistics = game.read_statistics(description["statistics"])
        settings = from_stored(ModelConfig, description["model"])
        with torch.device("meta"):  # what its settings ask for is not made before it is known to be there
            expected = WorldModel(settings, game, statistics, description["huber_beta"]).state_dict()
        check_tensors(weights, expected)
        model = WorldModel(settings, game, statistics, description["huber_beta"])
        model.load_state_dict(weights)
    except (LookupError, TypeError, ValueError, RuntimeError, UserError) as error:
        reason = shown_reason(error)
        raise CheckpointError(f"{path}: its weights do not fit its own description ({reason})") from None
    return model.to(device).eval()


def save_weights(path: Path, weights: dict[str, torch.Tensor], game: Game, description: dict[str, Any]) -> None:
    """Write weights and, in the metadata, schema, game and what is needed to build their owner again, atomically."""
    layout = {"schema": SCHEMA, "game": game.name, "env_id": game.env_id, **game.layout.to_dict()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    metadata = {"rssm": json.dumps(sealed(layout | description, tensors))}  # in one text, since several have no order
    replace_file(path, lambda temporary: save_file(tensors, temporary, metadata))


def load_weights(path: Path, what: str) -> tuple[dict[str, Any], dict[str, torch.Tensor], Game]:
    """Read back what :func:`save_weights` wrote: the description, the weights and the game.

    A file that names no game is from before there was another than Pong.

    Raises:
        CheckpointError: there is no such file (``what`` says what it should have been), it is damaged, it was made for
            a game that is not there, for other features or actions, or in another schema, or a weight is not finite.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: expected {what}, there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            description = parse_json((file.metadata() or {}).get("rssm", "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError, LookupError) as error:
        reason = shown_reason(error)
        raise CheckpointError(f"{path}: expected a safetensors file, it cannot be read ({reason})") from None
    if not isinstance(description, dict):
        raise CheckpointError(f"{path}: expected {what}'s description in the metadata, found none")
    schema = description.get("schema")
    if _CHECKSUM in description or schema != _WITHOUT_CHECKSUM:
        if schema != SCHEMA:
            raise CheckpointError(f"{path}: expected schema {SCHEMA}, it was made for {shown(schema)}")
        if description.get(_CHECKSUM) != _checksum(description, weights):
            raise CheckpointError(f"{path}: its checksum differs from its content; the file was damaged or changed")
    unfit = misfit(description, _DESCRIPTION)
    if unfit is not None:
        raise CheckpointError(f"{path}: expected {what}'s description in the metadata: {unfit}")
    _refuse_not_finite(path, weights)
    try:
        game = load_game(description.get("env_id", ENV_ID), description.get("stack", STACK))
    except UserError as error:
        raise CheckpointError(f"{path}: made for a game that is not there: {error}") from None
    layout = game.layout.to_dict()
    wanted = {"features": layout["features"], "actions": layout["actions"]}
    wanted |= {key: layout[key] for key in ("stack", "counters") if key in description}
    for key, expected in wanted.items():
        if description.get(key) != expected:
            raise CheckpointError(f"{path}: expected {key} {expected}, it was made for {_line(description.get(key))}")
    return description, weights, game


def sealed(description: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """A description with the checksum of all that a file of weights holds."""
    return {**description, _CHECKSUM: _checksum(description, weights)}


def check_tensors(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Raise ValueError, naming the first tensor that is missing, too many or of another shape or type."""
    for name in sorted({*found, *expected}):
        if name not in found:
            raise ValueError(f"{name}: missing")
        if name not in expected:
            raise ValueError(f"{shown(name)}: not expected")
        (shape, dtype), (wanted, kind) = ((tuple(one.shape), one.dtype) for one in (found[name], expected[name]))
        if (shape, dtype) != (wanted, kind):
            raise ValueError(f"{name}: expected {kind} of shape {wanted}, got {dtype} of shape {shape}")


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
    except (RuntimeError, pickle.UnpicklingError, ValueError, TypeError, LookupError, EOFError, OSError) as error:
        reason = shown_reason(error)
        raise CheckpointError(f"{path}: expected a trainer's state, it cannot be read ({reason})") from None
    schema = state.get("schema") if isinstance(state, dict) else None
    if schema != TRAINER_SCHEMA:
        raise CheckpointError(
            f"{path}: expected a trainer's state of schema {TRAINER_SCHEMA}, got schema {schema}; another release "
            "wrote it: go on with that one, or start in another run folder"
        )
    _refuse_not_finite(path, state)
    return state


def training_seconds(path: Path) -> float:
    """How long a training took, from its trainer's state.

    Raises:
        CheckpointError: as :func:`load_trainer`, and where the state does not say.
    """
    seconds = load_trainer(path).get("seconds")
    unfit = misfit(seconds, NUMBER, "seconds")
    if unfit is not None:
        raise CheckpointError(f"{path}: {unfit}")
    return float(cast(float, seconds))


def _checksum(description: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> str:
    """Of all that a file holds, in an order of its own: the description without the checksum, and every tensor."""
    digest = hashlib.sha256(
        json.dumps({key: value for key, value in description.items() if key != _CHECKSUM}, sort_keys=True).encode()
    )
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _refuse_not_finite(path: Path, found: Any, name: str = "") -> None:
    """Raise CheckpointError where a tensor of nested containers holds a value that is not finite; names the tensor."""
    if isinstance(found, torch.Tensor):
        if found.is_floating_point() and not bool(torch.isfinite(found).all()):
            count = int((~torch.isfinite(found)).sum())
            raise CheckpointError(
                f"{path}: {shown(name)}: expected finite numbers, {count} of {found.numel()} are not; take an earlier "
                "checkpoint, or train again"
            )
    elif isinstance(found, Mapping | list | tuple):
        for key, value in found.items() if isinstance(found, Mapping) else enumerate(found):
            _refuse_not_finite(path, value, f"{name}.{key}" if name else str(key))


def _line(value: Any) -> str:
    return shown(value, longest=2_000)


def _is_whole_archive(path: Path) -> bool:
    """Whether a file is the zip archive that torch writes and all its checksums fit, which torch does not look at."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False
    except (RuntimeError, NotImplementedError, zlib.error, EOFError, ValueError):
        return False  # encrypted, packed in another way or damaged


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """A model's parameters and persistent buffers, copied."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
