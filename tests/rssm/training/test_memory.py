from dataclasses import replace

import pytest
import torch

from rssm.config import CollectConfig, LossConfig, ModelConfig, TrainConfig, WorldModelConfig
from rssm.errors import UserError
from rssm.games.pong.game import PONG
from rssm.system import memory
from rssm.training.memory import batch_memory, data_memory, model_memory, refuse_collection, refuse_training, sizes

CPU = torch.device("cpu")
CLOSED = LossConfig(open_loop=0.0)
LARGE = ModelConfig(deter=1024, hidden=1024, head_hidden=512)
#: peaks of the resident memory of two updates on a CPU, less what the process had before, in MB
MEASURED = [
    (ModelConfig(), 16, CLOSED, 137),
    (ModelConfig(), 16, LossConfig(), 147),
    (ModelConfig(), 64, CLOSED, 231),
    (LARGE, 16, CLOSED, 656),
    (ModelConfig(), 32, LossConfig(open_loop_starts=16), 263),
    (ModelConfig(likelihood="huber"), 64, LossConfig(), 236),
]
#: of which so much is there before the first update, whatever the sizes: what torch's optimisers import, and the data
ALWAYS = 80


@pytest.mark.parametrize(("model", "batch", "loss", "peak"), MEASURED)
def test_the_estimate_is_within_a_factor_of_two_of_what_was_measured(model, batch, loss, peak):
    parts = model_memory(model, PONG) | batch_memory(model, PONG, batch, 48, loss, "train.batch_size")
    estimate = ALWAYS + sum(parts.values()) / 1e6
    assert peak / 2 < estimate < 2 * peak


def test_weights_are_counted_without_being_made(make_model):
    model = make_model()
    weights, _ = sizes(model.config, PONG)
    # what was seen of the game decides how many outcomes the decoder tells apart, which is all that may differ
    assert weights == pytest.approx(sum(one.numel() for one in model.parameters()), rel=0.5)
    weights, _ = sizes(ModelConfig(deter=16_384, hidden=16_384, layers=64), PONG)  # 140 GB
    assert weights > 64 * 16_384**2


def test_a_batch_needs_as_much_as_it_has_rows():
    one, four = (batch_memory(ModelConfig(), PONG, chunks, 48, CLOSED, "b")["b"] for chunks in (8, 32))
    assert four == 4 * one
    assert batch_memory(ModelConfig(), PONG, 8, 48, LossConfig(open_loop_starts=8), "b")["b"] == 2 * one


def test_data_need_what_their_rows_take_twice():
    assert data_memory(PONG, 1000) == 2 * 1000 * (14 * 4 + 8)


@pytest.fixture
def small_machine(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda device: 4 * 10**9)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"train": TrainConfig(batch_size=65_536)}, "train.batch_size"),
        ({"model": ModelConfig(hidden=16_384, deter=16_384, layers=64)}, "model.deter"),
        ({"data": {"train_steps": 10**8}}, "data.train_steps"),
    ],
)
def test_a_training_that_cannot_fit_is_refused_by_its_setting(small_machine, tmp_path, change, key):
    config = WorldModelConfig()
    data = replace(config.data, train=str(tmp_path / "t"), heldout=str(tmp_path / "h"), **change.pop("data", {}))
    with pytest.raises(UserError, match=rf"^{key}: this needs about [\d,.]+ [GT]B of memory \(.*4\.0 GB are free"):
        refuse_training(replace(config, data=data, **change), CPU, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_default_training_fits_a_small_machine(small_machine):
    refuse_training(WorldModelConfig(), CPU, 2)


def test_a_collection_that_cannot_fit_is_refused(small_machine, tmp_path):
    refuse_collection(CollectConfig(out=str(tmp_path / "d")))
    with pytest.raises(UserError, match=r"^steps: this needs about 13.2 GB of memory"):
        refuse_collection(CollectConfig(out=str(tmp_path / "d"), steps=10**8))
    assert list(tmp_path.iterdir()) == []
