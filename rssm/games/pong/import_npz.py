"""Turn somebody's recorded transitions, an ``.npz`` archive, into a data set.

The archive holds ``obs (N, 56)`` (four frames of 14 values, interleaved: ``index = value * 4 + frame``, oldest first),
``actions (N,)``, and optionally ``rewards (N,)`` and ``episode_boundaries``, the rows at which an episode starts. Row t
is an observation, the action taken after it and the reward that action earned. Without boundaries an episode starts
wherever a stack does not continue the one before; without rewards they are read off the score. Imported episodes are
all marked truncated: nothing in the archive says whether a game was over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.config import ImportConfig
from rssm.data.dataset import check_free, write_dataset
from rssm.data.episode import Episode
from rssm.data.frames import to_stack
from rssm.errors import DataError
from rssm.games.pong.features import (
    ACTION_NAMES,
    BALL_IN_BOUNDS,
    BALL_SPAWNED,
    BALL_X,
    BALL_X_DIRECTION,
    BALL_Y,
    BALL_Y_DIRECTION,
    BOUNDS,
    ENEMY_SCORE,
    ENEMY_X,
    ENEMY_Y,
    NUM_ACTIONS,
    NUM_FEATURES,
    OBS_SIZE,
    PLAYER_SCORE,
    PLAYER_X,
    PLAYER_Y,
    SCORE_ENEMY,
    SCORE_PLAYER,
    SERVE_X,
    SERVE_Y,
    STACK_SIZE,
)
from rssm.storage.folder_lock import locked
from rssm.storage.npy import read_npz
from rssm.system.memory import available_memory

#: JAXAtari's 14 values: x, y, width, height of the player, the enemy and the ball, then both scores
_JAX_COLUMNS = {PLAYER_X: 0, PLAYER_Y: 1, ENEMY_X: 4, ENEMY_Y: 5, BALL_X: 8, BALL_Y: 9}
_JAX_PLAYER_SCORE, _JAX_ENEMY_SCORE = 12, 13
_JAX_PADDLE_SIZES = [2, 3, 6, 7]
#: the only ids of ALE's 18 actions that do anything there: fire, down, up
_JAX_ACTIONS = {1: "FIRE", 3: "LEFT", 4: "RIGHT"}
_JAX_NUM_ACTIONS = 18

#: bytes that an archive may unpack to; ten million rows have a quarter of it
_LARGEST = 2**33
#: how many times as much the way to a data set takes
_COPIES = 4

Array = npt.NDArray[Any]


def import_npz(config: ImportConfig) -> None:
    """Read ``config.input`` and write the data set ``config.out``.

    Raises:
        DataError: the archive does not fit; the line names the file, the array and what was expected.
        UserError: ``config.out`` is taken.
    """
    with locked(Path(config.out)):
        check_free(config.out)
        _import(config)


def _import(config: ImportConfig) -> None:
    path = Path(config.input)
    arrays = _read(path)
    stacks = _stacks(path, arrays["obs"])
    rows = len(stacks)
    num_actions = NUM_ACTIONS if config.layout == "pong" else _JAX_NUM_ACTIONS
    actions = _actions(path, arrays["actions"], rows, num_actions)
    starts = _starts(path, arrays.get("episode_boundaries"), stacks)
    _check_layout(path, stacks[:, :, -1], config.layout)
    if config.layout == "pong":
        features = stacks[:, :, -1].copy()
    else:
        features, actions = _from_jaxatari(stacks), _jax_actions()[actions]
    rewards = _rewards(path, arrays["rewards"], rows) if "rewards" in arrays else None
    episodes = []
    for start, end in zip(starts, [*starts[1:], rows], strict=True):
        part = features[start:end]
        reward = _score_changes(part) if rewards is None else rewards[start:end]
        episodes.append(Episode(part, actions[start:end].astype(np.uint8), reward, False, True, None))
    policy = {"name": "imported", "source": path.name, "layout": config.layout}
    write_dataset(config.out, episodes, env=None, policy=policy, seed=None)


def _read(path: Path) -> dict[str, Array]:
    largest = min(_LARGEST, available_memory() // _COPIES)
    names = ("obs", "actions", "rewards", "episode_boundaries")
    arrays = read_npz(path, names, largest, "an .npz archive of plain numeric arrays")
    for name in ("obs", "actions"):
        if name not in arrays:
            raise DataError(f"{path}: {name}: missing; expected arrays obs and actions")
    for name, array in arrays.items():
        if array.dtype.kind not in "iuf":
            raise DataError(f"{path}: {name}: expected numbers, got {array.dtype}")
    return arrays


def _stacks(path: Path, obs: Array) -> FloatArray:
    """The observations as (N, 14, 4) float32."""
    if obs.ndim != 2 or obs.shape[1] != OBS_SIZE or len(obs) == 0:
        raise DataError(f"{path}: obs: expected shape (N, {OBS_SIZE}) with N >= 1, got {obs.shape}")
    with np.errstate(over="ignore"):
        stacks = obs.astype(np.float32)  # too large a number turns infinite, and is refused as that
    _check_finite(path, "obs", stacks)
    return to_stack(stacks, STACK_SIZE)


def _actions(path: Path, actions: Array, rows: int, num_actions: int) -> npt.NDArray[np.int64]:
    ids = _whole_numbers(path, "actions", actions)
    if ids.shape != (rows,):
        raise DataError(f"{path}: actions: expected shape ({rows},) as obs has rows, got {ids.shape}")
    bad = np.flatnonzero((ids < 0) | (ids >= num_actions))
    if len(bad):
        raise DataError(f"{path}: actions: row {bad[0]}: expected 0 to {num_actions - 1}, got {ids[bad[0]]}")
    return ids


def _rewards(path: Path, rewards: Array, rows: int) -> FloatArray:
    if rewards.shape != (rows,):
        raise DataError(f"{path}: rewards: expected shape ({rows},) as obs has rows, got {rewards.shape}")
    with np.errstate(over="ignore"):
        values: FloatArray = rewards.astype(np.float32)
    _check_finite(path, "rewards", values)
    return values


def _starts(path: Path, boundaries: Array | None, stacks: FloatArray) -> list[int]:
    """The first row of each episode; refuses recordings with gaps inside an episode."""
    continues = (stacks[1:, :, :-1] == stacks[:-1, :, 1:]).all(axis=(1, 2))
    breaks = (np.flatnonzero(~continues) + 1).tolist()
    if boundaries is None:
        return [0, *breaks]
    starts = _whole_numbers(path, "episode_boundaries", boundaries)
    if starts.ndim != 1 or len(starts) == 0 or starts[0] != 0:
        raise DataError(f"{path}: episode_boundaries: expected a list of rows whose first is 0")
    if (np.diff(starts) <= 0).any():
        raise DataError(f"{path}: episode_boundaries: expected rows in ascending order, none twice")
    if starts[-1] >= len(stacks):
        raise DataError(f"{path}: episode_boundaries: expected rows below {len(stacks)}, got {starts[-1]}")
    first: list[int] = starts.tolist()
    gaps = sorted(set(breaks) - set(first))
    if gaps:
        raise DataError(
            f"{path}: obs: row {gaps[0]}: its older frames are not row {gaps[0] - 1}'s newer ones, though no episode "
            "starts there; expected frames interleaved, oldest first, and every step recorded"
        )
    return first


def _check_layout(path: Path, newest: FloatArray, layout: str) -> None:
    """The cheapest sign of the other layout: flags that are neither 0 nor 1, or paddles without a size."""
    if layout == "pong":
        columns, fits, wanted = [BALL_SPAWNED, BALL_IN_BOUNDS], np.isin(newest, (0.0, 1.0)), "0 or 1"
    else:
        columns, fits, wanted = _JAX_PADDLE_SIZES, newest > 0, "more than 0"
    for column in columns:
        bad = np.flatnonzero(~fits[:, column])
        if len(bad):
            raise DataError(
                f"{path}: obs: row {bad[0]}: value {column} of the frame is {newest[bad[0], column]:g}, "
                f"expected {wanted} in the layout {layout}; is it another one?"
            )


def _from_jaxatari(stacks: FloatArray) -> FloatArray:
    """Convert stacks (N, 14, 4) of JAXAtari's values to frames (N, 14) of ours.

    The paddles' columns are kept as recorded. A goal's own step counts as a step of the ball: its direction is that
    of the jump to the serve point.
    """
    frames = np.zeros((len(stacks), NUM_FEATURES), np.float32)
    before, now = stacks[:, :, -2], stacks[:, :, -1]
    for ours, theirs in _JAX_COLUMNS.items():
        frames[:, ours] = now[:, theirs]
    frames[:, PLAYER_SCORE], frames[:, ENEMY_SCORE] = now[:, _JAX_PLAYER_SCORE], now[:, _JAX_ENEMY_SCORE]
    frames[:, SCORE_PLAYER] = now[:, _JAX_PLAYER_SCORE] > before[:, _JAX_PLAYER_SCORE]
    frames[:, SCORE_ENEMY] = now[:, _JAX_ENEMY_SCORE] > before[:, _JAX_ENEMY_SCORE]
    ball_x, ball_y = _JAX_COLUMNS[BALL_X], _JAX_COLUMNS[BALL_Y]
    waiting = ((stacks[:, ball_x] == SERVE_X) & (stacks[:, ball_y] == SERVE_Y)).all(axis=1)
    frames[:, BALL_SPAWNED] = ~waiting
    frames[:, BALL_X_DIRECTION] = np.sign(now[:, ball_x] - before[:, ball_x])
    frames[:, BALL_Y_DIRECTION] = np.sign(now[:, ball_y] - before[:, ball_y])
    in_bounds = (now[:, ball_x] >= BOUNDS[0]) & (now[:, ball_x] <= BOUNDS[1])
    frames[:, BALL_IN_BOUNDS] = ~waiting & in_bounds
    return frames


def _jax_actions() -> npt.NDArray[np.int64]:
    """Our action for each of ALE's 18 ids."""
    names = [_JAX_ACTIONS.get(action, "NOOP") for action in range(_JAX_NUM_ACTIONS)]
    return np.array([ACTION_NAMES.index(name) for name in names])


def _score_changes(features: FloatArray) -> FloatArray:
    """The reward of each row, points: what the scores gained by the next row; 0 for an episode's last."""
    gained = np.maximum(np.diff(features[:, [PLAYER_SCORE, ENEMY_SCORE]], axis=0), 0.0)
    return np.append(gained[:, 0] - gained[:, 1], 0.0).astype(np.float32)


def _whole_numbers(path: Path, name: str, array: Array) -> npt.NDArray[np.int64]:
    if not np.isfinite(array).all() or (array != np.rint(array)).any():
        raise DataError(f"{path}: {name}: expected whole numbers")
    whole: npt.NDArray[np.int64] = array.astype(np.int64)
    return whole


def _check_finite(path: Path, name: str, array: FloatArray) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        raise DataError(f"{path}: {name}: row {np.argwhere(~finite)[0, 0]}: not finite")
