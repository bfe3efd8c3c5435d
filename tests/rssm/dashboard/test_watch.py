import json

import numpy as np
import pytest

from rssm.config import EvalConfig
from rssm.dashboard.watch import Watch, fixed_windows, open_loops
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.validation import Validation
from rssm.games.pong.game import PONG

SETTINGS = EvalConfig(off_policy_windows=6, calibration_windows=8)


class Shown:
    """A tracker that keeps what it is shown."""

    draws = True

    def __init__(self, path):
        self.path, self.shown = path, []

    def show(self, files, update, env_steps=None):
        self.shown.append((set(files), update, env_steps))


@pytest.fixture(scope="module")
def validation(pong_data):
    return Validation(pong_data, pong_data.episodes[:3] + pong_data.episodes[4:], SETTINGS)


def test_fixed_windows_are_one_of_each_event():
    events = np.array([3, 3, 1, 3, 1, 7, 1])
    assert fixed_windows(events).tolist() == [1, 4, 5]
    assert events[fixed_windows(events)].tolist() == [3, 1, 7]


def test_an_open_loop_is_observed_and_then_dreamt(make_model, pong_data):
    """What is shown as seen is predicted from the real step before; what is dreamt is one prediction of many steps."""
    predictor = WorldModelPredictor(make_model().eval())
    episode = pong_data.episode(4)
    actions = episode.action.astype(np.int64)
    real, imagined, observed = open_loops(predictor, episode.features, actions)
    assert observed.tolist() == ([True] * 8 + [False] * 16) * 2
    begins = (0, len(actions) - 1 - 24)
    for loop, begin in enumerate(begins):
        rows = slice(24 * loop, 24 * (loop + 1))
        assert np.array_equal(real[rows], episode.features[begin + 1 : begin + 25])
        stacks = Stacks(episode)
        alone = predictor.predict(stacks.all, actions, np.array([begin + 3]), actions[None, begin + 3 : begin + 4])
        assert np.allclose(imagined[24 * loop + 3], alone[0, 0, :, -1], atol=1e-4)
        turn = begin + 8
        dreamt = predictor.predict(stacks.all, actions, np.array([turn]), actions[None, turn : turn + 16])
        assert np.allclose(imagined[rows][8:], dreamt[0, ..., -1], atol=1e-4)


class Stacks:
    def __init__(self, episode):
        from rssm.data.frames import stack_episode

        self.all = stack_episode(episode.features)


def test_everything_is_drawn_after_an_evaluation(validation, make_model, tmp_path):
    metrics = validation(make_model().eval())
    path = tmp_path / "metrics.jsonl"
    line = {"update": 5, "env_steps": 100} | {name: None if np.isnan(v) else v for name, v in metrics.items()}
    path.write_text(json.dumps(line) + "\n")
    tracker = Shown(path)
    Watch(tmp_path, validation)(tracker, 5)
    ((names, update, env_steps),) = tracker.shown
    assert (update, env_steps) == (5, 100)
    assert names >= {"charts", "open_loop", "paths", "worst_windows", "chart_error_by_event", "chart_off_policy"}
    assert {path.name for path in (tmp_path / "media" / "training").iterdir()} >= {"open_loop.gif", "paths.png"}
    tracker.draws = False
    Watch(tmp_path, validation)(tracker, 6)
    assert len(tracker.shown) == 1


def test_the_worst_windows_are_those_with_the_largest_error(validation, make_model, tmp_path, monkeypatch):
    validation(make_model().eval())
    seen, drawn = validation.seen, []
    monkeypatch.setattr(type(PONG), "draw_paths", lambda self, *found: drawn.append(found) or True)
    Watch(tmp_path, validation)._pictures(seen)
    (_, _, _, _), (path, real, imagined, titles) = drawn
    assert path.name == "worst_windows.png"
    worst = np.sort(seen.errors.stack[:, -1])[::-1][:6]
    newest = ((real[:, 1:].astype(np.float64) - imagined[:, 1:]) ** 2)[:, -1].mean(axis=-1)
    order = np.argsort(-seen.errors.stack[:, -1], kind="stable")[:6]
    assert np.allclose(newest, seen.errors.frame[order, -1], rtol=1e-4)
    assert (np.diff(worst) <= 0).all()
    assert np.array_equal(real[:, 0], imagined[:, 0])
    assert all(title.startswith("game ") for title in titles)
