"""The data sets of a world model's job: collected where they are not there, and none with a game of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rssm.config import WorldModelConfig
from rssm.data.collect import ensure_dataset
from rssm.data.dataset import Dataset
from rssm.data.disjoint import check_disjoint
from rssm.data.mixture import Mixture
from rssm.data.streams import Recording
from rssm.errors import UserError
from rssm.game import load_game


def open_datasets(config: WorldModelConfig) -> tuple[Dataset, Dataset]:
    """The training and the held-out data.

    Raises:
        UserError: a data set has other settings, is damaged, or the two share a game.
    """
    data = config.data
    train, heldout = ensure_dataset(data.train, training_recording(config), data.workers), open_heldout(config)
    check_disjoint(train, heldout)
    return train, heldout


def open_heldout(config: WorldModelConfig) -> Dataset:
    """The held-out data alone.

    Raises:
        UserError: they have other settings, or are damaged.
    """
    data = config.data
    unseen = Recording(config.env, _players(config, data.heldout_player), data.heldout_seed, steps=data.heldout_steps)
    return ensure_dataset(data.heldout, unseen, data.workers)


def training_recording(config: WorldModelConfig) -> Recording:
    """What the training data hold."""
    data = config.data
    return Recording(config.env, _players(config, data.players), data.train_seed, steps=data.train_steps)


def open_others(config: WorldModelConfig, train: Dataset | None) -> Dataset | None:
    """Games by other players, for tries; None where none are asked for.

    Args:
        config: of the job.
        train: what was learned from; None where it is not there. Imported games may be of another Pong than the
            emulator's: then there are no others either.
    """
    others = config.data.others
    if others.games == 0 or (train is not None and train.env is None):
        return None
    return _open_others(config, train, others.path, others.games, others.seed)


def open_test_sets(config: WorldModelConfig, train: Dataset | None) -> tuple[Dataset, Dataset]:
    """The test set: games of the held-out player, and of all other players."""
    data, test = config.data, config.data.test
    recording = Recording(config.env, _players(config, data.heldout_player), test.seed, games=test.games)
    main = ensure_dataset(Path(test.path) / "main", recording, data.workers)
    if train is not None:
        check_disjoint(train, main)
    return main, _open_others(config, train, str(Path(test.path) / "others"), test.other_games, test.others_seed)


def _open_others(config: WorldModelConfig, train: Dataset | None, path: str, games: int, seed: int) -> Dataset:
    others = config.data.others
    env = replace(config.env, noop_max=others.noops)
    recording = Recording(env, _players(config, others.players), seed, games=games)
    dataset = ensure_dataset(path, recording, config.data.workers)
    if train is not None:
        check_disjoint(train, dataset)
    return dataset


def _players(config: WorldModelConfig, text: str) -> Mixture:
    return Mixture.parse(text, load_game(config.env.id).read_player)


def split_episodes(data: Dataset, validation_steps: int) -> tuple[Sequence[slice], Sequence[slice]]:
    """The episodes to learn from and the last ones, of at least ``validation_steps`` rows, to validate on.

    In data by several players the last episodes are of all of them in their proportions
    (see :class:`rssm.data.streams.Streams`).

    Raises:
        UserError: no episode would be left to learn from.
    """
    episodes = list(data.episodes)
    first = len(episodes)
    while first > 0 and len(data) - (episodes[first].start if first < len(episodes) else len(data)) < validation_steps:
        first -= 1
    if first == 0:
        raise UserError(
            f"data.validation_steps: expected to leave an episode of {data.path} to learn from; its {len(episodes)} "
            f"episodes have {len(data)} steps, and the last ones of {validation_steps} steps are set aside"
        )
    return episodes[:first], episodes[first:]
