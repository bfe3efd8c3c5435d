import json
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.data.chunks import ChunkSampler
from rssm.ladder.rows import read_rows
from rssm.ladder.train import Data, train_row


@pytest.fixture
def train(job, tmp_path):
    def run(name, config=job):
        return train_row(read_rows(Path(job.presets))[name], Data(config), 0, tmp_path / "run", "test")

    return run


@pytest.fixture
def cpu(monkeypatch):
    """A CPU clock that goes on by a second with every batch, the first five of which take three."""
    spent = [0.0]
    monkeypatch.setattr("rssm.training.timing.time.process_time", lambda: spent[0])
    batch = ChunkSampler.batch

    def slow(sampler, update, *part):
        spent[0] += 3.0 if update < 5 else 1.0
        return batch(sampler, update, *part)

    monkeypatch.setattr(ChunkSampler, "batch", slow)


@pytest.mark.parametrize("name", ["mlp", "world"])
@pytest.mark.usefixtures("cpu")
def test_the_clock_ends_a_row_however_fast_its_first_updates_were(job, train, name):
    few, many = (train(name, replace(job, budget=budget)) for budget in (14.0, 30.0))
    assert (few.updates, few.seconds) == (5, 15.0)  # the last one takes a little more
    assert (many.updates, many.seconds) == (5 + 15, 30.0)
    assert few.parameters == many.parameters > 1000


@pytest.mark.usefixtures("cpu")
def test_a_world_model_s_learning_rate_follows_the_clock(job, train, monkeypatch):
    shares = []

    def step(optimizer, sampler, config, seed, update):
        sampler.batch(update)
        shares.append(update / optimizer.config.updates)
        return {"train/loss": 0.0}

    monkeypatch.setattr("rssm.ladder.world_model.train_step", step)
    train("world", replace(job, budget=40.0))
    assert shares == pytest.approx([0, 3 / 40, 6 / 40, 9 / 40, 12 / 40, *((15 + n) / 40 for n in range(25))], abs=0.02)


def test_with_no_budget_a_world_model_trains_for_its_own_updates(job, train):
    assert train("world", replace(job, budget=0)).updates == 3


def test_with_no_budget_a_baseline_trains_until_patience_is_out(job, train):
    epoch = 700 / 8  # at least as many steps are learned from
    trained = train("mlp", replace(job, budget=0))
    assert 2 * epoch < trained.updates < 5 * epoch


def test_more_data_is_collected_when_it_is_asked_for_and_begins_with_the_common_data(job, train):
    more = Path(job.more_data)
    train("mlp")
    assert not more.exists()
    train("more")
    assert json.loads((more / "meta.json").read_text())["steps"] == 1200
    common = json.loads((Path(job.data.train) / "meta.json").read_text())
    assert json.loads((more / "meta.json").read_text())["episode_seeds"][:3] == common["episode_seeds"][:3]


def test_a_world_model_that_was_not_scored_starts_again(job, train, tmp_path):
    first = train("world", replace(job, budget=0))
    second = train("world", replace(job, budget=0))
    assert (tmp_path / "run" / "trainer.pt").exists()
    assert first.updates == second.updates == 3
    assert second.seconds > 0.0
