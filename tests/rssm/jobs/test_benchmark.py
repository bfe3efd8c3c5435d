import json

import pytest

from rssm.config import BenchmarkConfig, WorldModelConfig
from rssm.jobs import benchmark as module


def test_everything_is_timed_and_written(pong_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "open_datasets", lambda job: (pong_data, pong_data))
    monkeypatch.setattr(module, "_IMAGINED", 16)
    module.benchmark(BenchmarkConfig(updates=3, device="cpu", out=str(tmp_path)))
    result = json.loads((tmp_path / "speed.json").read_text())
    assert len(result["updates"]) == 3
    for row in result["updates"].values():
        transitions = WorldModelConfig().train.batch_size * WorldModelConfig().train.chunk_length
        assert row["transitions_per_second"] == pytest.approx(1e3 * transitions / row["wall_ms"])
        assert row["cpu_ms"] > 0
    for key in ("imagined_steps_per_second", "real_steps_per_second", "matrix_gflops", "peak_memory_mb"):
        assert result[key] > 0
    assert result["processor"] in capsys.readouterr().out
