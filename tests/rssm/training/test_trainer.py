import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from rssm.config import LogConfig, LossConfig, ModelConfig, TrainConfig, WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.errors import CheckpointError, UserError
from rssm.games.pong.game import PONG
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.world_model import WorldModel
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE, load_model, load_trainer
from rssm.training.trainer import SCORE, Trainer

TRAIN = TrainConfig(
    updates=12, batch_size=4, chunk_length=10, warmup=2, ema=0.9, evaluate_every=3, checkpoint_every=4, log_every=2
)


class Scores:
    """An evaluation that answers what it is told to, and keeps the weights that it was asked about."""

    def __init__(self, *scores):
        self.scores, self.seen = list(scores), []

    def __call__(self, model):
        self.seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {SCORE: self.scores[min(len(self.seen), len(self.scores)) - 1]}


@pytest.fixture
def make_trainer(tmp_path, pong_data, pong_statistics, tiny_sizes):
    """Makes trainers of the folder ``run``, with settings of TrainConfig changed by name."""

    def make(evaluate=None, loss=None, seed=0, statistics=pong_statistics, run="run", deter=16, **changes):
        config = WorldModelConfig(
            seed=seed,
            model=ModelConfig(**(tiny_sizes | {"deter": deter})),
            loss=loss or LossConfig(open_loop_starts=1),
            train=dataclasses.replace(TRAIN, **changes),
        )
        folder = tmp_path / run
        folder.mkdir(exist_ok=True)
        torch.manual_seed(seed)
        model = WorldModel(config.model, PONG, statistics)
        sampler = ChunkSampler(pong_data, config.train.batch_size, config.train.chunk_length, seed)
        return Trainer(folder, config, model, sampler, evaluate or Scores(5.0))

    return make


def train(trainer):
    with Tracker(trainer.run, LogConfig(), {}, trainer.update or None) as tracker:
        return trainer.train(tracker)


def metrics(trainer):
    return [json.loads(line) for line in (trainer.run / METRICS_FILE).read_text().splitlines()]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def everything(trainer):
    """Copies of all that an update changes."""
    state = [trainer.model.state_dict(), trainer.optimizer.state_dict()]
    return [leaf.clone() for leaf in torch.utils._pytree.tree_leaves(state) if isinstance(leaf, torch.Tensor)]


class Interrupted(Exception):
    """What a test throws into a training."""


def stop_at(trainer, update):
    """Have the training fail just before an update."""
    batch = trainer.sampler.batch

    def interrupted(number, part):
        if number == update:
            raise Interrupted
        return batch(number, part)

    trainer.sampler.batch = interrupted


def test_what_was_logged_is_on_the_disk_before_the_checkpoint(make_trainer, monkeypatch):
    """A power cut may lose what is not: a run that goes on would have a gap there."""
    order, trainer = [], make_trainer(updates=4, checkpoint_every=2)
    sync, save = Tracker.sync, Trainer.save
    monkeypatch.setattr(Tracker, "sync", lambda tracker: (order.append("log"), sync(tracker)))
    monkeypatch.setattr(Trainer, "save", lambda trainer: (order.append("checkpoint"), save(trainer)))
    train(trainer)
    assert order == ["log", "checkpoint"] * 3  # after two updates, after four, at the end


def test_a_training_learns_something(make_trainer):
    trainer = make_trainer(updates=40, batch_size=8, learning_rate=1e-2, log_every=1, evaluate_every=40)
    train(trainer)
    loss = [row["train/loss"] for row in metrics(trainer) if "train/loss" in row]
    assert np.mean(loss[-5:]) < 0.7 * loss[0]


def test_every_term_is_logged_on_its_own_at_its_updates(make_trainer):
    trainer = make_trainer()
    train(trainer)
    terms = [row for row in metrics(trainer) if "train/loss" in row]
    assert [row["update"] for row in terms] == [2, 4, 6, 8, 10, 12]
    names = ("reconstruction", "dynamics", "representation", "reward", "continue", "open_loop")
    for row in terms:
        assert row.keys() >= {f"train/{name}" for name in (*names, "gradient_norm", "learning_rate")}
    loss = trainer.config.loss
    scales = (*(getattr(loss, name) for name in names[:4]), loss.continuation, loss.open_loop)
    total = sum(scale * terms[0][f"train/{name}"] for scale, name in zip(scales, names, strict=True))
    assert terms[0]["train/loss"] == pytest.approx(total, rel=1e-5)
    assert [row["update"] for row in metrics(trainer) if SCORE in row] == [3, 6, 9, 12]


def test_the_last_update_is_evaluated_whatever_the_interval(make_trainer):
    trainer = make_trainer(evaluate_every=5)
    train(trainer)
    assert [row["update"] for row in metrics(trainer) if SCORE in row] == [5, 10, 12]


def test_an_evaluation_is_logged_with_the_real_steps_and_then_shown(make_trainer, pong_data):
    trainer, shown = make_trainer(evaluate_every=5), []
    trainer.show = lambda tracker, update: shown.append((update, json.loads(tracker.path.read_text().splitlines()[-1])))
    train(trainer)
    assert [update for update, _ in shown] == [5, 10, 12]
    long_enough = sum(rows.stop - rows.start for rows in pong_data.episodes if rows.stop - rows.start >= 10)
    for update, row in shown:
        assert row == {"update": update, SCORE: 5.0, "env_steps": long_enough}


@pytest.mark.parametrize(("keep", "kept"), [("best", 1), ("last", 3)])
def test_the_best_or_the_last_weights_are_kept(make_trainer, keep, kept):
    scores = Scores(5.0, 2.0, 3.0, 2.0)
    trainer = make_trainer(scores, keep=keep)
    model = train(trainer)
    assert (trainer.best_score, trainer.best_update) == (2.0, 6)
    assert same(model.state_dict(), scores.seen[kept])
    assert not same(scores.seen[1], scores.seen[3])
    assert same(load_model(trainer.run / MODEL_FILE).state_dict(), scores.seen[kept])
    assert not model.training


def test_the_averaged_weights_are_evaluated(make_trainer):
    scores = Scores(5.0)
    trainer = make_trainer(scores, updates=3)
    raw = []
    batch = trainer.sampler.batch
    weight = trainer.model.rssm.gru.weight_hh_l0
    trainer.sampler.batch = lambda n, part: (raw.append(weight.detach().clone()), batch(n, part))[1]
    train(trainer)
    average = raw[0]
    steps = [*raw[1:], load_trainer(trainer.run / TRAINER_FILE)["model"]["rssm.gru.weight_hh_l0"]]
    for update, weight in enumerate(steps):
        decay = min(0.9, (1 + update) / (10 + update))
        average = decay * average + (1 - decay) * weight
    assert torch.allclose(scores.seen[0]["rssm.gru.weight_hh_l0"], average, atol=1e-6)


def test_before_the_first_evaluation_the_newest_weights_are_kept(make_trainer):
    trainer = make_trainer(evaluate_every=12, checkpoint_every=5, keep="best")
    stop_at(trainer, 6)
    with pytest.raises(Interrupted):
        train(trainer)
    state = load_trainer(trainer.run / TRAINER_FILE)
    assert state["update"] == 5
    kept = load_model(trainer.run / MODEL_FILE).state_dict()
    assert same(kept, state["optimizer"]["average"])


@pytest.mark.parametrize(("patience", "stops"), [(1, 9), (2, 12), (0, 30)])
def test_training_stops_when_patience_is_out(make_trainer, patience, stops):
    scores = Scores(5.0, 2.0, 3.0, 2.5, 2.2)
    trainer = make_trainer(scores, updates=30, patience=patience, keep="best")
    train(trainer)
    assert trainer.update == stops
    assert load_trainer(trainer.run / TRAINER_FILE)["update"] == stops
    assert same(load_model(trainer.run / MODEL_FILE).state_dict(), scores.seen[1])


def test_a_new_best_score_renews_the_patience(make_trainer):
    trainer = make_trainer(Scores(5.0, 6.0, 4.0, 6.0, 3.0, 6.0, 6.0, 1.0), updates=30, patience=2)
    train(trainer)
    assert (trainer.update, trainer.best_update) == (21, 15)


def test_a_training_that_ran_out_of_patience_does_not_go_on_when_resumed(make_trainer):
    train(make_trainer(Scores(1.0, 2.0), updates=30, patience=1))
    again = make_trainer(Scores(0.0), updates=30, patience=1)
    model = train(again)
    assert again.update == 6
    assert same(model.state_dict(), load_model(again.run / MODEL_FILE).state_dict())


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_after_an_evaluation_training_goes_on_in_training_mode(make_trainer, ema):
    """cuDNN's GRU has no gradient in evaluation mode."""

    def evaluate(model):
        model.eval()
        return {SCORE: 1.0}

    trainer = make_trainer(evaluate, ema=ema, updates=5)
    batch, modes = trainer.sampler.batch, []
    trainer.sampler.batch = lambda n, part: (modes.append(trainer.model.training), batch(n, part))[1]
    assert not train(trainer).training
    assert modes == [True] * 5


def test_what_is_drawn_outside_changes_nothing(make_trainer):
    weights = []
    for seed in (1, 2):
        trainer = make_trainer(run=f"run{seed}", updates=2)
        torch.manual_seed(seed)
        weights.append(train(trainer).state_dict())
    assert same(*weights)


@pytest.mark.parametrize("stop", [1, 4, 5, 7, 11])
def test_a_resumed_training_ends_the_same(make_trainer, stop):
    """Interrupted before the first checkpoint, right after one, and between two."""
    whole = make_trainer(Scores(5.0, 4.0, 6.0, 3.0), run="whole")
    expected = train(whole)
    first = make_trainer(Scores(5.0, 4.0, 6.0, 3.0), run="parts")
    stop_at(first, stop)
    with pytest.raises(Interrupted):
        train(first)
    scored = stop // 4 * 4 // 3  # evaluations up to the checkpoint that it goes on from
    torch.manual_seed(99)
    second = make_trainer(Scores(*[5.0, 4.0, 6.0, 3.0][scored:]), run="parts")
    assert second.update == stop // 4 * 4
    found = train(second)
    assert same(found.state_dict(), expected.state_dict())
    one, other = (load_trainer(trainer.run / TRAINER_FILE) for trainer in (whole, second))
    assert same(one["model"], other["model"])
    assert one.keys() == other.keys()
    assert (whole.run / METRICS_FILE).read_text() == (second.run / METRICS_FILE).read_text()


def _poison_parameter(trainer):
    with torch.no_grad():
        trainer.model.rssm.gru.weight_hh_l0[0, 0] = math.nan


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize("poison", ["parameter", "batch"])
def test_a_loss_that_is_no_number_stops_the_training(make_trainer, poison, checkpoint):
    trainer = make_trainer(evaluate_every=3)
    batch, bad = trainer.sampler.batch, 6 if checkpoint else 2

    def poisoned(update, part):
        chunk = batch(update, part)
        if update == bad and poison == "parameter":
            _poison_parameter(trainer)
        if update == bad and poison == "batch":
            chunk = dataclasses.replace(chunk, rewards=chunk.rewards * math.nan)
        if update == bad:
            kept.extend((path, path.read_bytes()) for path in trainer.run.iterdir() if path.name != METRICS_FILE)
        return chunk

    kept = []
    trainer.sampler.batch = poisoned
    with pytest.raises(UserError) as caught:
        train(trainer)
    line = str(caught.value)
    assert line.startswith(f"loss: nan at update {bad}: expected finite numbers; lower train.learning_rate")
    assert "\n" not in line
    if checkpoint:
        assert f"the last good checkpoint is kept in {trainer.run}" in line
        assert {path.name for path, _ in kept} == {MODEL_FILE, TRAINER_FILE}
    else:
        assert "nothing was kept yet" in line
        assert kept == []
    assert all(path.read_bytes() == content for path, content in kept)
    resumed = make_trainer()
    assert resumed.update == (4 if checkpoint else 0)
    assert all(torch.isfinite(value).all() for value in train(resumed).state_dict().values())


def test_a_gradient_that_is_no_number_stops_the_training(make_trainer):
    trainer = make_trainer()
    parameter = trainer.model.rssm.start
    parameter.register_hook(lambda gradient: gradient * (math.inf if trainer.update == 5 else 1.0))
    batch, seen = trainer.sampler.batch, []
    trainer.sampler.batch = lambda n, part: (seen.append(everything(trainer)), batch(n, part))[1]
    with pytest.raises(UserError, match=r"gradient: (nan|inf) at update 5: expected finite numbers"):
        train(trainer)
    assert load_trainer(trainer.run / TRAINER_FILE)["update"] == 4
    # weights, momenta and averages are those of before the update
    for one, other in zip(everything(trainer), seen[-1], strict=True):
        assert torch.equal(one, other)


def test_other_settings_are_refused_and_nothing_is_written(make_trainer):
    trainer = make_trainer()
    train(trainer)
    before = {path: path.read_bytes() for path in trainer.run.iterdir()}
    path = trainer.run / TRAINER_FILE
    cases = {
        "updates 12, not 20": {"updates": 20},
        "deter 16, not 20": {"deter": 20},
        "free_nats 0.0, not 1.0": {"loss": LossConfig(open_loop_starts=1, free_nats=1.0)},
        "seed 0, not 3": {"seed": 3},
    }
    for what, changes in cases.items():
        with pytest.raises(CheckpointError) as caught:
            make_trainer(**changes)
        expected = "expected the same settings to go on, or another run folder"
        assert str(caught.value) == f"{path}: was trained with {what}; {expected}"
    assert {path: path.read_bytes() for path in trainer.run.iterdir()} == before


def test_other_data_are_refused(make_trainer, pong_statistics):
    train(make_trainer())
    other = FeatureStatistics.from_dict(pong_statistics.to_dict() | {"mean": [0.0] * 14})
    with pytest.raises(CheckpointError, match="was trained on other data; expected the same data to go on") as caught:
        make_trainer(statistics=other)
    assert "\n" not in str(caught.value)


def test_the_trainer_s_state_holds_plain_values_only(make_trainer):
    trainer = make_trainer()
    train(trainer)
    state = torch.load(trainer.run / TRAINER_FILE, weights_only=True)
    assert state["update"] == 12
    assert state["seconds"] > 0
