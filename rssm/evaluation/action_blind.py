"""The same predictor told other actions than those that were played: what the actions are worth to it.

A model that has learnt what its data's player does, and not what the actions do, would lose nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rssm.arrays import IntArray
from rssm.data.dataset import Dataset
from rssm.evaluation.windows import EpisodeWindows, sample_starts, windows_at


def shuffled_windows(
    dataset: Dataset, lengths: IntArray, count: int, rng: np.random.Generator
) -> Iterator[EpisodeWindows]:
    """Up to ``count`` recorded windows of the episodes' first ``lengths`` (E,) rows, whose futures change places.

    What was seen and what came of it stay as they are. The six actions are those of another of these windows, whatever
    game it is from, so that they are as a player plays them; no window keeps its own. None where there are not two.
    """
    chosen = sample_starts(lengths, count, rng)
    windows = [windows_at(dataset, index, starts) for index, starts in chosen.items()]
    if sum(len(batch.starts) for batch in windows) < 2:
        return
    futures = np.concatenate([batch.futures for batch in windows])
    others = futures[_all_elsewhere(len(futures), rng)]
    sizes = np.cumsum([len(batch.starts) for batch in windows])
    for batch, actions in zip(windows, np.split(others, sizes[:-1]), strict=True):
        yield replace(batch, futures=actions)


def _all_elsewhere(count: int, rng: np.random.Generator) -> IntArray:
    """A random permutation (N,) that leaves nothing in its place: one cycle through all."""
    order = rng.permutation(count)
    places: IntArray = np.empty(count, np.int64)
    places[order] = np.roll(order, 1)
    return places
