"""The files of a data set: what they are called and hold, and all that is checked when they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm import ENV_ID
from rssm.config import EnvConfig
from rssm.data.blocks import blocks
from rssm.errors import DataError, UserError, shown
from rssm.game import Game, load_game
from rssm.layout import STACK
from rssm.storage.files import file_checksum
from rssm.storage.npy import map_npy
from rssm.storage.shape import (
    ANYTHING,
    COUNT,
    TEXT,
    WHOLE,
    ListOf,
    MapOf,
    Maybe,
    Record,
    check_shape,
    read_json,
    shown_reason,
)

SCHEMA_VERSION = 1
META_FILE = "meta.json"

#: each array's type; a row of the features is a frame, one of any other array a number
ARRAYS: dict[str, type[np.generic]] = {
    "features": np.float32,
    "action": np.uint8,
    "reward": np.float32,
    "terminated": np.bool_,
    "truncated": np.bool_,
    "is_first": np.bool_,
}
_META = Record(
    {
        "schema_version": WHOLE,
        "env_id": Maybe(TEXT),
        "env": Maybe(MapOf(ANYTHING)),
        "policy": MapOf(ANYTHING),
        "seed": Maybe(WHOLE),
        "steps": COUNT,
        "episode_lengths": ListOf(COUNT, least=1),
        "episode_seeds": ListOf(Maybe(COUNT)),
        "sha256": MapOf(TEXT),
    },
    {"episode_players": ListOf(TEXT)},
)


def read_meta(path: Path) -> dict[str, Any]:
    """What a data set's ``meta.json`` says.

    Raises:
        DataError: it is missing, damaged, or of another version.
    """
    if not path.parent.is_dir():
        raise DataError(f"{path.parent}: no such folder; expected a data set")
    if not path.is_file():
        raise DataError(f"{path}: missing; {path.parent} is not a (complete) data set")
    what = "the description of a data set"
    try:
        meta = read_json(path, what, MapOf(ANYTHING))
        version = meta.get("schema_version")
        if version != SCHEMA_VERSION:
            raise DataError(f"{path}: schema_version: expected {SCHEMA_VERSION}, got {shown(version)}")
        check_shape(meta, _META, str(path), what)
    except UserError as error:
        raise DataError(str(error)) from None
    try:
        env_of(meta)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: env: {shown_reason(error)}") from error
    try:
        game_of(meta)
    except UserError as error:
        raise DataError(f"{path}: env_id: {error}") from error
    return meta


def read_arrays(folder: Path, meta: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a data set by name, memory-mapped, with what :func:`read_meta` said of them.

    Raises:
        DataError: one is missing, damaged or of another layout, or values in it cannot be; the line names the file.
    """
    arrays = {name: _read_array(folder / f"{name}.npy", name, meta) for name in ARRAYS}
    _check_values(folder, arrays, game_of(meta).layout.num_actions)
    return arrays


def env_of(meta: dict[str, Any]) -> EnvConfig | None:
    """The game's settings by ``meta.json``; None for data from elsewhere."""
    return None if meta["env"] is None else EnvConfig(id=meta["env_id"] or ENV_ID, **meta["env"])


def game_of(meta: dict[str, Any]) -> Game:
    """The game that was played; data from elsewhere are Pong's."""
    return load_game(meta["env_id"] or ENV_ID, (meta["env"] or {}).get("stack", STACK))


def _read_array(path: Path, name: str, meta: dict[str, Any]) -> npt.NDArray[Any]:
    if not path.is_file():
        raise DataError(f"{path}: missing")
    array = map_npy(path)
    dtype, row = ARRAYS[name], (game_of(meta).layout.num_features,) if name == "features" else ()
    if array.dtype != dtype:
        raise DataError(f"{path}: expected {np.dtype(dtype)} values, got {array.dtype}")
    if array.ndim == 0 or array.shape[1:] != row:
        raise DataError(f"{path}: expected shape ({', '.join(['N', *map(str, row)])}), got {array.shape}")
    if len(array) != meta["steps"]:
        raise DataError(f"{path}: expected {meta['steps']} rows as all other files, got {len(array)}")
    if meta["sha256"].get(path.name) != file_checksum(path):
        raise DataError(f"{path}: checksum differs from {META_FILE}; the file was damaged or changed")
    return array


def _check_values(folder: Path, arrays: dict[str, npt.NDArray[Any]], num_actions: int) -> None:
    if len(arrays["action"]) == 0:
        raise DataError(f"{folder / META_FILE}: steps: expected at least one row, got 0")
    for name in ("features", "reward"):
        for block in blocks(len(arrays[name])):
            finite = np.isfinite(arrays[name][block])
            if not finite.all():
                row = block.start + np.argwhere(~finite)[0, 0]
                raise DataError(f"{folder / name}.npy: row {row}: not finite")
    bad = np.flatnonzero(arrays["action"] >= num_actions)
    if len(bad):
        raise DataError(
            f"{folder}/action.npy: row {bad[0]}: expected an action from 0 to {num_actions - 1}, "
            f"got {arrays['action'][bad[0]]}"
        )
    if not arrays["is_first"][0]:
        raise DataError(f"{folder}/is_first.npy: row 0: expected an episode's start")
    is_last = arrays["terminated"] | arrays["truncated"]
    bad = np.flatnonzero(is_last != np.append(arrays["is_first"][1:], True))
    if len(bad):
        raise DataError(
            f"{folder}/is_first.npy: row {bad[0] + 1}: an episode must start after every terminated or truncated row "
            "and nowhere else"
        )
