import json
import os
import pickle
import stat

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rssm.errors import CheckpointError
from rssm.games.pong.features import ACTION_NAMES, FEATURE_NAMES
from rssm.training.checkpoint import (
    SCHEMA,
    TRAINER_SCHEMA,
    load_model,
    load_trainer,
    save_model,
    save_trainer,
    sealed,
    weights_of,
)


@pytest.fixture
def saved(tmp_path, make_model):
    path = tmp_path / "model.safetensors"
    model = make_model()
    save_model(path, model, weights_of(model), {"update": 12})
    return path


def _rewrite(path, **changes):
    """The same file with another description; None takes a key out."""
    with safe_open(path, framework="pt") as file:
        description = json.loads(file.metadata()["rssm"]) | changes
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    description = {key: value for key, value in description.items() if value is not None}
    save_file(weights, path, {"rssm": json.dumps(sealed(description, weights))})


def check_refused(path):
    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line


@torch.no_grad()
def test_a_model_predicts_the_same_when_read_back(any_model, chunk, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, any_model, weights_of(any_model), {})
    loaded = load_model(path)
    assert not loaded.training
    assert (loaded.config, loaded.statistics) == (any_model.config, any_model.statistics)
    results = []
    for model in (any_model, loaded):
        torch.manual_seed(0)
        state = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first).states[:, -1]
        imagined = model.imagine(state, chunk.actions[:, :6])
        features = model.features(imagined.states)
        losses = [p.loss(chunk.stacks[:, k]) for k, p in enumerate(imagined.predictions)]
        results.append([imagined.states.stack, model.reward(features), model.continuation(features), *losses])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_the_given_weights_are_kept_not_the_model_s_own(make_model, tmp_path):
    model = make_model()
    average = {name: value + 1.0 for name, value in weights_of(model).items()}
    save_model(tmp_path / "m", model, average, {})
    loaded = load_model(tmp_path / "m").state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in average.items())


def test_weights_of_are_copies(make_model):
    model = make_model()
    weights = weights_of(model)
    before = weights["rssm.start"].clone()
    with torch.no_grad():
        model.rssm.start.add_(1.0)
    assert torch.equal(weights["rssm.start"], before)
    assert not any(weight.requires_grad for weight in weights.values())


def test_the_file_says_what_it_was_made_for(saved, make_model):
    with safe_open(saved, framework="pt") as file:
        description = json.loads(file.metadata()["rssm"])
    assert description["schema"] == SCHEMA
    assert description["features"] == list(FEATURE_NAMES)
    assert description["actions"] == list(ACTION_NAMES)
    assert description["model"]["deter"] == make_model().config.deter
    assert description["update"] == 12


def test_others_may_read_the_file(saved):
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~mask


def test_a_missing_model_is_refused(tmp_path):
    assert "there is no such file" in check_refused(tmp_path / "model.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_damaged_model_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    assert "expected a safetensors file, it cannot be read" in check_refused(saved)


def test_a_file_that_is_none_is_refused(saved):
    saved.write_text("once upon a time there was a model")
    assert "expected a safetensors file" in check_refused(saved)


def test_weights_without_a_description_are_refused(saved):
    save_file({"x": torch.zeros(1)}, saved)
    assert "expected a world model's description in the metadata, found none" in check_refused(saved)
    save_file({"x": torch.zeros(1)}, saved, {"rssm": "{half"})
    assert "it cannot be read" in check_refused(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", SCHEMA + 1),
        ("features", ["ball_x"]),
        ("features", list(reversed(FEATURE_NAMES))),
        ("actions", [*ACTION_NAMES[:5], "JUMP"]),
        ("actions", None),
    ],
)
def test_a_model_of_something_else_is_refused(saved, key, value):
    _rewrite(saved, **{key: value})
    line = check_refused(saved)
    assert f"expected {key} " in line
    assert line.endswith(f"it was made for {value or 'nothing'}")


def _sizes(saved, **changes):
    with safe_open(saved, framework="pt") as file:
        return json.loads(file.metadata()["rssm"])["model"] | changes


def _outcomes(saved, moves):
    with safe_open(saved, framework="pt") as file:
        return json.loads(file.metadata()["rssm"])["statistics"] | {"moves": moves}


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: {"model": _sizes(saved, deter=32)},
        lambda saved: {"model": _sizes(saved, depth=3)},
        lambda saved: {"model": _sizes(saved, deter=0)},
        lambda saved: {"model": None},
        lambda saved: {"statistics": {"mean": [0.0]}},
        lambda saved: {"statistics": _outcomes(saved, [[]])},
    ],
    ids=["other size", "unknown setting", "impossible size", "no sizes", "half the statistics", "too few outcomes"],
)
def test_weights_that_do_not_fit_the_description_are_refused(saved, change):
    _rewrite(saved, **change(saved))
    assert "its weights do not fit its own description" in check_refused(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(saved, make_model, value):
    model = make_model()
    weights = weights_of(model)
    weights["rssm.start"].view(-1)[3] = value
    save_model(saved, model, weights, {})
    line = check_refused(saved)
    assert f"rssm.start: expected finite numbers, 1 of {weights['rssm.start'].numel()} are not" in line


@pytest.mark.parametrize(("key", "value"), [("std", 0.0), ("std", float("nan")), ("mean", float("inf")), ("low", "1")])
def test_statistics_that_cannot_be_are_refused_by_name(saved, key, value):
    with safe_open(saved, framework="pt") as file:
        statistics = json.loads(file.metadata()["rssm"])["statistics"]
    statistics[key][2] = value
    _rewrite(saved, statistics=statistics)
    line = check_refused(saved)
    assert f"statistics: {key}[2]: expected a finite number" in line or "is no number" in line


def test_every_flipped_bit_is_seen(saved):
    whole = saved.read_bytes()
    places = [*range(0, len(whole), 997), *range(8, 200), len(whole) - 1]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        saved.write_bytes(damaged)
        check_refused(saved)
    saved.write_bytes(whole)
    load_model(saved)


def test_a_file_that_asks_for_a_huge_model_is_refused_before_it_is_made(saved):
    _rewrite(saved, model=_sizes(saved, deter=16_384, hidden=16_384, layers=64))  # 70 GB
    assert "expected torch.float32 of shape" in check_refused(saved)


def test_a_file_from_before_there_were_checksums_is_read(saved):
    with safe_open(saved, framework="pt") as file:
        description = json.loads(file.metadata()["rssm"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    del description["sha256"]
    save_file(weights, saved, {"rssm": json.dumps(description | {"schema": 1})})
    assert torch.equal(load_model(saved).rssm.start, weights["rssm.start"])
    save_file(weights, saved, {"rssm": json.dumps(description)})  # but not one that has lost its own
    assert "its checksum differs" in check_refused(saved)


STATE = {"update": 3, "best": {"w": torch.ones(2)}, "moves": ((1.0, 2.0), ()), "score": float("inf")}


class TestTrainer:
    def test_round_trip(self, tmp_path):
        path = tmp_path / "trainer.pt"
        save_trainer(path, STATE)
        loaded = load_trainer(path)
        assert loaded["update"] == 3
        assert torch.equal(loaded["best"]["w"], torch.ones(2))
        assert loaded["moves"] == ((1.0, 2.0), ())
        assert torch.load(path, weights_only=True)["score"] == float("inf")

    def test_nothing_but_plain_values_is_ever_loaded(self, tmp_path):
        path = tmp_path / "trainer.pt"
        torch.save({"schema": TRAINER_SCHEMA, "path": tmp_path}, path)  # an object of another class
        self.check_refused(path)

    @pytest.mark.parametrize("keep", [0, 100, -200, -1])
    def test_a_damaged_file_is_refused(self, tmp_path, keep):
        path = tmp_path / "trainer.pt"
        save_trainer(path, STATE)
        path.write_bytes(path.read_bytes()[:keep])
        self.check_refused(path)

    def test_one_wrong_bit_is_refused(self, tmp_path):
        path = tmp_path / "trainer.pt"
        save_trainer(path, STATE)
        content = bytearray(path.read_bytes())
        content[content.index(torch.ones(2).numpy().tobytes()) + 2] ^= 0x40  # one bit of a weight
        path.write_bytes(content)
        self.check_refused(path)

    def test_another_file_is_refused(self, tmp_path):
        path = tmp_path / "trainer.pt"
        self.check_refused(path)
        path.write_text("once upon a time")
        self.check_refused(path)
        path.write_bytes(pickle.dumps({"schema": TRAINER_SCHEMA}))
        self.check_refused(path)
        torch.save(torch.ones(3), path)
        assert f"expected a trainer's state of schema {TRAINER_SCHEMA}, got schema None" in self.check_refused(path)
        for schema in (1, TRAINER_SCHEMA + 1):
            torch.save({"schema": schema}, path)
            line = self.check_refused(path)
            assert f"got schema {schema}; another release wrote it: go on with that one, or start in another" in line

    @staticmethod
    def check_refused(path):
        with pytest.raises(CheckpointError) as caught:
            load_trainer(path)
        assert str(caught.value).startswith(f"{path}: expected a trainer's state")
        assert "\n" not in str(caught.value)
        return str(caught.value)
