"""What happens in a window, read from its true frames.

A window is labelled with the first of these that applies:

1. ``start``: it starts in the first 40 steps of an episode, whose first serve depends on no-ops that nobody saw;
2. ``goal``: somebody scores;
3. ``serve``: a ball comes into play;
4. ``player_hit``: the ball, flying right, turns left (our paddle is on the right);
5. ``enemy_hit``: the ball, flying left, turns right;
6. ``wall_bounce``: the ball's vertical direction flips;
7. ``waiting``: no ball is in play for a part of the window;
8. ``free_flight``: none of these.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray, IntArray
from rssm.games.pong.features import BALL_SPAWNED, BALL_X_DIRECTION, BALL_Y_DIRECTION, SCORE_ENEMY, SCORE_PLAYER

#: their titles, in order of precedence
TITLES = {
    "start": "start of a game",
    "goal": "a goal",
    "serve": "a serve",
    "player_hit": "our paddle hits",
    "enemy_hit": "the enemy's paddle hits",
    "wall_bounce": "the ball bounces off a wall",
    "waiting": "waiting for a serve",
    "free_flight": "free flight",
}
EVENTS = tuple(TITLES)
#: windows that start before this step of an episode are ``start``
START_STEPS = 40


def label_windows(frames: FloatArray, starts: IntArray) -> npt.NDArray[np.int64]:
    """Label windows by what happens between their start and their last step.

    Args:
        frames: (W, K + 1, 14) the true frames of each window, that at its start included.
        starts: (W,) the step of the episode that each starts at.

    Returns:
        (W,) indices into :data:`EVENTS`.
    """
    before, after = frames[:, :-1], frames[:, 1:]
    spawned = (before[..., BALL_SPAWNED] > 0.5) & (after[..., BALL_SPAWNED] > 0.5)
    served = (before[..., BALL_SPAWNED] < 0.5) & (after[..., BALL_SPAWNED] > 0.5)
    x_before, x_after = before[..., BALL_X_DIRECTION], after[..., BALL_X_DIRECTION]
    y_turned = before[..., BALL_Y_DIRECTION] * after[..., BALL_Y_DIRECTION] < 0
    scored = (after[..., SCORE_PLAYER] > 0.5) | (after[..., SCORE_ENEMY] > 0.5)
    applies = [
        starts < START_STEPS,
        scored.any(axis=1),
        served.any(axis=1),
        (spawned & (x_before > 0) & (x_after < 0)).any(axis=1),
        (spawned & (x_before < 0) & (x_after > 0)).any(axis=1),
        (spawned & y_turned).any(axis=1),
        (frames[..., BALL_SPAWNED] < 0.5).any(axis=1),
    ]
    return np.select(applies, list(range(len(applies))), default=len(applies)).astype(np.int64)
