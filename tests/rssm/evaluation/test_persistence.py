import numpy as np

from rssm.evaluation.persistence import Persistence
from rssm.games.pong.features import NUM_FEATURES, STACK_SIZE


def test_the_newest_frame_is_repeated_and_real_older_ones_are_shifted() -> None:
    observations = np.random.default_rng(0).normal(size=(9, NUM_FEATURES, STACK_SIZE)).astype(np.float32)
    starts = np.array([2, 8])
    predicted = Persistence().predict(observations, np.zeros(9, np.int64), starts, np.zeros((2, 6), np.int64))
    assert predicted.shape == (2, 6, 14, 4)
    for window, start in enumerate(starts):
        frames = observations[start]
        for step, shown in enumerate([(1, 2, 3, 3), (2, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)]):
            assert np.array_equal(predicted[window, step], frames[:, shown])
