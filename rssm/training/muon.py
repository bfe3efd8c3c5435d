"""Muon, in a number format that the processor computes in."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from rssm.config import Precision
from rssm.training.group import ALONE, Group

#: coefficients of the quintic Newton-Schulz iteration (Jordan et al. 2024), steep at zero: small singular values rise
#: quickly, and all of them end between 0.7 and 1.2
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
#: no matrix is divided by a smaller norm than this
_EPSILON = 1e-7
#: a step is as large as Adam's usually are (Liu et al. 2025, "Muon is scalable for LLM training", section 2.2)
_ADAM_RMS = 0.2


class Muon(torch.optim.Optimizer):
    """Momentum whose matrices are orthogonalised, so that every direction of a matrix learns at the same pace.

    Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks", with Nesterov's momentum. Steps are
    scaled to the size of Adam's, so that both can share a schedule. The arithmetic is that of ``torch.optim.Muon``
    with ``adjust_lr_fn="match_rms_adamw"``, which always orthogonalises in bfloat16: where the processor has to emulate
    that, it costs more than the gradient.

    Args:
        parameters: matrices.
        precision: what they are orthogonalised in (see :func:`pick_precision`).
        weight_decay: decoupled weight decay.
        momentum: decay of the gradients' moving average.
        group: the processes that share the training, and with it the matrices: each orthogonalises some of them. All
            must have the same gradients.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        precision: torch.dtype,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        group: Group = ALONE,
    ) -> None:
        super().__init__(parameters, {"lr": 0.0, "weight_decay": weight_decay, "momentum": momentum})
        self.precision, self.group = precision, group
        self._steps: Tensor | None = None  # of all matrices, kept from update to update

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients that are there.

        Raises:
            LostProcessError: a process is gone; nothing has changed then.
        """
        for group in self.param_groups:
            rate, momentum = group["lr"], group["momentum"]
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            gradients = [p.grad for p in parameters]
            averages = [self._average(p) for p in parameters]
            moved = torch._foreach_lerp(averages, gradients, 1 - momentum)
            steps = self._orthogonalize(torch._foreach_lerp(gradients, moved, momentum))
            torch._foreach_copy_(averages, moved)
            if group["weight_decay"]:
                torch._foreach_mul_(parameters, 1 - rate * group["weight_decay"])
            sizes = [_ADAM_RMS * math.sqrt(max(parameter.shape)) for parameter in parameters]
            if isinstance(rate, Tensor):
                moves = torch._foreach_mul([step.to(p.dtype) for p, step in zip(parameters, steps, strict=True)], rate)
                torch._foreach_sub_(parameters, torch._foreach_mul(moves, sizes))
            else:
                for parameter, step, size in zip(parameters, steps, sizes, strict=True):
                    parameter.add_(step, alpha=-rate * size)

    def _orthogonalize(self, matrices: Sequence[Tensor]) -> list[Tensor]:
        """:func:`orthogonalize`, the matrices shared out among the processes."""
        if self.group.size == 1:
            return orthogonalize(matrices, self.precision)
        shares = share_out([matrix.shape for matrix in matrices], self.group.size)
        total = sum(matrix.numel() for matrix in matrices)
        if self._steps is None or len(self._steps) != total:
            self._steps = matrices[0].new_empty(total, dtype=self.precision)
        pieces = self._steps.split([sum(matrices[n].numel() for n in share) for share in shares])
        own = orthogonalize([matrices[n] for n in shares[self.group.rank]], self.precision)
        if own:
            torch.cat([step.flatten() for step in own], out=pieces[self.group.rank])
        self.group.share(pieces)
        order = [n for share in shares for n in share]
        flat = self._steps.split([matrices[n].numel() for n in order])
        steps = dict(zip(order, flat, strict=True))
        return [steps[n].view_as(matrix) for n, matrix in enumerate(matrices)]

    def _average(self, parameter: nn.Parameter) -> Tensor:
        state = self.state[parameter]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(parameter)
        average: Tensor = state["momentum_buffer"]
        return average


def share_out(shapes: Sequence[Sequence[int]], shares: int) -> list[list[int]]:
    """Which matrices each process orthogonalises: the dearest first, always to the one with the least to do."""

    def cost(number: int) -> int:
        rows, columns = sorted(shapes[number])
        return rows * rows * (2 * columns + rows)  # multiplications of one iteration

    work, taken = [0] * shares, [list[int]() for _ in range(shares)]
    for number in sorted(range(len(shapes)), key=cost, reverse=True):
        least = work.index(min(work))
        taken[least].append(number)
        work[least] += cost(number)
    return taken


def orthogonalize(matrices: Sequence[Tensor], precision: torch.dtype) -> list[Tensor]:
    """Bring all singular values of each matrix near 1 and keep its directions: about U V^T of U S V^T.

    Matrices of one shape, or of that shape turned over, are worked on together.

    Args:
        matrices: any of shape (R, C).
        precision: what is computed in.

    Returns:
        one for each, of its shape, in ``precision``.
    """
    by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, matrix in enumerate(matrices):
        rows, columns = matrix.shape
        by_shape[min(rows, columns), max(rows, columns)].append(number)
    results = list(matrices)
    for (rows, _), numbers in by_shape.items():
        wide = [matrices[n] if matrices[n].shape[0] == rows else matrices[n].mT for n in numbers]
        for number, result in zip(numbers, _iterate(torch.stack(wide).to(precision)), strict=True):
            results[number] = result if matrices[number].shape == result.shape else result.mT
    return results


def _iterate(x: Tensor) -> Tensor:
    """Newton-Schulz iteration on (N, R, C) with R <= C."""
    x = x / torch.linalg.vector_norm(x, dim=(-2, -1), keepdim=True).clamp(min=_EPSILON)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    return x


def pick_precision(setting: Precision, device: torch.device) -> torch.dtype:
    """What to orthogonalise in on a device.

    ``auto`` takes bfloat16 where it is native: on x86 processors with AVX-512 BF16 or AMX (on one with AVX-512 BF16
    alone it takes two thirds of float32's time), and on NVIDIA cards from compute capability 8.0 on. Everywhere else it
    takes float32; an emulated bfloat16 product can take thirty times as long.
    """
    if setting != "auto":
        return torch.float32 if setting == "float32" else torch.bfloat16
    if device.type == "cuda":
        native = torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        native = device.type == "cpu" and _cpu_has_bfloat16()
    return torch.bfloat16 if native else torch.float32


def name_of(precision: torch.dtype) -> str:
    """``float32``, ``bfloat16``."""
    return str(precision).removeprefix("torch.")


def _cpu_has_bfloat16() -> bool:
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):  # what torch is held to, whatever there is
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
