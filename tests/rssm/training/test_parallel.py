"""Trainings that several processes share come to what one process comes to."""

import dataclasses
import itertools
import json
import os
from pathlib import Path

import pytest
import torch

from rssm.config import LogConfig, LossConfig, ModelConfig, TrainConfig, WorldModelConfig
from rssm.data.chunks import ChunkSampler
from rssm.games.pong.game import PONG
from rssm.model.world_model import WorldModel
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import TRAINER_FILE, load_trainer
from rssm.training.group import ALONE, Group
from rssm.training.step import train_step
from rssm.training.trainer import SCORE, Trainer

TRAIN = TrainConfig(
    updates=7,
    batch_size=5,
    chunk_length=8,
    warmup=2,
    ema=0.9,
    evaluate_every=3,
    checkpoint_every=2,
    log_every=1,
    muon_precision="float32",
)
LOSS = LossConfig(open_loop_starts=2, foreign_past=0.7)


@pytest.fixture
def make_trainer(tmp_path, pong_data, pong_statistics, tiny_sizes):
    def make(group=ALONE, run="run", scores=(3.0, 2.0, 4.0), posterior="decoupled", **changes):
        settings = dataclasses.replace(TRAIN, **changes)
        config = WorldModelConfig(model=ModelConfig(posterior=posterior, **tiny_sizes), loss=LOSS, train=settings)
        (tmp_path / run).mkdir(exist_ok=True)
        torch.manual_seed(group.rank)  # the first one's weights count
        model = WorldModel(config.model, PONG, pong_statistics)
        # beginnings of games of 40 and 25 rows: many chunks end with a game, so that the parts' masks differ
        episodes = [pong_data.episodes[0], pong_data.episodes[2]]
        sampler = ChunkSampler(pong_data, settings.batch_size, settings.chunk_length, 0, episodes)
        left = itertools.chain(scores, itertools.repeat(9.0))
        return Trainer(tmp_path / run, config, model, sampler, lambda _: {SCORE: next(left)}, group)

    return make


def _run(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Train as this process of the group has to; the weights that it ends with, not the averaged ones."""
    weights: dict[str, torch.Tensor] = {}
    if trainer.group.is_first:
        with Tracker(trainer.run, LogConfig(), {}, trainer.update or None) as tracker:
            trainer.train(tracker)
        weights |= load_trainer(trainer.run / TRAINER_FILE)["model"]
    else:
        trainer.assist()
        weights |= trainer.model.state_dict()
    return weights


def _assert_near(found, expected):
    assert found.keys() == expected.keys()
    for name in found:
        a, b = found[name], expected[name]
        if name == "decoder.contact.read.layers.3.bias":
            # its last entry shifts every view's attention alike: no gradient but rounding, which Adam makes large
            a, b = a[:-1], b[:-1]
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize(("posterior", "sizes"), [("decoupled", (2, 3)), ("coupled", (2,))])
def test_one_two_and_three_processes_agree_to_rounding(make_trainer, together, posterior, sizes, tmp_path):
    alone = _run(make_trainer(run="1", posterior=posterior))
    for size in sizes:
        everyone = together(size, lambda group, size=size: _run(make_trainer(group, str(size), posterior=posterior)))
        for weights in everyone:
            _assert_near(weights, alone)
            assert all(torch.equal(weights[name], everyone[0][name]) for name in weights)  # all have the same bits
        one, other = (load_trainer(tmp_path / run / TRAINER_FILE) for run in ("1", str(size)))
        _assert_near(other["optimizer"]["average"], one["optimizer"]["average"])
        rows = [_rows(tmp_path / run) for run in ("1", str(size))]
        for a, b in zip(*rows, strict=True):
            assert a == pytest.approx(b, rel=2e-4, abs=1e-5)


def _rows(run: Path):
    return [json.loads(line) for line in (run / METRICS_FILE).read_text().splitlines()]


def test_a_part_s_loss_is_its_share_of_the_whole_batch_s(make_trainer, together):
    """Parts with few entries that count must not count for more: the gradients of one update, by far more exact."""

    def gradients(group: Group):
        trainer = make_trainer(group, batch_size=3)
        captured = []
        parameters = list(trainer.model.parameters())
        trainer.optimizer.step = lambda norm, update: captured.extend(p.grad.clone() for p in parameters)
        for update in range(2):
            terms = train_step(trainer.optimizer, trainer.sampler, LOSS, 7 + update, update)
        return captured, terms

    alone, terms = gradients(ALONE)
    for found, found_terms in together(2, gradients):
        for one, other in zip(found, alone, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
        assert found_terms == pytest.approx(terms, rel=1e-5)


@pytest.mark.parametrize("sizes", [(2, 2), (1, 2), (3, 1)])
def test_it_goes_on_with_more_or_fewer_processes(make_trainer, together, sizes, tmp_path):
    def begin(group: Group):
        trainer = make_trainer(group, "parts")
        batch = trainer.sampler.batch

        def stop(update, part):
            if update == 5:
                raise RuntimeError("stopped")
            return batch(update, part)

        trainer.sampler.batch = stop
        return _run(trainer)

    def go_on(group: Group):
        trainer = make_trainer(group, "parts", scores=(2.0, 4.0))
        assert trainer.update == 4
        return _run(trainer)

    assert together(sizes[0], begin) == ["RuntimeError: stopped"] * sizes[0]
    found = together(sizes[1], go_on)[0]
    expected = together(sizes[1], lambda group: _run(make_trainer(group, "whole")))[0]
    if sizes[0] == sizes[1]:
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert _rows(tmp_path / "parts") == _rows(tmp_path / "whole")
    else:
        _assert_near(found, expected)


def test_where_a_process_is_gone_all_updates_so_far_are_kept(make_trainer, together, tmp_path):
    def work(group: Group):
        trainer = make_trainer(group, "parts", checkpoint_every=100)
        if not group.is_first:
            batch = trainer.sampler.batch
            trainer.sampler.batch = lambda n, part: batch(n, part) if n < 5 else os._exit(1)
        return _run(trainer)

    line = together(2, work)[0]
    run = tmp_path / "parts"
    assert line == (
        "LostProcessError: workers: a process of this training was killed (out of memory?); 5 updates are kept in "
        f"{run}: start the same command again to go on"
    )
    found = together(2, lambda group: _run(make_trainer(group, "parts", scores=(2.0, 4.0), checkpoint_every=100)))[0]
    expected = together(2, lambda group: _run(make_trainer(group, "whole", checkpoint_every=100)))[0]
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert _rows(run) == _rows(tmp_path / "whole")


def test_patience_ends_it_for_all(make_trainer, together):
    def work(group: Group):
        trainer = make_trainer(group, patience=1, keep="best", updates=30, scores=(3.0, 2.0, 2.5))
        _run(trainer)
        return trainer.update

    assert together(2, work) == [9, 9]
