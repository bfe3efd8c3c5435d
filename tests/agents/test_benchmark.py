import json

import pytest

from agents import benchmark as module
from rssm.config import BenchmarkConfig, WorldModelConfig


def test_everything_is_timed_and_written(pong_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "open_datasets", lambda job: (pong_data, pong_data))
    monkeypatch.setattr(module, "physical_cores", lambda: 1)
    monkeypatch.setattr(module, "_IMAGINED", 16)
    module.benchmark(BenchmarkConfig(updates=3, device="cpu", out=str(tmp_path)))
    result = json.loads((tmp_path / "speed.json").read_text())
    assert len(result["updates"]) == 5
    work = [row["gflop"] for name, row in result["updates"].items() if "Muon" not in name]
    for row in result["updates"].values():
        transitions = WorldModelConfig().train.batch_size * WorldModelConfig().train.chunk_length
        assert row["transitions_per_second"] == pytest.approx(1e3 * transitions / row["wall_ms"])
        assert row["cpu_ms"] > 0
    assert work[0] > work[1] > work[2] > 1.0  # each does less than the one before
    for key in ("imagined_steps_per_second", "real_steps_per_second", "matrix_gflops", "peak_memory_mb"):
        assert result[key] > 0
    assert result["agent"]["imagined_steps_per_second"] > 0
    assert result["processor"] in capsys.readouterr().out
