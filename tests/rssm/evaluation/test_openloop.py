import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.config import EvalConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.frames import stack_episode
from rssm.errors import UserError
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.evaluation.openloop import episode_windows, evaluate, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.evaluation.provenance import checksum, code_version
from rssm.evaluation.windows import count_windows, episode_lengths
from rssm.games.pong.events import EVENTS
from rssm.games.pong.features import BALL_X, FEATURE_NAMES, NUM_FEATURES, PLAYER_Y
from rssm.games.pong.game import PONG

RECORDED_ONLY = EvalConfig(bootstrap=50, off_policy_windows=0)
ZERO = [0.0] * 6


class OffBy:
    """The truth, but ``ball_x`` of the newest frame is k + 1 pixels too large at step k (and too small every other)."""

    def __init__(self, oracle: Predictor) -> None:
        self.oracle = oracle

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        predicted = self.oracle.predict(observations, actions, starts, futures).copy()
        predicted[..., BALL_X, -1] += np.arange(1, 7, dtype=np.float32) * [1, -1, 1, -1, 1, -1]
        return predicted


def test_a_perfect_predictor_has_no_error_anywhere(
    recorded: Dataset, emulator_oracle: Callable[[Dataset], Predictor]
) -> None:
    config = EvalConfig(bootstrap=50, off_policy_windows=10, floor_futures=2, floor_windows=5)
    result = evaluate(emulator_oracle(recorded), recorded, config)
    for part in (result, result["off_policy"]):
        assert part["mse"] == {"mean": ZERO, "median": ZERO, "p90": ZERO, "ci95": [[0.0, 0.0]] * 6}
        assert part["frame_mse"] == {"mean": ZERO}
        assert part["mae"] == dict.fromkeys(("ball_x", "ball_y", "player_y", "enemy_y"), ZERO)
        assert part["features"] == dict.fromkeys(FEATURE_NAMES, ZERO)
        assert all(event["mean"] == event["median"] == ZERO for event in part["events"].values())
        assert min(part["baselines"]["persistence"]["mean"]) > 0
    assert result["windows"] == 3 * 16
    assert result["off_policy"]["windows"] == 10
    assert result["off_policy"]["ratio"] == [None] * 6
    assert result["floor"]["mean"] == result["floor"]["model"] == ZERO
    assert result["floor"]["ratio"] == [None] * 6


def test_a_known_error_is_reported_as_it_is(recorded: Dataset, recording_oracle: Predictor) -> None:
    result = evaluate(OffBy(recording_oracle), recorded, RECORDED_ONLY)
    squares = np.arange(1, 7) ** 2
    for statistic in ("mean", "median", "p90"):
        assert result["mse"][statistic] == pytest.approx(squares / 56)
    assert np.array(result["mse"]["ci95"]) == pytest.approx(np.stack([squares / 56] * 2, axis=1))
    assert result["frame_mse"]["mean"] == pytest.approx(squares / 14)
    assert result["mae"]["ball_x"] == pytest.approx(np.arange(1, 7))
    assert result["mae"]["ball_y"] == ZERO
    assert result["features"]["ball_x"] == pytest.approx(squares)
    assert [name for name, error in result["features"].items() if error != ZERO] == ["ball_x"]
    for event in result["events"].values():
        assert event["mean"] == pytest.approx(squares / 56)


def test_baselines_are_scored_on_the_same_windows(recorded: Dataset) -> None:
    result = evaluate(Persistence(), recorded, RECORDED_ONLY)
    assert result["baselines"]["persistence"] == result["mse"] | {"frame_mse": result["frame_mse"]}
    velocity = evaluate(ConstantVelocity(PONG.positions.values()), recorded, RECORDED_ONLY)
    assert result["baselines"]["constant_velocity"]["mean"] == velocity["mse"]["mean"]


def test_persistence_on_real_play_against_a_direct_sum(recorded: Dataset) -> None:
    errors = []
    for index in range(len(recorded.episodes)):
        stacks = stack_episode(recorded.episode(index).features)
        for start in range(0, len(stacks) - 6, 6):
            guess = stacks[start][:, [1, 2, 3, 3]], stacks[start][:, [3, 3, 3, 3]]
            errors.append([np.mean((guess[i] - stacks[start + k]) ** 2) for i, k in ((0, 1), (1, 6))])
    result = evaluate(Persistence(), recorded, RECORDED_ONLY)
    assert [result["mse"]["mean"][k] for k in (0, 5)] == pytest.approx(np.mean(errors, axis=0), rel=1e-5)


def test_every_window_has_one_event_and_their_errors_add_up(recorded: Dataset) -> None:
    result = evaluate(Persistence(), recorded, RECORDED_ONLY)
    events = result["events"].values()
    assert set(result["events"]) <= set(EVENTS)
    assert sum(event["windows"] for event in events) == result["windows"]
    total = sum(event["windows"] * np.array(event["mean"]) for event in events)
    assert total / result["windows"] == pytest.approx(result["mse"]["mean"])


def test_the_result_is_plain_json_of_the_agreed_layout(recorded_sticky: Dataset) -> None:
    config = EvalConfig(samples=8, bootstrap=50, off_policy_windows=10, floor_futures=2, floor_windows=5)
    result = evaluate(Persistence(), recorded_sticky, config, prediction="mean over 8 samples")
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert {"protocol", "windows", "mse", "frame_mse", "mae", "baselines", "events", "features"} < set(result)
    assert result["protocol"]["steps"] == 6
    assert result["protocol"]["samples"] == 8
    assert result["protocol"]["prediction"] == "mean over 8 samples"
    assert {"windows", "mse", "frame_mse", "baselines", "ratio"} < set(result["off_policy"])
    assert set(result["floor"]) == {"windows", "futures", "mean", "model", "ratio", "events", "after_start"}
    off, on = result["off_policy"]["mse"]["mean"], result["mse"]["mean"]
    assert result["off_policy"]["ratio"] == pytest.approx(np.array(off) / on)
    assert evaluate(Persistence(), recorded_sticky, config, prediction="mean over 8 samples") == result


def test_the_starts_of_games_are_held_against_what_is_possible(
    recorded: Dataset, recorded_sticky: Dataset, recording_oracle: Predictor
) -> None:
    start = evaluate(Persistence(), recorded, RECORDED_ONLY)["start"]
    assert start["windows"] == 3 * 7
    assert start["model"][-1] > start["floor"][-1] > 1.0
    assert start["ratio"] == pytest.approx(np.array(start["model"]) / np.array(start["floor"]))
    assert evaluate(recording_oracle, recorded, RECORDED_ONLY)["start"]["model"] == ZERO
    skipped = evaluate(Persistence(), recorded_sticky, RECORDED_ONLY)["start"]
    assert skipped == {"skipped": "with sticky actions no game can be played again"}


def test_the_floor_is_also_compared_without_the_starts_of_games(recorded_sticky: Dataset) -> None:
    floor = evaluate(Persistence(), recorded_sticky, EvalConfig(bootstrap=10, floor_futures=2))["floor"]
    start, rest = floor["events"]["start"], floor["after_start"]
    assert 0 < start["windows"] < floor["windows"]
    assert rest["windows"] == floor["windows"] - start["windows"]
    for key in ("mean", "model"):
        total = start["windows"] * np.array(start[key]) + rest["windows"] * np.array(rest[key])
        assert total / floor["windows"] == pytest.approx(floor[key])
    assert rest["ratio"] == pytest.approx(np.array(rest["model"]) / np.array(rest["mean"]))


def test_the_same_starts_are_compared_off_and_on_policy(recorded: Dataset) -> None:
    every = evaluate(Persistence(), recorded, EvalConfig(bootstrap=10, off_policy_windows=1_000))
    assert every["off_policy"]["same_starts"]["mean"] == pytest.approx(every["mse"]["mean"])
    some = evaluate(Persistence(), recorded, EvalConfig(bootstrap=10, off_policy_windows=5))
    assert some["off_policy"]["same_starts"]["mean"] != pytest.approx(some["mse"]["mean"])


def test_off_policy_errors_show_a_model_that_ignores_the_action(
    recorded: Dataset, emulator_oracle: Callable[[Dataset], Predictor]
) -> None:
    class Habit:
        """Perfect as long as the player does what it always does."""

        def predict(
            self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray
        ) -> FloatArray:
            recorded_futures = actions[starts[:, None] + np.arange(6)]
            return emulator_oracle(recorded).predict(observations, actions, starts, recorded_futures)

    result = evaluate(Habit(), recorded, EvalConfig(bootstrap=10, off_policy_windows=20))
    assert result["mse"]["mean"] == ZERO
    assert result["off_policy"]["mae"]["player_y"][-1] > 5


def test_only_the_episodes_that_are_asked_for_are_cut_into_windows(
    recorded: Dataset, recording_oracle: Predictor
) -> None:
    assert episode_lengths(recorded).tolist() == [100, 100, 100]
    lengths = episode_lengths(recorded, recorded.episodes[1:])
    assert lengths.tolist() == [0, 100, 100]
    errors = score_windows({"oracle": recording_oracle}, episode_windows(recorded, lengths))["oracle"]
    assert np.bincount(errors.episode).tolist() == [0, 16, 16]
    assert count_windows(lengths) == 32


def test_the_record_says_whose_games_they_are_and_how_they_were_scored(
    recorded_sticky: Dataset, recording_oracle: Predictor
) -> None:
    config = EvalConfig(samples=4, bootstrap=7, off_policy_windows=0, seed=3)
    protocol = evaluate(recording_oracle, recorded_sticky, config, "mean over 4 samples", "test")["protocol"]
    data = protocol["data"]
    assert (data["folder"], data["role"]) == (str(recorded_sticky.path), "test")
    assert data["env"]["repeat_action_probability"] == 0.25
    assert (data["player"], data["seed"], data["games"], data["steps"]) == ({"name": "tracking"}, 0, 2, 200)
    assert data["sha256"] == checksum(recorded_sticky)
    assert protocol["settings"] == asdict(config)
    assert protocol["code"] == code_version()


def test_windows_can_be_looked_at_one_by_one(recorded: Dataset) -> None:
    predictors: dict[str, Predictor] = {
        "persistence": Persistence(),
        "constant_velocity": ConstantVelocity(PONG.positions.values()),
    }
    errors = score_windows(predictors, episode_windows(recorded, episode_lengths(recorded)))["persistence"]
    assert errors.stack.shape == (48, 6)
    assert errors.newest.shape == (48, 6, NUM_FEATURES)
    assert errors.start[:3].tolist() == [0, 6, 12]
    worst = int(errors.newest[:, 5, PLAYER_Y].argmax())
    frames = recorded.episode(int(errors.episode[worst])).features
    moved = frames[errors.start[worst] + 6, PLAYER_Y] - frames[errors.start[worst], PLAYER_Y]
    assert errors.newest[worst, 5, PLAYER_Y] == moved**2
    assert errors.take(np.array([worst])).start == errors.start[worst]


def test_imported_data_are_scored_without_the_emulator(
    tmp_path: Path, recorded: Dataset, recording_oracle: Predictor
) -> None:
    write_dataset(tmp_path / "imported", [recorded.episode(0)], env=None, policy={"name": "imported"}, seed=None)
    config = EvalConfig(bootstrap=10, floor_futures=2)
    result = evaluate(recording_oracle, Dataset.open(tmp_path / "imported"), config)
    assert result["windows"] == 16
    assert "imported" in result["off_policy"]["skipped"]
    assert "imported" in result["floor"]["skipped"]


def test_data_without_a_window_are_refused(tmp_path: Path, recorded: Dataset, recording_oracle: Predictor) -> None:
    short = recorded.episode(0).first(6)
    write_dataset(tmp_path / "short", [short, short], env=None, policy={"name": "imported"}, seed=None)
    with pytest.raises(UserError, match="expected at least one window"):
        evaluate(recording_oracle, Dataset.open(tmp_path / "short"), EvalConfig())
