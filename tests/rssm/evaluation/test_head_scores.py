from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rssm.data.frames import stack_episode, to_stack
from rssm.evaluation.head_scores import EVENTS, score_heads
from rssm.games.pong import features as F


def read_the_scores(frames):
    """What a stack (..., 56) says of the step that led to it, in points."""
    frame = to_stack(frames, 4)[..., -1]
    return frame[..., F.SCORE_PLAYER] - frame[..., F.SCORE_ENEMY]


def is_over(frames):
    """1 where a stack (..., 56) shows a finished game."""
    frame = to_stack(frames, 4)[..., -1]
    return (torch.maximum(frame[..., F.ENEMY_SCORE], frame[..., F.PLAYER_SCORE]) == 21).float()


@pytest.fixture
def model(make_model, monkeypatch):
    """A model whose head reads the frame itself."""
    model = make_model()
    monkeypatch.setattr(model, "features", lambda state: state.stack.flatten(-2))
    monkeypatch.setattr(model, "reward", read_the_scores)
    monkeypatch.setattr(model, "continuation", lambda frames: 1.0 - is_over(frames))
    return model


@pytest.fixture
def dreams_come_true(model, pong_data, monkeypatch):
    """Has the model imagine what really came; behind an end, a game that is lost and over."""
    episodes = [pong_data.episode(index) for index in range(len(pong_data.episodes))]
    stacks = [torch.from_numpy(stack_episode(np.array(episode.features))) for episode in episodes]
    over = torch.zeros(1, F.NUM_FEATURES, F.STACK_SIZE)
    over[0, F.SCORE_ENEMY, -1], over[0, F.ENEMY_SCORE, -1] = 1.0, 21.0
    asked = iter(zip(episodes, stacks, strict=True))

    def imagine(states, actions, sample):
        episode, real = next(asked)
        after = torch.cat([real[1:], over])
        assert not sample
        windows = len(real) // 6
        first = len(real) - 6 * windows
        assert torch.equal(states.stack, real[first::6])
        assert np.array_equal(actions.numpy().ravel(), episode.action[first:])
        frames = after[first:].reshape(windows, 6, F.NUM_FEATURES, F.STACK_SIZE)
        return SimpleNamespace(states=SimpleNamespace(stack=frames))

    monkeypatch.setattr(model, "imagine", imagine)
    monkeypatch.setattr(model, "imagine_step", lambda state, action, sample: (SimpleNamespace(stack=over), None, None))


@pytest.mark.usefixtures("dreams_come_true")
def test_perfect_heads_are_never_wrong_and_miss_nothing(model, pong_data):
    # of the five episodes one is a whole game, lost; the others stop without their last frame being an end
    result = score_heads(model, pong_data)
    won, lost = int((pong_data.reward > 0).sum()), int((pong_data.reward < 0).sum())
    assert lost >= 21
    for name in ("observed", "imagined"):
        assert counts(result[name]["point_won"]) == (won, won, 1.0 if won else None, 1.0)
        # four recordings stop in the middle, where this model wrongly says that the game was lost and over
        assert counts(result[name]["point_lost"]) == (lost, lost + 4, lost / (lost + 4), 1.0)
        # only the whole game has an end: a recording that stops is none
        assert counts(result[name]["end"]) == (1, 5, 0.2, 1.0)
        assert result[name]["end"]["there"] == 1.0
        assert result[name]["end"]["elsewhere"] < 0.01
        assert result[name]["end"]["at_points"] == 0.0
        assert result[name]["point_lost"]["there"] == 1.0


def test_heads_that_say_nothing_have_no_precision(model, pong_data, monkeypatch):
    monkeypatch.setattr(model, "reward", lambda features: torch.full(features.shape[:-1], 0.4))
    monkeypatch.setattr(model, "continuation", lambda features: torch.full(features.shape[:-1], 0.75))
    for heads in score_heads(model, pong_data).values():
        assert list(heads) == list(EVENTS)
        for found in heads.values():
            assert found["events"] > 0
            assert counts(found)[1:] == (0, None, 0.0)
        assert heads["end"]["there"] == heads["end"]["elsewhere"] == 0.25
        assert heads["point_lost"]["there"] == pytest.approx(-0.4)


def test_heads_that_always_shout_miss_nothing_and_are_nearly_always_wrong(model, pong_data, monkeypatch):
    monkeypatch.setattr(model, "reward", lambda features: torch.full(features.shape[:-1], -0.6))
    result = score_heads(model, pong_data)
    rows = {
        "observed": len(pong_data),
        "imagined": sum((e.stop - e.start) // 6 * 6 for e in pong_data.episodes),
    }
    for name, heads in result.items():
        lost = heads["point_lost"]
        assert (lost["predicted"], lost["recall"]) == (rows[name], 1.0)
        assert lost["precision"] == lost["events"] / rows[name]
        assert heads["point_won"]["predicted"] == 0


def counts(found):
    return tuple(found[key] for key in ("events", "predicted", "precision", "recall"))
