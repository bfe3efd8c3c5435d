import numpy as np
import pytest

from rssm.data.dataset import Dataset
from rssm.evaluation.start import describe_start, mean_after_start
from rssm.evaluation.window_errors import WindowErrors
from rssm.evaluation.windows import episode_lengths


def test_the_windows_after_the_start_are_the_others(recorded: Dataset) -> None:
    start = recorded.game.start_event
    scored = {
        "windows": 10,
        "mse": {"mean": [3.0] * 6},
        "events": {start: {"windows": 2, "mean": [11.0] * 6}},
    }
    assert mean_after_start(recorded.game, scored) == pytest.approx([1.0] * 6)  # (10 · 3 - 2 · 11) / 8
    scored["events"] = {}
    assert mean_after_start(recorded.game, scored) == [3.0] * 6


def test_games_that_begin_at_moments_of_their_own_have_no_floor(
    recorded: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = WindowErrors(np.zeros((0, 6)), np.zeros((0, 6, 14)), *(np.zeros(0, np.int64) for _ in range(3)))
    for player in ("tracking epsilon=0.5 noops=120", "somebody unknown"):
        monkeypatch.setitem(recorded.meta, "episode_players", [player] * len(recorded.episodes))
        found = describe_start(recorded, np.zeros_like(episode_lengths(recorded)), nothing)
        expected = "no window begins" if "unknown" in player else "at moments of their own"
        assert expected in found["skipped"]
