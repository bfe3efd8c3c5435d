"""One recorded game, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray


@dataclass(frozen=True)
class Episode:
    """L agent steps. Row t is the frame, the action taken after it, and the reward that this action earned.

    Attributes:
        features: (L, F) float32, in the order of the game's layout.
        action: (L,) uint8.
        reward: (L,) float32, points.
        terminated: the last action ended the game.
        truncated: the recording stopped there for another reason.
        seed: of the game's reset, from which it can be replayed; None where that is not known.
        player: who played, as text; None where that is not known.
    """

    features: FloatArray
    action: npt.NDArray[np.uint8]
    reward: FloatArray
    terminated: bool
    truncated: bool
    seed: int | None
    player: str | None = None

    def __len__(self) -> int:
        return len(self.action)

    def first(self, steps: int) -> Episode:
        """The episode itself if it is no longer than ``steps``, else its beginning, truncated."""
        if len(self) <= steps:
            return self
        cut = {name: getattr(self, name)[:steps] for name in ("features", "action", "reward")}
        return replace(self, **cut, terminated=False, truncated=True)
