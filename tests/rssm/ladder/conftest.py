"""A ladder of tiny rows on a little data."""

from pathlib import Path

import pytest

from rssm.config import EnvConfig
from rssm.ladder.config import CompareConfig, LadderDataConfig

_TINY = "baseline:\n  network: {scale: 1, layers: 1}\n  fit: {batch_size: 8, context: 4, epochs: 4, patience: 2}\n"
ROWS = {
    "none": "notes_name: the newest frame\nfamily: persistence\n",
    "mlp": f"notes_name: an MLP\n{_TINY}",
    "wild": "notes_name: far too fast\n"
    "baseline:\n  network: {scale: 1, layers: 1}\n  fit: {batch_size: 8, learning_rate: 1e38, warmup: 0}\n",
    "world": "notes_name: a world model\nfamily: rssm\nrssm:\n"
    "  model: {deter: 16, stoch: 3, classes: 4, hidden: 24, head_hidden: 16, layers: 1, bins: 11}\n"
    "  train: {updates: 3, batch_size: 4, chunk_length: 10, warmup: 2, evaluate_every: 2}\n",
    "more": f"notes_name: more data\ndata: more\n{_TINY}",
}


@pytest.fixture(scope="session")
def ladder_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ladder's data are collected, once for all tests."""
    return tmp_path_factory.mktemp("ladder")


@pytest.fixture
def job(ladder_data: Path, tmp_path: Path) -> CompareConfig:
    """The rows above; each training takes a moment."""
    presets = tmp_path / "presets"
    presets.mkdir()
    for name, text in ROWS.items():
        (presets / f"{name}.yaml").write_text(text)
    return CompareConfig(
        rows="none,mlp",
        budget=0.05,
        seeds=2,
        samples=1,
        presets=str(presets),
        threads=1,
        more_data=str(ladder_data / "more"),
        more_steps=1200,
        runs=str(tmp_path / "runs"),
        out=str(tmp_path / "docs"),
        env=EnvConfig(max_episode_steps=150),
        data=LadderDataConfig(
            train=str(ladder_data / "train"),
            heldout=str(ladder_data / "heldout"),
            train_steps=900,
            heldout_steps=310,
            validation_steps=200,
            players="tracking",
            workers=1,
        ),
    )
