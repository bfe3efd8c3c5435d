"""Settings of the job that says what is in a data set."""

from __future__ import annotations

from dataclasses import dataclass

from rssm.config import check


@dataclass(frozen=True)
class InspectConfig:
    """Say what is in a data set, after all its checksums were looked at (``scripts/inspect_data.py``).

    Args:
        data: folder of the data set.
        gif: file of an animation of its games; empty makes none.
        episode: index of the game that is shown.
        steps: agent steps that are shown.
        minari: name of a Minari data set to export it to, such as ``pong/tracking-v0``; it is written where Minari
            keeps its data sets (``MINARI_DATASETS_PATH``). Empty exports nothing.
    """

    data: str
    gif: str = ""
    episode: int = 0
    steps: int = 300
    minari: str = ""

    def __post_init__(self) -> None:
        check(self.episode >= 0, f"episode: expected 0 or more, got {self.episode}")
        check(self.steps >= 1, f"steps: expected at least 1, got {self.steps}")
