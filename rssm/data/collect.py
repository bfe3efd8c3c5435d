"""Play real games and keep them as a data set (:mod:`rssm.data.streams`): all of it or nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

from rssm.config import CollectConfig, EnvConfig
from rssm.data.dataset import Dataset, check_free, write_dataset
from rssm.data.kept import KeptEpisodes, kept_folder
from rssm.data.mixture import Mixture
from rssm.data.streams import Recording, Streams
from rssm.errors import UserError
from rssm.game import load_game
from rssm.progress import Progress
from rssm.storage.folder_lock import lock_file
from rssm.system.stopping import goes_on


def collect(config: CollectConfig) -> None:
    """Play ``config.steps`` agent steps, or ``config.games`` games of each player, and write them to ``config.out``.

    Raises:
        UserError: ``config.out`` is taken, or a worker process was killed.
    """
    recording = Recording(
        EnvConfig(id=config.env_id, repeat_action_probability=config.sticky, noop_max=config.noops),
        Mixture.parse(config.players, load_game(config.env_id).read_player),
        config.seed,
        steps=0 if config.games else config.steps,
        games=config.games,
    )
    _collect(Path(config.out), recording, config.workers)


def ensure_dataset(path: str | Path, recording: Recording, workers: int) -> Dataset:
    """Open the data set at ``path``, collecting it first if the folder is not there.

    Imported data are opened as they are: they have no settings to compare.

    Args:
        path: folder of the data set.
        recording: what it is to hold.
        workers: processes; 0 takes one per core.

    Raises:
        DataError: there is a data set, but a damaged one.
        UserError: there is a data set with other settings; the line names the first that differs.
    """
    if not Path(path).exists():
        _collect(Path(path), recording, workers)
    dataset = Dataset.open(path)
    if kept_folder(Path(path)).exists() or lock_file(Path(path)).exists():
        with KeptEpisodes(Path(path), recording.plan()):
            pass  # left by a collection that was killed when all was done
    if dataset.env is not None:
        wanted = {"seed": recording.seed, "policy": recording.players.meta(), **asdict(recording.env)}
        if recording.steps:
            wanted["steps"] = recording.steps
        else:
            wanted["games"] = recording.games * len(recording.players.players)
        found = {**dataset.meta, **asdict(dataset.env), "games": len(dataset.episodes)}
        for key in ("steps", "games", *wanted):
            if key in wanted and found[key] != wanted[key]:
                raise UserError(f"{path}: {key}: expected {wanted[key]}, but the data set there has {found[key]}")
    return dataset


def _collect(path: Path, recording: Recording, workers: int) -> None:
    with KeptEpisodes(path, recording.plan()) as kept:
        check_free(path)
        streams = Streams(recording, kept)
        total, unit = streams.missing, "games" if recording.games else "steps"
        streams.take_kept()
        done = total - streams.missing
        if done:
            print(f"collecting {path}: going on after {done:,} of {total:,} {unit}", file=sys.stderr)

        def note() -> str:
            kept_now = f"{total - streams.missing:,} of {total:,} {unit} of {path} are kept"
            return f"{kept_now}; start the same command again to go on"

        with Progress(f"collecting {path}", total, unit, done) as progress, goes_on(note):
            for _ in streams.play_rest(workers or _cores()):
                progress.advance(total - streams.missing - progress.done)
        write_dataset(path, streams.episodes, env=recording.env, policy=recording.players.meta(), seed=recording.seed)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
