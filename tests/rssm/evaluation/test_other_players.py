from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig, EvalConfig
from rssm.data.collect import play_episode
from rssm.data.dataset import Dataset, write_dataset
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.other_players import score_others
from rssm.evaluation.predictor import Predictor
from rssm.games.pong.features import STACK_SIZE
from rssm.games.pong.player import Player

CONFIG = EvalConfig(bootstrap=20, off_policy_windows=0)
PLAYERS = [Player("random"), Player("sweeping"), Player("random")]


def record(path: Path, players: list[Player], steps: int = 60) -> Dataset:
    env = EnvConfig(noop_max=120)
    games = [play_episode(env, player, seed, steps) for seed, player in enumerate(players)]
    write_dataset(path, games, env=env, policy={"name": "mixture"}, seed=0)
    return Dataset.open(path)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return record(tmp_path_factory.mktemp("others") / "data", PLAYERS)


def main(error: float) -> dict[str, Any]:
    """What was found on the games of the headline, none of whose windows begins a game."""
    return {"windows": 10, "mse": {"mean": [error] * 6}, "events": {}}


class WrongForSweepers:
    """Off by k + 1 px in every value on games of the sweeping player, else right."""

    def __init__(self, oracle: Predictor, sweeping: IntArray) -> None:
        self.oracle, self.sweeping = oracle, sweeping

    def predict(self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray) -> FloatArray:
        predicted = self.oracle.predict(observations, actions, starts, futures)
        if np.array_equal(actions, self.sweeping):
            return predicted + np.arange(1, 7, dtype=np.float32)[:, None, None]
        return predicted


def test_each_player_is_scored_apart(others: Dataset, recording_oracle: Predictor) -> None:
    predictor = WrongForSweepers(recording_oracle, others.episode(1).action.astype(np.int64))
    found = score_others(predictor, [others], main(2.0), CONFIG)
    assert found["players"].keys() == {"random", "sweeping"}
    random, sweeping = found["players"]["random"], found["players"]["sweeping"]
    assert (random["games"], random["windows"], sweeping["games"], sweeping["windows"]) == (2, 18, 1, 9)
    assert random["mse"]["mean"] == random["ratio"] == [0.0] * 6
    squares = np.arange(1, 7) ** 2.0
    assert sweeping["mse"]["mean"] == pytest.approx(squares)
    assert sweeping["ratio"] == pytest.approx(squares / 2)
    assert found["worst"]["player"] == "sweeping"
    assert found["worst"]["ratio"] == pytest.approx(squares / 2)
    assert sum(event["windows"] for event in sweeping["events"].values()) == 9
    assert [(data["folder"], data["seed"], data["role"]) for data in found["data"]] == [
        (str(others.path), 0, "development")
    ]


def test_it_is_the_same_error_as_on_any_games(others: Dataset, recorded: Dataset, tmp_path: Path) -> None:
    class Still:
        def predict(
            self, observations: FloatArray, actions: IntArray, starts: IntArray, futures: IntArray
        ) -> FloatArray:
            return np.repeat(observations[starts][:, None], 6, axis=1)

    alone = record(tmp_path / "data", [PLAYERS[0]])  # the same game, in a data set of its own
    main = evaluate(Still(), alone, CONFIG)
    found = score_others(Still(), [others], main, CONFIG)["players"]["random"]
    assert found["events"].keys() >= main["events"].keys()
    whole = score_others(Still(), [alone], main, CONFIG)["players"]["random"]
    assert whole["mse"] == main["mse"]
    assert whole["events"] == main["events"]
    assert whole["ratio"] == whole["after_start"]["ratio"] == [1.0] * 6
    assert whole["start"] == main["start"]
    assert whole["start"]["windows"] == 7
    assert len(whole["persistence"]["mean"]) == 6 < STACK_SIZE * 14


def test_a_player_of_two_data_sets_is_named_with_the_folder(
    others: Dataset, tmp_path: Path, recording_oracle: Predictor
) -> None:
    more = record(tmp_path / "more", [Player("random"), Player("tracking", rest=True)])
    found = score_others(recording_oracle, [others, more], main(1.0), CONFIG)
    names = {f"random ({others.path})", "sweeping", f"random ({more.path})", "tracking epsilon=0.5 rest"}
    assert found["players"].keys() == names
    assert len(found["data"]) == 2
