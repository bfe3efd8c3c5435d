import numpy as np
import pytest

from rssm.errors import UserError
from rssm.evaluation.window_errors import squared_errors
from rssm.games.pong.features import BALL_X, BALL_Y, NUM_FEATURES, STACK_SIZE


def test_two_pixels_on_one_value_of_56() -> None:
    truth = np.random.default_rng(0).integers(0, 200, (5, 6, NUM_FEATURES, STACK_SIZE)).astype(np.float32)
    predicted = truth.copy()
    predicted[2, 3, BALL_X, 3] += 2.0  # newest frame
    predicted[2, 4, BALL_Y, 1] -= 2.0  # an older one
    stack, newest = squared_errors(predicted, truth)
    expected = np.zeros((5, 6))
    expected[2, 3] = expected[2, 4] = 4 / 56
    assert np.array_equal(stack, expected)
    assert newest[2, 3, BALL_X] == 4.0
    assert newest.sum() == 4.0


def test_errors_are_neither_rounded_nor_clipped() -> None:
    truth = np.zeros((1, 6, NUM_FEATURES, STACK_SIZE), np.float32)
    assert squared_errors(truth + 0.25, truth)[0] == pytest.approx(np.full((1, 6), 0.0625))
    assert squared_errors(truth - 1_000, truth)[0] == pytest.approx(np.full((1, 6), 1e6))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    truth = np.zeros((1, 6, NUM_FEATURES, STACK_SIZE), np.float32)
    predicted = truth.copy()
    predicted[0, 5, 7] = bad
    with pytest.raises(UserError, match="finite"):
        squared_errors(predicted, truth)


def test_another_shape_is_refused() -> None:
    truth = np.zeros((2, 6, NUM_FEATURES, STACK_SIZE), np.float32)
    with pytest.raises(UserError, match=r"expected shape \(2, 6, 14, 4\), got \(2, 5, 14, 4\)"):
        squared_errors(truth[:, :5], truth)
