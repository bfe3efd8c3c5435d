import numpy as np
import pytest

from rssm.errors import UserError
from rssm.evaluation.kept_windows import (
    AT_RANDOM,
    FUTURES,
    OF_EACH_EVENT,
    WORST,
    Predicted,
    keep_windows,
    read_windows,
    windows_file,
    write_windows,
)
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.windows import episode_lengths


@pytest.fixture(scope="module")
def kept(make_model, pong_data):
    """(what was kept, the errors of every window by (episode, start))."""
    predictor, seen = WorldModelPredictor(make_model().eval(), 2), Predicted()
    windows = episode_windows(pong_data, episode_lengths(pong_data))
    errors = score_windows({"it": predictor}, windows, {"it": seen.see})["it"]
    places = zip(errors.episode.tolist(), errors.start.tolist(), strict=True)
    return keep_windows(seen, predictor, pong_data, 0), dict(zip(places, errors.stack, strict=True))


def group(kept, name):
    return [window for window in kept["windows"] if name in window["groups"]]


def test_the_errors_are_those_of_the_evaluation(kept):
    found, errors = kept
    for window in found["windows"]:
        assert window["error"] == pytest.approx(errors[window["episode"], window["start"]].tolist(), rel=1e-5)


def test_the_worst_are_the_worst_and_stand_first(kept):
    found, errors = kept
    last = sorted((error[-1] for error in errors.values()), reverse=True)
    worst = [window["error"][-1] for window in found["windows"][:WORST]]
    assert worst == pytest.approx(last[:WORST], rel=1e-5)
    assert found["windows"][:WORST] == group(found, "worst")


def test_there_are_some_of_each_event_and_some_at_random(kept, pong_data):
    found, errors = kept
    assert len(group(found, "random")) == min(AT_RANDOM, len(errors))
    for name in pong_data.game.events:
        chosen = group(found, f"event:{name}")
        assert {window["event"] for window in chosen} <= {name}
        assert len(chosen) <= OF_EACH_EVENT
    assert len(group(found, "event:free_flight")) == OF_EACH_EVENT
    assert all(window["groups"] for window in found["windows"])
    places = [(window["episode"], window["start"]) for window in found["windows"]]
    assert len(set(places)) == len(places)


def test_what_is_seen_of_a_window_is_the_recorded_game(kept, pong_data):
    for window in kept[0]["windows"]:
        episode, start = pong_data.episode(window["episode"]), window["start"]
        rows = np.maximum(np.arange(start - 3, start + 7), 0)  # before its first frame a game shows that
        assert np.array_equal(np.array(window["real"], np.float32), episode.features[rows])
        assert window["actions"] == episode.action[start : start + 6].tolist()


def test_prediction_and_futures_are_frames_to_a_hundredth_of_a_pixel(kept):
    for window in kept[0]["windows"]:
        assert np.shape(window["imagined"]) == (6, 14)
        assert np.shape(window["sampled"]) == (FUTURES, 6, 14)
    values = np.concatenate([np.ravel(window["imagined"]) for window in kept[0]["windows"]])
    assert np.allclose(100 * values, np.round(100 * values), atol=1e-6)
    assert any(isinstance(value, int) for value in kept[0]["windows"][0]["real"][0])


def test_they_are_read_back_only_beside_their_own_result(kept, tmp_path):
    path = windows_file(tmp_path / "openloop-test.json")
    assert path.name == "openloop-test.windows.json"
    of = {"model": {"sha256": "a"}, "data": {"sha256": "b"}, "settings": {"seed": 0}}
    assert read_windows(path, of)[0] is None
    assert "there is no openloop-test.windows.json" in read_windows(path, of)[1]
    write_windows(path, kept[0], of)
    found, reason = read_windows(path, of)
    assert reason == ""
    assert found["windows"] == kept[0]["windows"]
    for part in of:
        found, reason = read_windows(path, of | {part: {"sha256": "c"}})
        assert found is None
        assert "of other weights, data or settings" in reason
    path.write_text("[]")
    with pytest.raises(UserError, match=r"openloop-test\.windows\.json: expected windows of an evaluation"):
        read_windows(path, of)
