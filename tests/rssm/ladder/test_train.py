import json
from dataclasses import replace
from pathlib import Path

import pytest

from rssm.ladder.rows import read_rows
from rssm.ladder.train import Data, train_row


@pytest.fixture
def train(job, tmp_path):
    def run(name, config=job):
        return train_row(read_rows(Path(job.presets))[name], Data(config), 0, tmp_path / "run", "test")

    return run


@pytest.mark.parametrize("name", ["mlp", "world"])
def test_a_larger_budget_gives_more_updates(job, train, name):
    few, many = (train(name, replace(job, budget=budget)) for budget in (0.02, 0.4))
    assert 1 <= few.updates < many.updates
    assert few.parameters == many.parameters > 1000
    assert few.seconds < many.seconds


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
