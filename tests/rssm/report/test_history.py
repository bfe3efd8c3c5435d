import json

import pytest

from rssm.errors import UserError
from rssm.report.history import read_history


def test_steps_of_older_runs_get_today_s_names(tmp_path):
    rows = [
        {"update": 5, "openloop/mse_h1": 2.0, "openloop/constant_velocity_h6": 30.0, "imagination/error_h3": None},
        {"update": 6, "openloop/mse_k0": 1.0, "openloop/mse_k5": 9.0, "train/loss": 3.0},
        {"update": 6, "summary/openloop/median_h6": 4.0},
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_history(path) == [
        {"update": 5, "openloop/mse_k0": 2.0, "openloop/constant_velocity_k5": 30.0, "imagination/error_k2": None},
        rows[1],
        {"update": 6, "summary/openloop/median_k5": 4.0},
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "No such file"), ('{"update": 1}\n{"upd', "line 2: expected a JSON object"), ("[1]\n", "line 1: expected")],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, text, message):
    if text is not None:
        (tmp_path / "metrics.jsonl").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_history(tmp_path / "metrics.jsonl")
    assert "\n" not in str(caught.value)
