"""A data set on disk: a folder of plain arrays and ``meta.json``, checked whenever it is opened.

Row t holds a frame, the action taken after it, and the reward that action earned. Stacks of four frames are built on
read. A data set appears under its name complete or not at all, and is never overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.config import EnvConfig
from rssm.data.dataset_files import ARRAYS, META_FILE, SCHEMA_VERSION, env_of, game_of, read_arrays, read_meta
from rssm.data.episode import Episode
from rssm.errors import DataError, UserError
from rssm.game import load_game
from rssm.storage.files import file_checksum, make_folder, sync, writing


class Dataset:
    """A data set, opened read-only with its arrays memory-mapped.

    Attributes:
        path: its folder.
        meta: what ``meta.json`` holds.
        game: that was played; imported data are Pong's.
        features: (N, F) float32.
        action: (N,) uint8.
        reward: (N,) float32.
        terminated: (N,) bool, the row's action ended the game.
        truncated: (N,) bool, the recording of an episode stopped after this row.
        is_first: (N,) bool, the row starts an episode.
        episodes: the rows of each episode.
    """

    def __init__(self, path: Path, meta: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        self.path = path
        self.meta = meta
        self.game = game_of(meta)
        self.features: FloatArray = arrays["features"]
        self.action: npt.NDArray[np.uint8] = arrays["action"]
        self.reward: FloatArray = arrays["reward"]
        self.terminated: npt.NDArray[np.bool_] = arrays["terminated"]
        self.truncated: npt.NDArray[np.bool_] = arrays["truncated"]
        self.is_first: npt.NDArray[np.bool_] = arrays["is_first"]
        starts = np.flatnonzero(self.is_first).tolist()
        ends = [*starts[1:], len(self.action)]
        self.episodes = tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))

    @staticmethod
    def of(like: Dataset, episodes: Sequence[Episode]) -> Dataset:
        """Other episodes of the same game, which are in memory alone; messages call them by the same path."""
        return Dataset(like.path, {"env_id": like.meta["env_id"], "env": like.meta["env"]}, _concatenate(episodes))

    @staticmethod
    def open(path: str | Path) -> Dataset:
        """Open and check a data set.

        Raises:
            DataError: something is missing, damaged or of another layout; the line names the file.
        """
        folder = Path(path)
        meta = read_meta(folder / META_FILE)
        arrays = read_arrays(folder, meta)
        dataset = Dataset(folder, meta, arrays)
        lengths = [rows.stop - rows.start for rows in dataset.episodes]
        if meta["episode_lengths"] != lengths or len(meta["episode_seeds"]) != len(lengths):
            raise DataError(f"{folder / META_FILE}: episode_lengths or episode_seeds do not match is_first.npy")
        if len(dataset.players) != len(lengths):
            raise DataError(f"{folder / META_FILE}: episode_players: expected {len(lengths)}, one of each episode")
        return dataset

    def __len__(self) -> int:
        return len(self.action)

    @property
    def env(self) -> EnvConfig | None:
        """The game that the data come from; None for imported data, which cannot be replayed."""
        return env_of(self.meta)

    @property
    def players(self) -> list[str]:
        """Who played each episode, as text."""
        if "episode_players" in self.meta:
            return list(self.meta["episode_players"])
        # recorded by one player, or before there were several
        return [policy_text(self.meta["policy"])] * len(self.episodes)

    def episode(self, index: int) -> Episode:
        """Episode number ``index``, its arrays still memory-mapped."""
        rows = self.episodes[index]
        return Episode(
            self.features[rows],
            self.action[rows],
            self.reward[rows],
            bool(self.terminated[rows.stop - 1]),
            bool(self.truncated[rows.stop - 1]),
            self.meta["episode_seeds"][index],
            self.players[index],
        )


def policy_text(policy: Mapping[str, Any]) -> str:
    """What ``meta.json`` says of one player, in words: its name and its settings."""
    words = [key if value is True else f"{key}={value}" for key, value in policy.items() if key != "name"]
    return " ".join([str(policy.get("name", "unknown")), *words])


def check_free(path: str | Path) -> None:
    """Raise UserError unless a new data set can be written to ``path``: nothing there, or an empty folder."""
    out = Path(path)
    if (out / META_FILE).exists():
        raise UserError(f"{out}: already holds a data set; expected a new folder")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out}: already exists; expected a new folder")


def write_dataset(
    path: str | Path,
    episodes: Sequence[Episode],
    *,
    env: EnvConfig | None,
    policy: dict[str, Any],
    seed: int | None,
) -> None:
    """Write episodes as a new data set, complete or not at all.

    Args:
        path: the new folder.
        episodes: at least one, none of them empty, each terminated or truncated.
        env: the game's settings; None for data from elsewhere.
        policy: who played, for ``meta.json``.
        seed: that all episode seeds come from.

    Raises:
        UserError: ``path`` is taken.
    """
    out = Path(path)
    check_free(out)
    arrays = _concatenate(episodes)
    make_folder(out.parent)
    with writing(out) as building:
        building.mkdir()
        for name, array in arrays.items():
            with open(building / f"{name}.npy", "wb") as file:
                np.save(_Plain(file), array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        meta: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "env_id": None if env is None else env.id,
            "env": None if env is None else _settings(env),
            "policy": policy,
            "seed": seed,
            "steps": len(arrays["action"]),
            "episode_lengths": [len(episode) for episode in episodes],
            "episode_seeds": [episode.seed for episode in episodes],
            "sha256": {f"{name}.npy": file_checksum(building / f"{name}.npy") for name in arrays},
        }
        players = [episode.player for episode in episodes]
        if None not in players:
            meta["episode_players"] = players
        with open(building / META_FILE, "w", encoding="utf-8") as text:
            json.dump(meta, text, indent=2)
            text.flush()
            os.fsync(text.fileno())
        sync(building)
        building.rename(out)  # fails, and changes nothing, if somebody filled the folder meanwhile
        sync(out.parent)


class _Plain:
    """A file that numpy does not know as one: to those that it knows it writes by itself, and overlooks that the disk
    is full when what is left fits its buffer."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def _concatenate(episodes: Sequence[Episode]) -> dict[str, npt.NDArray[Any]]:
    lengths = [len(episode) for episode in episodes]
    ends = np.cumsum(lengths)
    arrays: dict[str, npt.NDArray[Any]] = {
        name: np.concatenate([getattr(episode, name) for episode in episodes]).astype(dtype, copy=False)
        for name, dtype in ARRAYS.items()
        if name in ("features", "action", "reward")
    }
    for name in ("terminated", "truncated", "is_first"):
        arrays[name] = np.zeros(int(ends[-1]), np.bool_)
    arrays["terminated"][ends - 1] = [episode.terminated for episode in episodes]
    arrays["truncated"][ends - 1] = [episode.truncated for episode in episodes]
    arrays["is_first"][ends - lengths] = True
    return arrays


def _settings(env: EnvConfig) -> dict[str, Any]:
    """The settings that the game has, but for its id."""
    nothing = load_game(env.id).idle
    return {key: value for key, value in asdict(env).items() if key != "id" and f"env.{key}" not in nothing}
