import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rssm.baselines.config import BaselineConfig, ErrorConfig, FitConfig, NetworkConfig, RolloutConfig
from rssm.baselines.predictor import BaselinePredictor
from rssm.baselines.trainer import BaselineTrainer, updates_per_epoch
from rssm.data.chunks import ChunkSampler
from rssm.errors import DivergedError
from rssm.evaluation.openloop import episode_windows, score_windows
from rssm.evaluation.persistence import Persistence
from rssm.training.checkpoint import weights_of
from rssm.training.optimizer import learning_rate

SMALL = NetworkConfig(output="change", scale=1, layers=1)
CPU = torch.device("cpu")


@pytest.fixture
def train(pong_data):
    """Makes a trainer on the whole game and one more; the two shortest recordings are too short for some pieces."""

    def make(config: BaselineConfig, updates: int = 6, seed: int = 0, budget: float = 0.0) -> BaselineTrainer:
        return BaselineTrainer(config, pong_data, pong_data.episodes[3:], seed, updates, CPU, budget)

    return make


def config(network: NetworkConfig = SMALL, rollout: RolloutConfig | None = None, **fit) -> BaselineConfig:
    settings = {"batch_size": 8, "context": 4, "warmup": 0} | fit
    return BaselineConfig(network, rollout=rollout or RolloutConfig(), fit=FitConfig(**settings))


def never() -> float:
    raise AssertionError("nothing is validated within a budget")


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("kind", ["mlp", "gru", "lstm", "diffusion"])
def test_every_kind_learns_to_do_better_than_repeating_the_newest_frame(train, pong_data, kind):
    network = replace(SMALL, kind=kind, layers=2)
    trainer = train(config(network, batch_size=16 if kind in ("gru", "lstm") else 64, learning_rate=3e-3), updates=250)
    fitted = trainer.fit("test", never)
    futures = network.futures if kind == "diffusion" else 1
    predictors = {"baseline": BaselinePredictor(trainer.members, trainer.scaling, futures), "none": Persistence()}
    lengths = np.array([0, 0, 0, 600, 0])
    errors = {
        name: found.stack.mean(0)
        for name, found in score_windows(predictors, episode_windows(pong_data, lengths)).items()
    }
    assert errors["baseline"][0] < 0.8 * errors["none"][0]
    assert fitted.updates == 250
    assert fitted.seconds > 0


def test_the_same_seed_gives_the_same_weights(train):
    parts = config(rollout=RolloutConfig("1, 1, 1", truth_start=0.5, truth_end=0.5))
    weights = []
    for seed in (0, 0, 1):
        trainer = train(parts, seed=seed)
        trainer.fit("test", never)
        weights.append(weights_of(trainer.networks))
    assert same(weights[0], weights[1])
    assert not same(weights[0], weights[2])


def test_the_schedule_fault_stops_all_learning_early(train):
    trainer = train(config(decay_updates=3, final_learning_rate=0.0, weight_decay=0.5), updates=9)
    start = weights_of(trainer.networks)
    for update in range(3):
        trainer.update(update)
    after = weights_of(trainer.networks)
    for update in range(3, 9):
        trainer.update(update)
    assert not same(start, after)
    assert same(after, weights_of(trainer.networks))


def test_a_curriculum_lengthens_the_rollouts_and_the_history_tells(train):
    rollout = RolloutConfig("1, 1, 1, 1, 1, 1", truth_start=0.5, truth_end=0.0, curriculum="1, 2, 4, 6")
    fitted = train(config(rollout=rollout), updates=20).fit("test", never)
    assert [len(record["step_errors"]) for record in fitted.history] == [1, 1, 1, 2, 2, 4, 4, 4, 6, 6]
    assert [record["update"] for record in fitted.history] == list(range(2, 21, 2))
    assert [record["truth"] for record in fitted.history] == pytest.approx(
        [0.5 * (1 - u / 20) for u in range(1, 20, 2)]
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"rollout": RolloutConfig("1, 0")}, {"rollout": RolloutConfig("1, 0.3")}),
        ({"rollout": RolloutConfig("1, 1")}, {"rollout": RolloutConfig("1, 1", truth_start=1.0, truth_end=1.0)}),
        ({}, {"error": ErrorConfig(feature_weights="1, 1, 1, 1, 1, 1, 1, 1, 10, 10, 1, 1, 1, 1")}),
        ({}, {"error": ErrorConfig(variance=0.1)}),
    ],
    ids=["a second step", "teacher forcing", "ball weights", "variance"],
)
def test_each_part_of_the_loss_changes_what_is_learned(train, first, second):
    weights = []
    for parts in (first, second):  # on the same batch: the rollouts are equally long
        trainer = train(replace(config(), **parts))
        trainer.update(0)
        weights.append(weights_of(trainer.networks))
    assert not same(*weights)


def test_members_start_apart_and_see_batches_of_their_own(train):
    trainer = train(config(replace(SMALL, members=2), weight_decay=0.0))
    assert trainer.parameters == 2 * train(config()).parameters
    seen = [[], []]
    for member, stacks in zip(trainer.members, seen, strict=True):
        predict = member.predict
        member.predict = lambda memory, stack, action, p=predict, s=stacks: s.append(stack) or p(memory, stack, action)
    trainer.update(0)
    assert [len(stacks[0]) for stacks in seen] == [8, 8]
    assert not torch.equal(seen[0][0], seen[1][0])
    first, second = (weights_of(member) for member in trainer.members)
    assert not same(first, second)


def test_patience_ends_the_training_and_keeps_the_best_weights(train, pong_data):
    episodes = pong_data.episodes[3:]
    parts = config(stop="patience", patience=2, epochs=9, batch_size=1000)
    per_epoch = updates_per_epoch(parts, episodes)
    assert per_epoch == math.ceil(sum(e.stop - e.start for e in episodes) / 1000)
    trainer = train(parts, updates=9 * per_epoch)
    scores, kept = iter([3.0, 1.0, 2.0, 1.5, 0.5]), []

    def validate() -> float:
        kept.append(weights_of(trainer.networks))
        return next(scores)

    fitted = trainer.fit("test", validate)
    assert fitted.updates == 4 * per_epoch
    assert same(weights_of(trainer.networks), kept[1])
    assert not same(kept[1], kept[3])


def test_an_epoch_counts_every_step_that_a_rollout_starts_from(pong_data):
    rows = (slice(0, 1000),)
    assert updates_per_epoch(config(batch_size=10), rows) == 100
    assert updates_per_epoch(config(replace(SMALL, kind="gru"), batch_size=10, context=5), rows) == 20


def test_a_loss_that_is_no_number_is_reported(train):
    trainer = train(config(learning_rate=1e38), updates=50)
    with pytest.raises(DivergedError, match=r"^loss: (nan|inf) at update \d+: the training has diverged$"):
        trainer.fit("test", never)


@pytest.fixture
def cpu(monkeypatch):
    """A CPU clock that goes on with every batch, the first four of which take three times as long."""
    spent = [0.0]
    monkeypatch.setattr("rssm.training.timing.time.process_time", lambda: spent[0])
    batch = ChunkSampler.batch

    def slow(sampler, update):
        spent[0] += 3.0 if update < 4 else 1.0
        return batch(sampler, update)

    monkeypatch.setattr(ChunkSampler, "batch", slow)
    return spent


def test_within_a_budget_the_clock_stops_the_training_and_schedules_follow_its_share(train, cpu, monkeypatch):
    rates = []
    monkeypatch.setattr(
        "rssm.baselines.trainer.learning_rate",
        lambda schedule, update: rates.append(update / schedule.updates) or learning_rate(schedule, update),
    )
    rollout = RolloutConfig("1, 1, 1, 1", truth_start=1.0, truth_end=0.0, curriculum="1, 4")
    trainer = train(config(rollout=rollout), updates=999, budget=40.0)
    fitted = trainer.fit("test", never)
    assert (fitted.updates, fitted.seconds) == (4 + 28, 40.0)
    shares = [0.0, 3 / 40, 6 / 40, 9 / 40, *((12 + n) / 40 for n in range(28))]
    assert rates == pytest.approx(shares, abs=0.02)  # whole updates
    assert [record["update"] for record in fitted.history] == [2, 3, 4, 8, 12, 16, 20, 24, 28, 32]
    assert [record["truth"] for record in fitted.history] == pytest.approx(
        [1 - shares[n - 1] for n in (2, 3, 4, *range(8, 33, 4))]
    )
    lengths = [len(record["step_errors"]) for record in fitted.history]
    assert lengths == [1] * 5 + [4] * 5
