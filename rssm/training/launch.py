"""The processes of a training: started on this machine, or those that ``torchrun`` has started on one or several."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
import torch.distributed as dist

from rssm.errors import LostProcessError, UserError
from rssm.system.workers import spawning, start_worker
from rssm.training.group import ALONE, KILLED, Group

#: how long a process may wait for the others, who may be collecting or evaluating; a dead one is noticed at once
_PATIENCE = timedelta(days=1)
#: seconds that the others have to end after the last update
_GRACE = 30.0
#: where gloo reads which network to use
_INTERFACE = "GLOO_SOCKET_IFNAME"

#: what the other processes do: a function of the group and of the arguments given with it
Assistance = Callable[..., None]


def launched() -> Group | None:
    """This process's place among those that ``torchrun`` has started; None if it has not."""
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return None
    return Group(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


def local_rank() -> int:
    """This process's number on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def local_size(count: int) -> int:
    """How many of the ``count`` processes of a training are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", count)) if launched() else count


def count_processes(workers: Literal["auto"] | int, device: torch.device, rows: int) -> int:
    """Processes that share a training.

    Args:
        workers: the setting; ``auto`` is what ``torchrun`` started, else one: on the two cores of one machine more
            gain little (docs/results/speed.md).
        device: of the training.
        rows: chunks of a batch; each process has one at least.

    Raises:
        UserError: there cannot be so many.
    """
    torchrun = launched()
    if torchrun is not None:
        if workers not in ("auto", torchrun.size):
            raise UserError(
                f"workers: expected auto or {torchrun.size}, as torchrun started {torchrun.size}, got {workers}"
            )
        count = torchrun.size
    elif workers == "auto":
        return 1
    else:
        count = workers
        if count > 1 and device.type != "cpu":
            raise UserError(
                f"workers: expected auto or 1 on {device.type}, got {count}; torchrun starts a process for each card"
            )
    if count > rows:
        raise UserError(f"workers: expected at most one for each of the {rows} chunks of train.batch_size, got {count}")
    return count


@contextmanager
def processes(count: int, device: torch.device, assist: Assistance, *arguments: Any) -> Iterator[Callable[[], Group]]:
    """Have the processes of a training: inside, the given function brings them together.

    They are started at once, which takes seconds, and wait. Nothing of them is left outside.

    Args:
        count: of processes, this one among them.
        device: of the training.
        assist: what the others do once they are together (not those of ``torchrun``, which run what this one runs).
        arguments: that ``assist`` is called with, after the group.
    """
    torchrun = launched()
    if torchrun is not None:
        with _leaving():
            yield lambda: _connect(torchrun, device, init_method="env://")
    elif count == 1:
        yield lambda: ALONE
    else:
        with _started(count, device, assist, arguments) as join, _leaving():
            yield join


@contextmanager
def _started(
    count: int, device: torch.device, assist: Assistance, arguments: tuple[Any, ...]
) -> Iterator[Callable[[], Group]]:
    context = get_context("spawn")  # a spawned process starts clean, whatever threads this one runs
    started: list[tuple[SpawnProcess, Connection]] = []
    folder = TemporaryDirectory()
    meeting = Path(folder.name) / "store"

    def join() -> Group:
        for process, pipe in started:
            if pipe not in connection.wait([pipe, process.sentinel]):
                raise LostProcessError(KILLED)
        try:
            for _, pipe in started:
                pipe.send("come")
        except BrokenPipeError:
            raise LostProcessError(KILLED) from None
        return _meet(Group(0, count), device, meeting)

    try:
        for rank in range(1, count):
            here, there = context.Pipe()
            arguments_of_one = (there, Group(rank, count), device, meeting, assist, arguments)
            process = context.Process(target=_assist, args=arguments_of_one, daemon=True)
            with spawning():
                process.start()
            there.close()
            started.append((process, here))
        yield join
        for process, _ in started:
            process.join(_GRACE)
    finally:
        for process, _ in started:
            process.kill()
            process.join()
        folder.cleanup()


def _assist(
    pipe: Connection, group: Group, device: torch.device, meeting: Path, assist: Assistance, arguments: tuple[Any, ...]
) -> None:
    """The whole life of a process that was started."""
    start_worker()
    try:
        pipe.send("here")
        pipe.recv()
        with _leaving():
            assist(_meet(group, device, meeting), *arguments)
    except (UserError, EOFError, BrokenPipeError):
        sys.exit(1)  # the first process says what is wrong


def _meet(group: Group, device: torch.device, meeting: Path) -> Group:
    """Connect over this machine's own network, which is there without any other."""
    before = os.environ.get(_INTERFACE)
    own = [name for _, name in socket.if_nameindex() if name.startswith("lo")]
    if own:
        os.environ[_INTERFACE] = own[0]
    try:
        return _connect(group, device, init_method=f"file://{meeting}")
    finally:
        os.environ.pop(_INTERFACE, None)
        if before is not None:
            os.environ[_INTERFACE] = before


def _connect(group: Group, device: torch.device, **meeting: Any) -> Group:
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=group.rank, world_size=group.size, timeout=_PATIENCE, **meeting)
    return group


@contextmanager
def _leaving() -> Iterator[None]:
    try:
        yield
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
