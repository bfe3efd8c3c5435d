import math

import pytest
import torch
from torch import nn

from rssm.errors import LostProcessError
from rssm.training.group import ALONE, Group
from rssm.training.muon import Muon, orthogonalize, pick_precision, share_out

SHAPES = [(24, 40), (40, 24), (24, 40), (16, 16), (16, 16), (5, 90), (90, 7)]
CPU = torch.device("cpu")


def _parameters():
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(shape)) for shape in SHAPES]


def _make(parameters, precision, rate=1e-2, **settings):
    optimizer = Muon(parameters, precision, **settings)
    optimizer.param_groups[0]["lr"] = rate
    return optimizer


def _walk(optimizer, parameters, steps=4):
    torch.manual_seed(1)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    return [parameter.detach() for parameter in parameters]


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_in_bfloat16_it_is_torch_s_muon(weight_decay):
    ours, theirs = _parameters(), _parameters()
    settings = {"lr": 1e-2, "weight_decay": weight_decay, "adjust_lr_fn": "match_rms_adamw"}
    found = _walk(_make(ours, torch.bfloat16, weight_decay=weight_decay), ours)
    for one, other in zip(found, _walk(torch.optim.Muon(theirs, **settings), theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)  # a step is 100 times as large


def test_float32_and_bfloat16_go_the_same_way():
    torch.manual_seed(0)
    matrices = [torch.randn(shape) for shape in SHAPES]
    fine, coarse = orthogonalize(matrices, torch.float32), orthogonalize(matrices, torch.bfloat16)
    for one, other in zip(fine, coarse, strict=True):
        assert (one.dtype, other.dtype) == (torch.float32, torch.bfloat16)
        assert torch.cosine_similarity(one.flatten(), other.float().flatten(), 0) > 0.995


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_values_come_near_one_and_directions_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalize([matrix], torch.float32)[0]
    inner = u.T @ found @ vh.T
    sizes = inner.diagonal()
    assert (inner - sizes.diag()).abs().max() < 1e-4
    assert sizes.min() > 0.3
    assert sizes.max() < 1.3


def test_company_changes_nothing():
    torch.manual_seed(0)
    matrices = [torch.randn(shape) for shape in SHAPES]
    together = orthogonalize(matrices, torch.float32)
    for matrix, found in zip(matrices, together, strict=True):
        assert found.shape == matrix.shape
        torch.testing.assert_close(found, orthogonalize([matrix], torch.float32)[0], rtol=1e-4, atol=1e-6)


def test_a_matrix_of_zeros_stays_one():
    assert not orthogonalize([torch.zeros(3, 4)], torch.float32)[0].any()


def test_steps_have_the_size_of_adam_s_and_lead_down():
    parameter = nn.Parameter(torch.zeros(30, 20))
    parameter.grad = torch.randn(30, 20)
    _make([parameter], torch.float32).step()
    assert parameter.square().mean().sqrt().item() == pytest.approx(0.2 * 1e-2, rel=0.2)
    assert (parameter * parameter.grad).sum() < 0


def test_momentum_by_hand():
    parameters = [nn.Parameter(torch.zeros(6, 4))]
    optimizer = _make(parameters, torch.float32, rate=1.0, momentum=0.9)
    average, expected = torch.zeros(6, 4), torch.zeros(6, 4)
    torch.manual_seed(2)
    for _ in range(3):
        gradient = torch.randn(6, 4)
        parameters[0].grad = gradient
        optimizer.step()
        average = 0.9 * average + 0.1 * gradient
        ahead = 0.1 * gradient + 0.9 * average
        expected -= 0.2 * math.sqrt(6) * orthogonalize([ahead], torch.float32)[0]
    torch.testing.assert_close(parameters[0].detach(), expected, rtol=1e-3, atol=1e-4)


def test_a_parameter_without_a_gradient_is_left_alone():
    parameters = _parameters()
    before = parameters[1].detach().clone()
    parameters[0].grad = torch.ones_like(parameters[0])
    _make(parameters, torch.float32, weight_decay=0.1).step()
    assert torch.equal(parameters[1], before)


@pytest.mark.parametrize(
    ("capability", "avx512_bf16", "amx", "taken"),
    [
        ("AVX512", False, False, torch.float32),
        ("AVX512", True, False, torch.bfloat16),
        ("AVX512", False, True, torch.bfloat16),
        ("AVX2", True, True, torch.float32),  # held to less than it has
    ],
)
def test_the_precision_that_the_processor_has(monkeypatch, capability, avx512_bf16, amx, taken):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert pick_precision("auto", CPU) == taken
    assert pick_precision("float32", CPU) == torch.float32
    assert pick_precision("bfloat16", CPU) == torch.bfloat16


@pytest.mark.parametrize(
    ("capability", "taken"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)]
)
def test_the_precision_that_the_card_has(monkeypatch, capability, taken):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert pick_precision("auto", torch.device("cuda:1")) == taken


def test_other_accelerators_take_float32():
    assert pick_precision("auto", torch.device("mps")) == torch.float32


@pytest.mark.parametrize("shares", [1, 2, 3, 20])
def test_matrices_are_shared_out_evenly(shares):
    taken = share_out(SHAPES, shares)
    assert len(taken) == shares
    assert sorted(n for share in taken for n in share) == list(range(len(SHAPES)))
    assert sum(map(bool, taken)) == min(shares, len(SHAPES))
    work = [sum(min(SHAPES[n]) ** 2 * (2 * max(SHAPES[n]) + min(SHAPES[n])) for n in share) for share in taken]
    if shares in (2, 3):
        assert max(work) < 1.3 * sum(work) / shares


class Broken(Group):
    """A group whose other process is gone."""

    def share(self, pieces):
        raise LostProcessError("gone")


def test_where_a_process_is_gone_nothing_has_changed():
    parameters = _parameters()
    optimizer = _make(parameters, torch.float32, weight_decay=0.1)
    before = [p.clone() for p in _walk(optimizer, parameters)]
    momenta = [state["momentum_buffer"].clone() for state in optimizer.state.values()]
    optimizer.group = Broken(0, 2)
    with pytest.raises(LostProcessError):
        _walk(optimizer, parameters)
    for parameter, old, momentum in zip(parameters, before, momenta, strict=True):
        assert torch.equal(parameter, old)
        assert torch.equal(optimizer.state[parameter]["momentum_buffer"], momentum)


def test_shared_out_it_takes_the_same_steps(together):
    def steps(group):
        parameters = _parameters()
        return _walk(_make(parameters, torch.float32, group=group), parameters)

    alone = steps(ALONE)
    for size in (2, 9):  # more processes than matrices
        everyone = together(size, steps)
        for found in everyone:
            for one, other, first in zip(found, alone, everyone[0], strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
                assert torch.equal(one, first)
