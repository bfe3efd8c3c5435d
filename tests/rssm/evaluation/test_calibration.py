import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.data.dataset import Dataset
from rssm.errors import DivergedError
from rssm.evaluation.calibration import Futures, calibration, doubt
from rssm.games.pong.features import BALL_X, BALL_Y, ENEMY_Y, NUM_FEATURES, PLAYER_Y

POSITIONS = [BALL_X, BALL_Y, PLAYER_Y, ENEMY_Y]


class Believes:
    """Futures that are off by noise of a known deviation, around a mean that is itself off by another."""

    def __init__(self, spread: float, error: float, seed: int = 0) -> None:
        self.spread, self.error, self.rng = spread, error, np.random.default_rng(seed)

    def sample_futures(
        self,
        observations: FloatArray,
        actions: IntArray,
        starts: IntArray,
        futures: IntArray,
        truth: FloatArray,
        samples: int,
    ) -> Futures:
        frames = truth[..., -1]
        centre = frames + self.error * self.rng.normal(size=frames.shape)
        drawn = centre + self.spread * self.rng.normal(size=(samples, *frames.shape))
        surprise = np.broadcast_to(np.arange(frames.shape[1], dtype=float), frames.shape[:2])
        return Futures(drawn.astype(np.float32), surprise)


def test_a_model_that_knows_its_error_is_calibrated(whole_game: Dataset) -> None:
    # few futures: their mean is itself drawn, which the measure has to allow for
    found = calibration(Believes(3.0, 3.0), whole_game, windows=200, samples=4, seed=0)
    assert (found["windows"], found["samples"]) == (200, 4)
    assert found["spread"] == pytest.approx([9.0 * 1.25] * 6, rel=0.1)
    assert found["error"] == pytest.approx([9.0 * 1.25] * 6, rel=0.1)
    assert found["ratio"] == pytest.approx([1.0] * 6, rel=0.1)
    assert found["coverage"]["50"] == pytest.approx([0.5] * 6, abs=0.06)
    assert found["coverage"]["90"] == pytest.approx([0.9] * 6, abs=0.05)
    assert found["outside"] == pytest.approx([2 / 5] * 6, abs=0.06)  # of five equally likely places, the two ends
    assert found["surprise"] == pytest.approx(range(6))
    assert sum(event["windows"] for event in found["events"].values()) == 200
    assert all(sum(shares) == pytest.approx(1.0) for shares in found["ranks"].values())
    assert max(map(max, found["ranks"].values())) < 0.2


@pytest.mark.parametrize(("spread", "error"), [(1.0, 4.0), (4.0, 1.0)])
def test_too_sure_and_too_unsure_models_are_told_apart(whole_game: Dataset, spread: float, error: float) -> None:
    found = calibration(Believes(spread, error), whole_game, windows=150, samples=32, seed=0)
    ratio = (1 + 1 / 32) * spread**2 / (error**2 + spread**2 / 32)
    assert found["ratio"] == pytest.approx([ratio] * 6, rel=0.12)
    ends = [shares[0] + shares[-1] for shares in found["ranks"].values()]
    middle = [shares[4] + shares[5] for shares in found["ranks"].values()]
    if error > spread:
        assert min(ends) > 0.5
        assert found["coverage"]["90"][0] < 0.5
        assert found["outside"][0] > 0.4
    else:
        assert min(middle) > 0.35
        assert found["coverage"]["50"][0] > 0.9
        assert found["outside"][0] == 0


def test_certainty_that_is_right_is_calibrated_too() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 200, (500, 6, NUM_FEATURES)).astype(np.float32)
    found = doubt(Futures(np.repeat(truth[None], 9, axis=0), None), truth, np.zeros(500, np.int64), POSITIONS, rng)
    assert found.error.max() == found.spread.max() == 0
    assert not found.outside.any()
    # all futures are the truth: its place among them is anywhere
    assert np.histogram(found.rank, 10, (0, 1))[0] / found.rank.size == pytest.approx([0.1] * 10, abs=0.01)


def test_ranks_are_places_among_the_futures() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((1, 1, NUM_FEATURES), np.float32)
    frames = np.zeros((4, 1, 1, NUM_FEATURES), np.float32)
    frames[:, 0, 0, BALL_X] = [1, 2, 3, 4]  # the truth is below them all
    frames[:, 0, 0, BALL_Y] = [-1, -2, 3, 4]  # in the middle
    frames[:, 0, 0, PLAYER_Y] = [-1, -2, -3, -4]  # above them all
    event = np.zeros(1, np.int64)
    ranks = np.stack([doubt(Futures(frames, None), truth, event, POSITIONS, rng).rank[0, 0] for _ in range(200)])
    for position, (low, high) in enumerate([(0.0, 0.2), (0.4, 0.6), (0.8, 1.0), (0.0, 1.0)]):
        assert low <= ranks[:, position].min() < low + 0.02
        assert high - 0.02 < ranks[:, position].max() <= high
    outside = doubt(Futures(frames, None), truth, np.zeros(1, np.int64), POSITIONS, rng).outside[0, 0]
    assert outside.tolist() == [True, False, True, False]


def test_windows_are_drawn_from_the_seed(whole_game: Dataset) -> None:
    one, again, other = (calibration(Believes(1.0, 1.0), whole_game, 20, 4, seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_a_model_without_probabilities_has_no_surprise(whole_game: Dataset) -> None:
    class Silent(Believes):
        def sample_futures(self, *args: object) -> Futures:  # type: ignore[override]
            return Futures(super().sample_futures(*args).frames, None)  # type: ignore[arg-type]

    found = calibration(Silent(1.0, 1.0), whole_game, 20, 4, 0)
    assert found["surprise"] is None
    assert all(event["surprise"] is None for event in found["events"].values())


def test_futures_that_are_no_numbers_are_refused(whole_game: Dataset) -> None:
    with pytest.raises(DivergedError, match="finite"):
        calibration(Believes(np.inf, 0.0), whole_game, 20, 4, 0)
