import numpy as np
import pytest

from rssm.config import EvalConfig
from rssm.evaluation.action_blind import shuffled_windows
from rssm.evaluation.openloop import episode_windows, evaluate
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.windows import episode_lengths


@pytest.fixture
def told(recorded):
    """Windows with their own actions, and the same with others', both by (episode, start)."""
    lengths = episode_lengths(recorded)

    def by_place(batches, key):
        return {
            (batch.episode, int(start)): value
            for batch in batches
            for start, value in zip(batch.starts, key(batch), strict=True)
        }

    own = list(episode_windows(recorded, lengths))
    other = list(shuffled_windows(recorded, lengths, 1_000, np.random.default_rng(0)))
    return [[by_place(batches, key) for key in (lambda b: b.futures, lambda b: b.truth)] for batches in (own, other)]


def test_the_actions_change_places_and_nothing_else_does(told):
    (own, truth), (other, same) = told
    assert own.keys() == other.keys()
    assert all(np.array_equal(truth[place], same[place]) for place in own)
    assert sorted(map(tuple, own.values())) == sorted(map(tuple, other.values()))
    assert not all(np.array_equal(own[place], other[place]) for place in own)


def test_no_window_keeps_its_own(recorded):
    # two windows can only swap
    for seed in range(20):
        rng = np.random.default_rng(seed)
        chosen = list(shuffled_windows(recorded, episode_lengths(recorded), 2, rng))
        told = np.concatenate([batch.futures for batch in chosen])
        own = np.concatenate(
            [recorded.episode(batch.episode).action[batch.starts[:, None] + np.arange(6)] for batch in chosen]
        )
        assert np.array_equal(told, own[::-1])


def scored(predictor, dataset, **settings):
    return evaluate(predictor, dataset, EvalConfig(bootstrap=10, off_policy_windows=0, **settings))["action_blind"]


def test_who_does_not_listen_loses_nothing(recorded_sticky):
    result = scored(Persistence(), recorded_sticky)
    assert result["windows"] == 32
    assert result["ratio"] == [1.0] * 6
    assert result["mse"]["mean"] == pytest.approx(result["same_windows"]["mean"], rel=1e-12)


class Listener:
    """Moves all that it sees by the number of the action, and is right for the recorded ones (and cheats)."""

    def __init__(self, oracle):
        self.oracle = oracle

    def predict(self, observations, actions, starts, futures):
        heard = futures - actions[starts[:, None] + np.arange(6)]
        return self.oracle.predict(observations, actions, starts, futures) + heard[..., None, None].astype(np.float32)


def test_who_listens_is_led_astray(recorded_sticky, recording_oracle):
    result = scored(Listener(recording_oracle), recorded_sticky, action_blind_windows=10)
    assert result["windows"] == 10
    assert result["same_windows"]["mean"] == [0.0] * 6
    assert min(result["mse"]["mean"]) > 1.0
    assert result["ratio"] == [None] * 6


def test_it_says_why_it_is_not_there(recorded_sticky):
    for windows, reason in ((0, "action_blind_windows is 0"), (1, "a single window has no other one's actions")):
        assert scored(Persistence(), recorded_sticky, action_blind_windows=windows) == {"skipped": reason}
