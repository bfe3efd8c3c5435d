import copy
import io
import itertools
import math

import pytest
import torch
from torch import nn

from rssm.config import TrainConfig
from rssm.model.networks import MLP
from rssm.training.optimizer import Optimizer, hidden_matrices, learning_rate


class TestLearningRate:
    config = TrainConfig(updates=1000, learning_rate=2e-3, warmup=100, final_learning_rate=0.1)

    @pytest.mark.parametrize(
        ("update", "share"),
        [
            (0, 1 / 100),
            (49, 50 / 100 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.049)))),
            (99, 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 0.099))),
            (500, 0.1 + 0.9 * 0.5),
            (1000, 0.1),
            (5000, 0.1),
        ],
    )
    def test_by_hand(self, update, share):
        assert learning_rate(self.config, update) == pytest.approx(2e-3 * share, rel=1e-9)

    def test_rises_during_the_warm_up_and_falls_after_it(self):
        rates = [learning_rate(self.config, update) for update in range(1001)]
        assert all(a < b for a, b in itertools.pairwise(rates[:100]))
        assert all(a > b for a, b in itertools.pairwise(rates[100:]))

    def test_it_can_fall_at_the_end_alone(self):
        config = TrainConfig(updates=1_000, warmup=0, learning_rate=1.0, final_learning_rate=0.2, decay=0.25)
        rates = [learning_rate(config, update) for update in (0, 400, 750, 875, 1_000)]
        assert rates == pytest.approx([1.0, 1.0, 1.0, 0.2 + 0.8 * 0.5, 0.2])
        whole = TrainConfig(updates=250, warmup=0, learning_rate=1.0, final_learning_rate=0.2)
        late = [learning_rate(config, 750 + update) for update in range(251)]
        assert late == pytest.approx([learning_rate(whole, update) for update in range(251)])

    def test_without_a_warm_up_it_starts_at_the_peak(self):
        assert learning_rate(TrainConfig(warmup=0, learning_rate=1e-2), 0) == 1e-2


def _parameters(module):
    return [parameter.detach().clone() for parameter in module.parameters()]


def _step(model, optimizer, update, factor=1.0):
    loss = factor * sum((p * torch.linspace(-1, 1, p.numel()).view_as(p)).sum() for p in model.parameters())
    norm = optimizer.gradient(loss)
    optimizer.step(norm, update)
    return norm


def test_the_schedule_is_counted_in_updates(make_model):
    config = TrainConfig(updates=10, warmup=4, learning_rate=1e-2, muon_factor=3.0)
    optimizer = Optimizer(model := make_model(), config)
    for update in range(10):
        _step(model, optimizer, update)
        rate = learning_rate(config, update)
        assert [group["lr"] for group in optimizer.adam.param_groups] == [rate]
        assert [group["lr"] for group in optimizer.muon.param_groups] == [3.0 * rate]


def test_every_parameter_has_one_optimiser(any_model):
    hidden, rest = hidden_matrices(any_model)
    assert sorted(map(id, [*hidden, *rest])) == sorted(map(id, any_model.parameters()))
    assert all(parameter.ndim == 2 for parameter in hidden)
    name_of = {id(parameter): name for name, parameter in any_model.named_parameters()}
    matrices = {name_of[id(parameter)] for parameter in hidden}
    assert {"rssm.gru.weight_ih_l0", "rssm.gru.weight_hh_l0", "encoder.network.layers.0.weight"} <= matrices
    for name, module in any_model.named_modules():
        if isinstance(module, MLP):
            *inner, last = [
                f"{name}.layers.{i}.weight" for i, m in enumerate(module.layers) if isinstance(m, nn.Linear)
            ]
            assert set(inner) <= matrices
            ends_hidden = isinstance(module.layers[-1], nn.SiLU)
            assert (last in matrices) == ends_hidden, name
    assert "rssm.start" not in matrices


def test_a_hidden_matrix_learns_at_the_same_pace_in_every_direction(make_model):
    model = make_model()
    config = TrainConfig(updates=10, warmup=0, learning_rate=1e-3, muon_factor=2.0)
    weight = model.reward_head.layers[0].weight
    before = weight.detach().clone()
    torch.manual_seed(0)
    slope = torch.randn_like(weight) * torch.logspace(-2, 0, len(weight)).unsqueeze(-1)  # directions 100 times apart
    spread = torch.linalg.svdvals(slope)
    assert spread[0] > 50 * spread[-1]
    optimizer = Optimizer(model, config)
    optimizer.step(optimizer.gradient((weight * slope).sum()), 0)
    change = weight.detach() - before
    sizes = torch.linalg.svdvals(change)
    assert sizes[0] < 3 * sizes[-1]
    assert (change * slope).sum() < 0
    # as large as Adam's steps usually are: a fifth of the learning rate
    assert change.square().mean().sqrt().item() == pytest.approx(0.2 * 2e-3, rel=0.3)


def test_the_gradient_is_clipped_to_its_norm(make_model):
    model = make_model()
    optimizer = Optimizer(model, TrainConfig(clip=0.5))

    def norm():
        return torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()

    full = math.sqrt(sum(torch.linspace(-1, 1, p.numel()).square().sum().item() for p in model.parameters()))
    returned = _step(model, optimizer, 0)
    assert returned.item() == pytest.approx(full, rel=1e-4)  # the norm before clipping
    assert norm() == pytest.approx(0.5, rel=1e-4)
    _step(model, optimizer, 1, factor=0.1 / full)  # a small one is left alone
    assert norm() == pytest.approx(0.1, rel=1e-4)


def test_adam_moves_each_parameter_by_the_learning_rate_at_first(make_model):
    model = make_model()
    _, rest = hidden_matrices(model)
    before = [parameter.detach().clone() for parameter in rest]
    _step(model, Optimizer(model, TrainConfig(updates=10, warmup=0, learning_rate=1e-3, clip=1e9)), 0)
    for old, new in zip(before, rest, strict=True):
        slope = torch.linspace(-1, 1, old.numel()).view_as(old)
        moved = slope.abs() > 1e-3
        assert torch.allclose((new - old)[moved], -1e-3 * slope.sign()[moved], rtol=1e-2)


@pytest.mark.parametrize("ema", [0.3, 0.999])
def test_the_average_by_hand(make_model, ema):
    model = make_model()
    optimizer = Optimizer(model, TrainConfig(ema=ema, learning_rate=1e-2, warmup=0))
    average = _parameters(model)
    for update in range(4):
        _step(model, optimizer, update)
        decay = min(ema, (1 + update) / (10 + update))
        average = [decay * a + (1 - decay) * p for a, p in zip(average, _parameters(model), strict=True)]
    for expected, found in zip(average, _parameters(optimizer.average), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)
    assert not any(p.requires_grad for p in optimizer.average.parameters())


def test_without_averaging_the_model_is_its_own_average(make_model):
    model = make_model()
    assert Optimizer(model, TrainConfig(ema=0.0)).average is model


def test_weight_decay_shrinks_the_weights_apart_from_the_gradient(make_model):
    plain, decayed = make_model(), make_model()
    start = {name: parameter.detach().clone() for name, parameter in plain.named_parameters()}
    config = {"updates": 10, "warmup": 0, "learning_rate": 1e-2, "muon_factor": 3.0}
    for model, decay in ((plain, 0.0), (decayed, 0.1)):
        _step(model, Optimizer(model, TrainConfig(weight_decay=decay, **config)), 0)
    faster = set(map(id, hidden_matrices(decayed)[0]))
    for (name, a), b in zip(plain.named_parameters(), decayed.parameters(), strict=True):
        rate = 3e-2 if id(b) in faster else 1e-2
        assert torch.allclose(b - a, -rate * 0.1 * start[name], atol=1e-6), name


def test_a_restored_optimiser_takes_the_same_next_step(make_model):
    config = TrainConfig(updates=10, warmup=2, learning_rate=1e-2)
    one, other = make_model(), make_model()
    first, second = Optimizer(one, config), Optimizer(other, config)
    for update in range(3):
        _step(one, first, update)
    saved = io.BytesIO()
    torch.save({"model": one.state_dict(), "optimizer": first.state_dict()}, saved)
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    other.load_state_dict(state["model"])
    second.load_state_dict(state["optimizer"])
    for model, optimizer in ((one, first), (other, second)):
        _step(model, optimizer, 3)
    assert all(torch.equal(a, b) for a, b in zip(_parameters(one), _parameters(other), strict=True))
    averages = _parameters(first.average), _parameters(second.average)
    assert all(torch.equal(a, b) for a, b in zip(*averages, strict=True))


def test_the_average_shares_nothing_with_the_model(make_model):
    model = make_model()
    optimizer = Optimizer(model, TrainConfig())
    before = copy.deepcopy(optimizer.average.state_dict())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    assert all(torch.equal(before[name], value) for name, value in optimizer.average.state_dict().items())
