from types import SimpleNamespace

import numpy as np
import pytest
import torch
from agents.play.head_scores import EVENTS, score_events

from rssm.data.frames import stack_episode
from rssm.data.stacks import newest
from rssm.games.pong import features as F


def read_the_scores(frames):
    """What a stack (..., 56) says of the step that led to it, in points."""
    frame = newest(frames)
    return frame[..., F.SCORE_PLAYER] - frame[..., F.SCORE_ENEMY]


@pytest.fixture
def model(make_model, monkeypatch):
    """A model whose head reads the frame itself."""
    model = make_model()
    monkeypatch.setattr(model, "features", lambda state: state.frame)
    monkeypatch.setattr(model, "reward", read_the_scores)
    return model


@pytest.fixture
def dreams_come_true(model, pong_data, monkeypatch):
    """Has the model imagine what really came; behind an end, a game that is lost and over."""
    episodes = [pong_data.episode(index) for index in range(len(pong_data.episodes))]
    stacks = [torch.from_numpy(stack_episode(np.array(episode.features))) for episode in episodes]
    over = torch.zeros(1, F.OBS_SIZE)
    over[0, F.SCORE_ENEMY * 4 + 3] = 1.0
    asked = iter(zip(episodes, stacks, strict=True))

    def imagine(states, actions, sample):
        episode, real = next(asked)
        after = torch.cat([real[1:], over])
        assert not sample
        windows = len(real) // 6
        first = len(real) - 6 * windows
        assert torch.equal(states.frame, real[first::6])
        assert np.array_equal(actions.numpy().ravel(), episode.action[first:])
        frames = after[first:].reshape(windows, 6, -1)
        return SimpleNamespace(states=SimpleNamespace(frame=frames))

    monkeypatch.setattr(model, "imagine", imagine)
    monkeypatch.setattr(model, "imagine_step", lambda state, action, sample: (SimpleNamespace(frame=over), None, None))


@pytest.mark.usefixtures("dreams_come_true")
def test_perfect_heads_are_never_wrong_and_miss_nothing(model, pong_data):
    # of the five episodes one is a whole game, lost; the others stop without their last frame being an end
    result = score_events(model, pong_data)
    won, lost = int((pong_data.reward > 0).sum()), int((pong_data.reward < 0).sum())
    assert lost >= 21
    for name in ("observed", "imagined"):
        points = result[name]["point_won"]
        assert points == {"events": won, "predicted": won, "precision": 1.0 if won else None, "recall": 1.0}
        # four recordings stop in the middle, where this model wrongly says that the game was lost and over
        assert result[name]["point_lost"] == {
            "events": lost,
            "predicted": lost + 4,
            "precision": lost / (lost + 4),
            "recall": 1.0,
        }


def test_heads_that_say_nothing_have_no_precision(model, pong_data, monkeypatch):
    monkeypatch.setattr(model, "reward", lambda features: torch.full(features.shape[:-1], 0.4))
    for heads in score_events(model, pong_data).values():
        assert list(heads) == list(EVENTS)
        for counts in heads.values():
            assert counts["events"] > 0
            assert counts == {"events": counts["events"], "predicted": 0, "precision": None, "recall": 0.0}


def test_heads_that_always_shout_miss_nothing_and_are_nearly_always_wrong(model, pong_data, monkeypatch):
    monkeypatch.setattr(model, "reward", lambda features: torch.full(features.shape[:-1], -0.6))
    result = score_events(model, pong_data)
    rows = {
        "observed": len(pong_data),
        "imagined": sum((e.stop - e.start) // 6 * 6 for e in pong_data.episodes),
    }
    for name, heads in result.items():
        counts = heads["point_lost"]
        assert (counts["predicted"], counts["recall"]) == (rows[name], 1.0)
        assert counts["precision"] == counts["events"] / rows[name]
        assert heads["point_won"]["predicted"] == 0
