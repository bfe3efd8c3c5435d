"""Games of a data set that is still being collected, on disk one by one, so that a killed collection goes on."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from rssm.data.dataset_files import META_FILE
from rssm.data.episode import Episode
from rssm.errors import DataError
from rssm.storage.files import make_folder, replace_file, write_json
from rssm.storage.folder_lock import locked
from rssm.storage.npy import read_npz

_PLAN_FILE = "plan.json"
_PARTS = ("features", "action", "reward", "terminated", "truncated", "seed", "player")
#: bytes of a game; a million steps of a game with a hundred features have less than half as many
_LARGEST = 2**30


class KeptEpisodes:
    """The folder ``.NAME.collecting`` beside the data set; a context manager that one process at a time can be in.

    Games of another plan, which an abandoned collection left there, are removed.

    Args:
        path: folder of the data set to be.
        plan: everything that the games depend on, as JSON.

    Raises:
        BusyError: another process collects this data set.
    """

    def __init__(self, path: Path, plan: dict[str, Any]) -> None:
        self.path, self.plan = path, plan
        self.folder = kept_folder(path)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self.path))
            self._prepare()
            self._lock = stack.pop_all()
        return self

    def _prepare(self) -> None:
        if (self.path / META_FILE).exists():  # it was killed when all was done but this
            shutil.rmtree(self.folder, ignore_errors=True)
            return
        make_folder(self.folder)
        if self._read_plan() != json.loads(json.dumps(self.plan)):
            for file in self.folder.iterdir():
                file.unlink()
            write_json(self.folder / _PLAN_FILE, self.plan)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left if all went well, or if there is nothing to go on from."""
        with self._lock:
            if kind is None or not self.any():
                shutil.rmtree(self.folder, ignore_errors=True)

    def any(self) -> bool:
        """Whether there is a game to go on after."""
        return next(self.folder.glob("[0-9]*.npz"), None) is not None

    def load(self, player: int, number: int) -> Episode | None:
        """A player's game, or None where it is not there whole."""
        file = game_file(self.folder, player, number)
        try:
            arrays = read_npz(file, _PARTS, _LARGEST, "a game")
        except DataError:
            return None
        if arrays.keys() != set(_PARTS):
            return None
        return Episode(
            arrays["features"],
            arrays["action"],
            arrays["reward"],
            bool(arrays["terminated"]),
            bool(arrays["truncated"]),
            int(arrays["seed"]),
            str(arrays["player"]),
        )

    def _read_plan(self) -> Any:
        try:
            return json.loads((self.folder / _PLAN_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None


def kept_folder(path: Path) -> Path:
    """Where the games of the data set ``path`` are kept until it is whole."""
    return path.parent / f".{path.name}.collecting"


def game_file(folder: Path, player: int, number: int) -> Path:
    """The file of a player's game in the folder of kept games."""
    return folder / f"{player}-{number}.npz"


def keep_episode(file: Path, episode: Episode) -> None:
    """Write a game, whole or not at all."""
    arrays: dict[str, Any] = {
        "features": episode.features,
        "action": episode.action,
        "reward": episode.reward,
        "terminated": np.bool_(episode.terminated),
        "truncated": np.bool_(episode.truncated),
        "seed": np.int64(episode.seed or 0),
        "player": np.str_(episode.player),
    }
    replace_file(file, lambda temporary: np.savez(temporary, allow_pickle=False, **arrays))
