"""A browser or node, to run the exported model in."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.games.pong.dream.starts import PlayedStarts, Start
from rssm.model.world_model import WorldModel

#: headless, from disk alone
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000"),
)


@pytest.fixture
def dump_dom(browser: str, tmp_path: Path) -> Callable[[str], str]:
    """The page at an address after it ran, as a browser sees it."""

    def dump(address: str) -> str:
        command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", address]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    return dump


@pytest.fixture(scope="session")
def run_node() -> Callable[[str, Any], Any]:
    """Runs JavaScript in node with ``input`` at hand; what it leaves in ``output`` comes back."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")

    def run(script: str, data: Any) -> Any:
        whole = f"const input = JSON.parse(require('fs').readFileSync(0)); let output;{script};" + (
            "process.stdout.write(JSON.stringify(output));"
        )
        command = [node, "-e", whole]
        process = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True, timeout=60)
        assert process.returncode == 0, process.stderr
        return json.loads(process.stdout)

    return run


@pytest.fixture(scope="session")
def draw_starts() -> Callable[[WorldModel, int], list[Start]]:
    def draw(model: WorldModel, count: int) -> list[Start]:
        rng = np.random.default_rng(0)
        starts = PlayedStarts(model, EnvConfig(), (40, 140))
        return [starts.draw(rng) for _ in range(count)]

    return draw
