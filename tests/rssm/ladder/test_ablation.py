import json
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.config import AblationConfig, WorldModelConfig
from rssm.config_file import dump_config, read_settings
from rssm.errors import UserError
from rssm.ladder.ablation import ablate

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


def test_rows_are_trained_once_and_written_as_a_table(job):
    ablate(job)
    table = Path(job.out) / "ablation.json"
    rows = json.loads(table.read_text())["rows"]
    assert list(rows) == ["whole", "without"]
    for name, row in rows.items():
        found = json.loads((Path(job.runs) / f"{name}-0" / "openloop.json").read_text())
        assert row["mean"] == found["mse"]["mean"]
        assert row["updates"][0] >= 1
    assert rows["whole"]["mean"] != rows["without"]["mean"]
    text = (Path(job.out) / "ablation.md").read_text()
    assert "| whole |" in text
    assert "| without |" in text

    weights = Path(job.runs) / "whole-0" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    ablate(job)
    assert weights.stat().st_mtime_ns == before
    assert json.loads(table.read_text())["rows"] == rows


def test_an_unknown_row_is_named_before_anything_is_trained(job):
    with pytest.raises(UserError, match="'nothing'") as caught:
        ablate(replace(job, rows="whole,nothing"))
    assert "\n" not in str(caught.value)
    assert not Path(job.runs).exists()


@pytest.mark.parametrize("preset", sorted((ROOT / "configs" / "ablation").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_preset_changes_something_and_little(preset):
    settings = read_settings(preset, WorldModelConfig)
    assert 1 <= len(settings) <= 2
