"""What anything has to answer to be scored."""

from __future__ import annotations

from typing import Protocol

from rssm.arrays import FloatArray, IntArray


class Predictor(Protocol):
    """Predicts what is seen after the next steps, from the past of one episode and the actions to come."""

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        """Predict every window of one episode.

        Only ``observations[: t + 1]`` and ``actions[:t]`` may be used for a window that starts at t.

        Args:
            observations: (L, F, S) raw stacks of the episode, in pixels.
            actions: (L,) action ids; action t is taken after observation t.
            starts: (W,) the steps that the windows start at.
            futures: (W, K) the actions taken from each start; futures need not be what the episode recorded.

        Returns:
            (W, K, F, S) the stacks after 1 to K steps, raw pixel units, neither rounded nor clipped.
        """
        ...
