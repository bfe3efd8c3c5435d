"""Every real step of an online run, in memory and on disk.

The steps are written as numbered blocks that never change again. A checkpoint says how many blocks there were when it
was made; a run that goes on from it reads those, and plays what came after them anew. So no step is lost, and none is
counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.data.dataset import Dataset
from rssm.data.dataset_files import ARRAYS
from rssm.errors import DataError
from rssm.game import Game
from rssm.storage.files import replace_file
from rssm.storage.npy import read_npz

Flags = npt.NDArray[np.bool_]

#: bytes of a block; one of a million steps of a game with a hundred features has half as many
_LARGEST = 2**30


@dataclass(frozen=True)
class Block:
    """T agent steps of G games side by side; what each row holds is said in :mod:`rssm.data.dataset`.

    Attributes:
        features: (T, G, F) float32.
        action: (T, G) uint8.
        reward: (T, G) float32, points.
        terminated: (T, G) bool, the row's action ended the game.
        truncated: (T, G) bool, the game was stopped after this row.
        is_first: (T, G) bool, the row starts a game.
    """

    features: FloatArray
    action: npt.NDArray[np.uint8]
    reward: FloatArray
    terminated: Flags
    truncated: Flags
    is_first: Flags

    def __len__(self) -> int:
        """T."""
        return len(self.action)


class Replay:
    """The blocks in a folder.

    Args:
        folder: of the blocks; made with the first one.
        game: what is played.
        games: G.
        blocks: how many to read.

    Raises:
        DataError: a block is missing, damaged or of other games.
    """

    def __init__(self, folder: Path, game: Game, games: int, blocks: int = 0) -> None:
        self.folder, self.game, self.games = folder, game, games
        self._blocks = [_read(self._path(number), game, games) for number in range(blocks)]

    @property
    def blocks(self) -> int:
        return len(self._blocks)

    @property
    def steps(self) -> int:
        """Real steps of all games together."""
        return sum(len(block) for block in self._blocks) * self.games

    def append(self, block: Block) -> None:
        """Keep one more block, whole or not at all."""
        arrays = {part.name: getattr(block, part.name) for part in fields(block)}
        replace_file(self._path(self.blocks), lambda temporary: np.savez(temporary, **arrays))
        self._blocks.append(block)

    def data(self) -> Dataset:
        """All steps as one data set, one place's games after the other; it does not change with later blocks.

        A game in progress is an episode like any other, whose last row is neither terminated nor truncated.
        """
        arrays = {part.name: self._joined(part.name) for part in fields(Block)}
        return Dataset(self.folder, self._meta, arrays)

    def place(self, place: int) -> Dataset:
        """The steps of one of the G places."""
        arrays = {
            part.name: np.concatenate([getattr(block, part.name)[:, place] for block in self._blocks])
            for part in fields(Block)
        }
        return Dataset(self.folder, self._meta, arrays)

    @property
    def _meta(self) -> dict[str, Any]:
        return {"env_id": self.game.env_id, "env": {"stack": self.game.layout.stack}}

    def _joined(self, name: str) -> npt.NDArray[Any]:
        whole = np.concatenate([getattr(block, name) for block in self._blocks])
        return whole.swapaxes(0, 1).reshape(-1, *whole.shape[2:])

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"


def _read(path: Path, game: Game, games: int) -> Block:
    what = "a block of real steps"
    arrays = read_npz(path, ARRAYS, _LARGEST, what)
    missing = [name for name in ARRAYS if name not in arrays]
    if missing:
        raise DataError(f"{path}: {missing[0]}: missing; expected {what}")
    block = Block(**arrays)
    if block.action.ndim != 2 or block.action.shape[1] != games:
        raise DataError(f"{path}: expected steps of {games} games side by side, got shape {block.action.shape}")
    for name, array in arrays.items():
        shape = (*block.action.shape, game.layout.num_features) if name == "features" else block.action.shape
        if array.shape != shape or array.dtype != ARRAYS[name]:
            wanted = f"{np.dtype(ARRAYS[name])} of shape {shape}"
            raise DataError(f"{path}: {name}: expected {wanted}, got {array.dtype} of shape {array.shape}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = np.argwhere(~np.isfinite(array))[0, 0]
            raise DataError(f"{path}: {name}: row {row}: expected finite numbers")
    if (block.action >= game.layout.num_actions).any():
        raise DataError(f"{path}: action: expected 0 to {game.layout.num_actions - 1}, got {block.action.max()}")
    return block
