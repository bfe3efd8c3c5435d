"""The 14 object-space features of Pong and the stack of four frames that a model sees.

All positions are screen pixels, origin top left. A *frame* is ``(..., 14)``; a *stack* is ``(..., 14, 4)``: four
frames, the oldest first. The environment shows it interleaved, ``(..., 56)``, at feature * 4 + frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.layout import STACK

FEATURE_NAMES: tuple[str, ...] = (
    "player_x",
    "player_y",
    "enemy_x",
    "enemy_y",
    "ball_x_direction",
    "ball_y_direction",
    "ball_spawned",
    "ball_in_bounds",
    "ball_x",
    "ball_y",
    "enemy_score",
    "player_score",
    "score_player",
    "score_enemy",
)
NUM_FEATURES = len(FEATURE_NAMES)
STACK_SIZE = STACK
OBS_SIZE = NUM_FEATURES * STACK_SIZE

(
    PLAYER_X,
    PLAYER_Y,
    ENEMY_X,
    ENEMY_Y,
    BALL_X_DIRECTION,
    BALL_Y_DIRECTION,
    BALL_SPAWNED,
    BALL_IN_BOUNDS,
    BALL_X,
    BALL_Y,
    ENEMY_SCORE,
    PLAYER_SCORE,
    SCORE_PLAYER,
    SCORE_ENEMY,
) = range(NUM_FEATURES)

ACTION_NAMES: tuple[str, ...] = ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
NUM_ACTIONS = len(ACTION_NAMES)

#: where the ball is shown while none is in play
SERVE_X, SERVE_Y = 78.0, 115.0
#: the fixed columns of the two paddles' left edges
PLAYER_COLUMN, ENEMY_COLUMN = 140.0, 16.0
#: a ball in play is in bounds while ``BOUNDS[0] <= ball_x <= BOUNDS[1]``
BOUNDS = (16.0, 143.0)

# Bytes of the console's 128-byte memory.
_RAM_ENEMY_SCORE, _RAM_PLAYER_SCORE = 13, 14
_RAM_MATCH_ON = 16
_RAM_BALL_X, _RAM_ENEMY_Y, _RAM_PLAYER_Y, _RAM_BALL_Y = 49, 50, 51, 54
_RAM_BALL_VY, _RAM_BALL_VX = 56, 58


def is_match_on(ram: npt.NDArray[np.uint8]) -> bool:
    """Whether the console plays a match: it clears a byte of its memory (128,) when it ends one by itself."""
    return bool(ram[_RAM_MATCH_ON])


def ram_to_frame(ram: npt.NDArray[np.uint8], previous_scores: tuple[int, int] | None) -> FloatArray:
    """Read one frame of features from the console's memory.

    Args:
        ram: (128,) uint8, the memory after the agent step.
        previous_scores: (enemy_score, player_score) before the step, or None at an episode's start.

    Returns:
        (14,) float32 in the order of :data:`FEATURE_NAMES`.
    """
    enemy_score, player_score = int(ram[_RAM_ENEMY_SCORE]), int(ram[_RAM_PLAYER_SCORE])
    before_enemy, before_player = previous_scores if previous_scores is not None else (enemy_score, player_score)
    spawned = ram[_RAM_BALL_Y] != 0
    ball_x = float(ram[_RAM_BALL_X]) - 49.0 if spawned else SERVE_X
    ball_y = float(ram[_RAM_BALL_Y]) - 14.0 if spawned else SERVE_Y
    frame = np.zeros(NUM_FEATURES, np.float32)
    frame[PLAYER_X] = PLAYER_COLUMN
    frame[PLAYER_Y] = float(ram[_RAM_PLAYER_Y]) - 13.0
    frame[ENEMY_X] = ENEMY_COLUMN
    frame[ENEMY_Y] = float(ram[_RAM_ENEMY_Y]) - 15.0
    if spawned:
        frame[BALL_X_DIRECTION] = -np.sign(_signed(ram[_RAM_BALL_VX]))
        frame[BALL_Y_DIRECTION] = np.sign(_signed(ram[_RAM_BALL_VY]))
        frame[BALL_SPAWNED] = 1.0
        frame[BALL_IN_BOUNDS] = float(BOUNDS[0] <= ball_x <= BOUNDS[1])
    frame[BALL_X], frame[BALL_Y] = ball_x, ball_y
    frame[ENEMY_SCORE], frame[PLAYER_SCORE] = enemy_score, player_score
    frame[SCORE_PLAYER] = float(player_score != before_player)
    frame[SCORE_ENEMY] = float(enemy_score != before_enemy)
    return frame


def _signed(byte: np.uint8) -> int:
    return int(byte) - 256 if byte > 127 else int(byte)
