"""What the numbers of a game's observations and actions are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

#: frames in a stack, where nothing else is asked for
STACK = 4
#: most of them
MOST_FRAMES = 16


@dataclass(frozen=True)
class Layout:
    """What the numbers of an observation and an action are.

    Args:
        features: F names, in the order of a frame (..., F).
        actions: A names; an action is an int64 from 0 to A - 1.
        stack: S, frames of a stack (..., F, S), the oldest first. Environments show it as an observation
            (..., F * S), see :mod:`rssm.data.frames`.
        counters: pairs of features (total, event): the next total is the last one plus the next event. No network sees
            a total, and none predicts it.
    """

    features: tuple[str, ...]
    actions: tuple[str, ...]
    stack: int = STACK
    counters: tuple[tuple[int, int], ...] = ()

    @property
    def num_features(self) -> int:
        """F."""
        return len(self.features)

    @property
    def num_actions(self) -> int:
        """A."""
        return len(self.actions)

    @property
    def obs_size(self) -> int:
        """Values of an observation."""
        return self.num_features * self.stack

    @property
    def totals(self) -> tuple[int, ...]:
        """The features that count, which no network sees."""
        return tuple(total for total, _ in self.counters)

    @property
    def seen(self) -> tuple[int, ...]:
        """The features that networks see, in order."""
        return tuple(i for i in range(self.num_features) if i not in self.totals)

    def to_dict(self) -> dict[str, Any]:
        """As JSON gives it back."""
        counters = [list(pair) for pair in self.counters]
        return {**asdict(self), "features": [*self.features], "actions": [*self.actions], "counters": counters}
