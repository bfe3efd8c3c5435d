import numpy as np

from rssm.data.frames import stack_episode
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.games.pong.features import BALL_X, BALL_X_DIRECTION, ENEMY_SCORE, NUM_FEATURES, PLAYER_Y, STACK_SIZE
from rssm.games.pong.game import PONG


def predict(frames: np.ndarray) -> np.ndarray:
    """(6, 14, 4) predicted from the last of frames (L, 14)."""
    observations = stack_episode(frames.astype(np.float32))
    length = len(frames)
    predicted = ConstantVelocity(PONG.positions.values()).predict(
        observations, np.zeros(length, np.int64), np.array([length - 1]), np.zeros((1, 6), np.int64)
    )
    return predicted.reshape(6, NUM_FEATURES, STACK_SIZE)


def test_positions_go_on_by_their_newest_change() -> None:
    frames = np.zeros((5, NUM_FEATURES))
    frames[:, BALL_X] = [0, 50, 90, 100, 104]
    frames[:, PLAYER_Y] = [60, 60, 60, 60, 57]
    predicted = predict(frames)
    assert predicted[0, BALL_X].tolist() == [90, 100, 104, 108]
    assert predicted[1, BALL_X].tolist() == [100, 104, 108, 112]
    assert predicted[5, BALL_X].tolist() == [116, 120, 124, 128]
    assert predicted[:, PLAYER_Y, 3].tolist() == [54, 51, 48, 45, 42, 39]


def test_scores_and_flags_stay() -> None:
    frames = np.zeros((5, NUM_FEATURES))
    frames[4, [ENEMY_SCORE, BALL_X_DIRECTION]] = 1
    predicted = predict(frames)
    assert (predicted[:, [ENEMY_SCORE, BALL_X_DIRECTION], 3] == 1).all()


def test_at_an_episodes_start_nothing_moves_yet() -> None:
    frames = np.full((1, NUM_FEATURES), 7.0)
    assert (predict(frames) == 7.0).all()
