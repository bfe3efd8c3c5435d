import json
import shutil

import pytest

from rssm.config import ResultsConfig
from rssm.errors import UserError
from rssm.report.results import summarize


def test_a_table_over_two_runs(finished_run, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(finished_run, other)
    result = json.loads((other / "openloop.json").read_text())
    first = list(result["mse"]["mean"])
    result["mse"]["mean"] = [2.0 * value for value in first]
    (other / "openloop.json").write_text(json.dumps(result))

    summarize(ResultsConfig(runs=f"{finished_run},{other}", name="both", title="Two runs", out=str(tmp_path / "docs")))

    summary = json.loads((tmp_path / "docs" / "both.json").read_text())
    assert summary["mean"] == pytest.approx([1.5 * value for value in first])
    assert summary["worst_to_best"] == pytest.approx(2.0)
    assert list(summary["seeds"]) == ["whole", "other"]
    text = (tmp_path / "docs" / "both.md").read_text()
    assert text.startswith("# Two runs\n")
    assert "Worst ÷ best run at k = 5: 2.00." in text
    assert "| least possible error |" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum(line.startswith("| `other`, ") for line in rows) == 4  # mean, median, p90, same starts
    for event in result["events"]:
        assert any(line.startswith(f"| {event.replace('_', ' ')} |") for line in rows)


@pytest.mark.parametrize("runs", ["", "nowhere"])
def test_a_run_that_is_not_there_is_one_line(runs, tmp_path):
    with pytest.raises(UserError, match="expected") as caught:
        summarize(ResultsConfig(runs=runs, out=str(tmp_path / "docs")))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "docs").exists()


def test_a_result_of_an_older_version_is_refused_in_one_line(finished_run, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(finished_run, older)
    result = json.loads((older / "openloop.json").read_text())
    del result["start"]
    (older / "openloop.json").write_text(json.dumps(result))
    with pytest.raises(UserError, match=r"openloop\.json: expected a result with a part 'start'; score the run again"):
        summarize(ResultsConfig(runs=str(older), out=str(tmp_path / "docs")))
