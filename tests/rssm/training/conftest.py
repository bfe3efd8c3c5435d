"""Groups of real processes, forked so that they are there at once."""

import io
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from rssm.training.group import Group

Together = Callable[..., list[Any]]


@pytest.fixture
def together(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Together:
    """Calls a function of the group in as many processes as asked for; answers what each returned, in order.

    An exception is answered as its text, an end without an answer as None.
    """
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    context = multiprocessing.get_context("fork")

    def work(rank: int, size: int, meeting: Path, function: Callable[[Group], Any], pipe: Any) -> None:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
        try:
            answer = function(Group(rank, size))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        content = io.BytesIO()
        torch.save(answer, content)  # by value: multiprocessing would send tensors through this process's memory
        pipe.send_bytes(content.getvalue())
        dist.destroy_process_group()

    def run(size: int, function: Callable[[Group], Any]) -> list[Any]:
        meeting = tmp_path_factory.mktemp("meeting") / "store"
        members = []
        for rank in range(size):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=work, args=(rank, size, meeting, function, there), daemon=True)
            process.start()
            there.close()
            members.append((process, here))
        return [_answer(process, here) for process, here in members]

    return run


def _answer(process: Any, pipe: Any) -> Any:
    try:
        return torch.load(io.BytesIO(pipe.recv_bytes()), weights_only=True)
    except EOFError:
        return None
    finally:
        process.join(30)
        assert not process.is_alive()
