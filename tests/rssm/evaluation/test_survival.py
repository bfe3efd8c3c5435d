import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.data.dataset import Dataset
from rssm.errors import DivergedError
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.survival import MARKS, right_steps, survival
from rssm.games.pong.features import BALL_X, BALL_Y, ENEMY_SCORE, ENEMY_Y, PLAYER_Y


class GoesWrong:
    """The truth, but for some steps (W of them in turn, by the number of the rollout) of one feature."""

    def __init__(self, oracle: Predictor, feature: int, by: float, wrong: list[slice]) -> None:
        self.oracle, self.feature, self.by, self.wrong = oracle, feature, by, wrong

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        assert futures.shape == (len(starts), 100)
        predicted = self.oracle.predict(observations, actions, starts, futures).copy()
        for rollout in range(len(starts)):
            steps = self.wrong[rollout % len(self.wrong)]
            predicted[rollout, steps, self.feature, -1] += self.by
        return predicted


def test_a_perfect_predictor_survives(whole_game: Dataset, recording_oracle: Predictor) -> None:
    found = survival(recording_oracle, whole_game, every=24)
    starts = range(40, len(whole_game) - 100, 24)
    assert (found["rollouts"], found["games"], found["steps"]) == (len(starts), 1, 100)
    for limit in ("within_2px", "within_12px"):
        assert found[limit] == {"median": 100.0, "share": {str(n): 1.0 for n in MARKS}, "curve": [1.0] * 100}


@pytest.mark.parametrize("feature", [PLAYER_Y, ENEMY_Y, BALL_X, BALL_Y])
def test_a_known_moment_of_failure_is_found(whole_game: Dataset, recording_oracle: Predictor, feature: int) -> None:
    # wrong for good from k = 30 on, by more than both limits
    found = survival(GoesWrong(recording_oracle, feature, -12.5, [slice(30, None)]), whole_game, every=24)
    for limit in ("within_2px", "within_12px"):
        assert found[limit]["median"] == 30.0
        assert found[limit]["share"] == {"6": 1.0, "12": 1.0, "25": 1.0, "37": 0.0, "50": 0.0, "100": 0.0}
        assert found[limit]["curve"] == [1.0] * 30 + [0.0] * 70


def test_shares_count_the_rollouts(whole_game: Dataset, recording_oracle: Predictor) -> None:
    # by turns: wrong from the first step on, from k = 12 on, never
    predictor = GoesWrong(recording_oracle, BALL_X, 3.0, [slice(0, None), slice(12, None), slice(0, 0)])
    found = survival(predictor, whole_game, every=24)
    rollouts = found["rollouts"]
    first, second = len(range(0, rollouts, 3)), len(range(1, rollouts, 3))
    shares = [(rollouts - first) / rollouts] * 12 + [(rollouts - first - second) / rollouts] * 88
    assert found["within_2px"]["curve"] == pytest.approx(shares)
    assert found["within_2px"]["median"] == 12.0
    assert found["within_12px"]["curve"] == [1.0] * 100


def test_being_far_off_for_one_step_only_is_survived(whole_game: Dataset, recording_oracle: Predictor) -> None:
    once = survival(GoesWrong(recording_oracle, BALL_Y, 20.0, [slice(10, 11)]), whole_game, every=50)
    assert once["within_2px"]["median"] == 10.0
    assert once["within_12px"]["median"] == 100.0
    twice = survival(GoesWrong(recording_oracle, BALL_Y, 20.0, [slice(10, 12)]), whole_game, every=50)
    assert twice["within_12px"]["median"] == 10.0


def test_limits_are_exclusive_and_other_features_do_not_count(whole_game: Dataset, recording_oracle: Predictor) -> None:
    for feature, by in ((BALL_X, 2.0), (ENEMY_SCORE, 50.0)):
        found = survival(GoesWrong(recording_oracle, feature, by, [slice(0, None)]), whole_game, every=50)
        assert found["within_2px"]["median"] == 100.0


def test_right_steps() -> None:
    off = np.array([[0, 3, 0, 3, 3], [3, 0, 0, 0, 3], [0, 0, 0, 3, 3], [3, 3, 3, 3, 3]], float)
    assert right_steps(off, 2.0, running=1).tolist() == [1, 0, 3, 0]
    assert right_steps(off, 2.0, running=2).tolist() == [3, 5, 3, 0]
    assert right_steps(off, 3.0, running=1).tolist() == [5, 5, 5, 5]


def test_too_short_games_are_skipped(recorded: Dataset, recording_oracle: Predictor) -> None:
    assert survival(recording_oracle, recorded, 24) == {"skipped": "no game has 40 steps and a rollout of 100 more"}


def test_a_prediction_that_is_no_number_is_refused(whole_game: Dataset, recording_oracle: Predictor) -> None:
    with pytest.raises(DivergedError, match="finite"):
        survival(GoesWrong(recording_oracle, BALL_X, np.nan, [slice(5, None)]), whole_game, every=50)
