import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rssm.config import AblationConfig, ResultsConfig, WorldModelConfig
from rssm.config.yaml_file import dump_config, read_settings
from rssm.errors import DivergedError, UserError
from rssm.evaluation.persistence import Persistence
from rssm.ladder import ablation as module
from rssm.ladder.ablation import ablate
from rssm.ladder.config import CompareConfig
from rssm.ladder.trained import Trained

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def job(tiny_job, tmp_path):
    """Two rows, of which one leaves the open-loop term out; both tiny."""
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "whole.yaml").write_text(dump_config(tiny_job))
    without = replace(tiny_job, loss=replace(tiny_job.loss, open_loop=0.0))
    (presets / "without.yaml").write_text(dump_config(without))
    return AblationConfig(
        rows="whole,without",
        presets=str(presets),
        seconds=0.2,
        runs=str(tmp_path / "runs"),
        out=str(tmp_path / "docs"),
    )


@pytest.fixture
def trained(monkeypatch):
    """Which rows were trained, in place of training them: each is persistence, some pixels off."""
    titles = []

    class Shifted(Persistence):
        def predict(self, *arguments):
            return super().predict(*arguments) + np.float32(len(titles))

    def train(job, data, budget, folder, title):
        titles.append(title)
        return Trained(Shifted(), "a stub", 5, 10 * len(titles), budget)

    monkeypatch.setattr(module, "train_for", train)
    return titles


def table(job):
    out = Path(job.out)
    return json.loads((out / "ablation.json").read_text()), (out / "ablation.md").read_text()


def test_rows_are_trained_once_and_written_as_a_table(job, capsys):
    ablate(job)
    summary, text = table(job)
    rows = summary["rows"]
    assert list(rows) == ["whole", "without"]
    for name, row in rows.items():
        found = json.loads((Path(job.runs) / f"{name}-0" / "row.json").read_text())
        assert row["mean"] == found["mse"]["mean"]
        assert row["updates"][0] >= 1
        assert row["train_seconds"][0] >= job.seconds
    assert rows["whole"]["mean"] != rows["without"]["mean"]
    assert rows["without"]["changes"]["loss.open_loop"] == 0.0
    assert "| whole |" in text
    assert "| without |" in text
    assert summary["command"] == "python scripts/ablate.py --seconds 0.2 --seeds 1 --rows whole,without"
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out if "─" not in line] == ["row", "whole", "without", "written:"]

    kept = Path(job.runs) / "whole-0" / "row.json"
    before = kept.stat().st_mtime_ns
    ablate(job)
    assert kept.stat().st_mtime_ns == before
    assert table(job) == (summary, text)


def test_the_spread_is_over_seeds_and_one_seed_has_none(job, trained):
    def spread():
        (row,) = [line for line in table(job)[1].splitlines() if line.startswith("| whole |")]
        return row.split(" | ")[-2]

    ablate(job)
    assert spread() == "–"
    ablate(replace(job, seeds=2))
    assert trained == ["whole, seed 0", "without, seed 0", "whole, seed 1", "without, seed 1"]
    assert " … " in spread()


def change_preset(job):
    preset = Path(job.presets) / "without.yaml"
    preset.write_text(preset.read_text().replace("open_loop: 0.0", "open_loop: 0.5"))
    return job


def older_run(job):
    (Path(job.runs) / "without-0" / "row.json").rename(Path(job.runs) / "without-0" / "config.yaml")
    return job


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda job: replace(job, seconds=0.3), "whole-0/row.json: seconds: the results there are for 0.2, not 0.3"),
        (change_preset, "without-0/row.json: loss.open_loop: the results there are for 0.0, not 0.5"),
        (older_run, "without-0: holds a run of its own, which says no row.json; expected another --runs"),
    ],
    ids=["another time", "another preset", "a run of older code"],
)
def test_results_of_another_command_are_refused_before_anything_is_trained(job, trained, change, message):
    ablate(job)
    before, titles = table(job), list(trained)
    with pytest.raises(UserError) as caught:
        ablate(replace(change(job), seeds=2))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (table(job), trained) == (before, titles)


def test_a_published_table_keeps_its_rows(job, trained, monkeypatch, tmp_path):
    ablate(job)
    before = table(job)
    with pytest.raises(UserError, match=r"ablation\.json: the table there has without, which the new one lacks"):
        ablate(replace(job, rows="whole"))
    assert table(job) == before
    monkeypatch.chdir(tmp_path)  # below runs/ it may go
    below = replace(job, out="runs/results")
    ablate(below)
    ablate(replace(below, rows="whole"))
    assert list(table(below)[0]["rows"]) == ["whole"]
    assert len(trained) == 2


def test_a_variant_that_diverges_is_a_row_too(job, monkeypatch):
    def diverge(*_):
        raise DivergedError("loss: nan at update 3")

    monkeypatch.setattr(module, "train_for", diverge)
    ablate(job)
    summary, text = table(job)
    assert summary["rows"]["whole"]["diverged"] == 1
    assert "| diverged |" in text


def test_nothing_published_is_touched_unless_told_so():
    assert AblationConfig().out == CompareConfig().out == ResultsConfig(runs="x").out == "runs/results"


def test_an_unknown_row_is_named_before_anything_is_trained(job):
    with pytest.raises(UserError, match="'nothing'") as caught:
        ablate(replace(job, rows="whole,nothing"))
    assert "\n" not in str(caught.value)
    assert not Path(job.runs).exists()


@pytest.mark.parametrize("preset", sorted((ROOT / "configs" / "ablation").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_preset_changes_something_and_little(preset):
    settings = read_settings(preset, WorldModelConfig)
    assert 1 <= len(settings) <= 2
