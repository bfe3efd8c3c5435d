import base64
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from agents.cli import EXPORT
from agents.load import load_players
from rssm.cli.job import run_job
from rssm.data.frames import to_stack
from rssm.model.state import State

STEPS = 60


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs the job with some words: (exit code, its output, its errors)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["export.py", *map(str, words)])
        code = run_job(EXPORT)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def parts(page):
    """The description, the weights and the model's source of a page."""
    text = page.read_text()
    description = re.search(r'id="description">(.*?)</script>', text, re.DOTALL)[1]
    weights = re.search(r'id="weights">(.*?)</script>', text, re.DOTALL)[1]
    source = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    return json.loads(description), weights, source


@torch.no_grad()
def test_the_page_holds_the_agent_and_it_plays_as_in_python(call, agent_folder, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    page = tmp_path / "pages" / "dream.html"
    code, out, _ = call("--run", agent_folder, "--html", page, "--starts", 3)
    assert code == 0
    assert out.startswith(f"{page}: open it in a browser (")
    description, weights, source = parts(page)
    script = source + (
        "const input = JSON.parse(require('fs').readFileSync(0));"
        "const model = new PongModel.Model(input.description, PongModel.decodeWeights(input.weights));"
        f"const rolls = input.description.starts.map((_, i) => model.rollout(i, Array({STEPS}).fill(-1)));"
        "process.stdout.write(JSON.stringify(rolls));"
    )
    data = json.dumps({"description": description, "weights": weights})
    process = subprocess.run([node, "-e", script], input=data, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr

    model, agent = load_players(agent_folder)
    starts = description["starts"]
    stoch = torch.nn.functional.one_hot(torch.tensor([start["stoch"] for start in starts]), model.config.classes)
    state = State(
        torch.tensor([start["deter"] for start in starts]),
        stoch.float(),
        to_stack(torch.tensor([start["stack"] for start in starts]), 4),
    )
    expected = model.imagine(state, agent.policy(model, greedy=True), STEPS, sample=False)
    assert np.abs(np.array(json.loads(process.stdout)) - expected.states.stack.numpy()[..., -1]).max() <= 2.0
    assert len(expected.actions.unique()) > 1


def test_a_page_without_an_agent_says_so(call, model_folder, tmp_path):
    code, out, _ = call("--run", model_folder, "--html", tmp_path / "dream.html", "--starts", 1)
    assert code == 0
    assert "with no agent" in out
    description, weights, _ = parts(tmp_path / "dream.html")
    assert description["agent"] is None
    assert not [name for name in description["tensors"] if name.startswith("agent")]
    sizes = [int(np.prod(tensor["shape"])) for tensor in description["tensors"].values()]
    assert len(base64.b64decode(weights)) == 4 * sum(sizes)


def test_a_seed_fixes_the_starts(call, model_folder, tmp_path):
    pages = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        call("--run", model_folder, "--html", tmp_path / name, "--starts", 2, "--seed", seed)
        pages.append((tmp_path / name).read_text())
    assert pages[0] == pages[1] != pages[2]


def test_bad_calls_are_one_line(call, model_folder, tmp_path, monkeypatch):
    line = "error: html: expected --html FILE, --onnx FILE or both; nothing is exported else\n"
    assert call("--run", model_folder) == (2, "", line)
    code, _, error = call("--run", tmp_path, "--html", tmp_path / "x.html")
    assert code == 2
    assert "expected a run with a model.safetensors" in error
    monkeypatch.setitem(sys.modules, "onnx", None)  # the first that is looked for, with the extra and without
    code, _, error = call("--run", model_folder, "--onnx", tmp_path / "x.onnx")
    assert code == 2
    assert error == "error: onnx: onnx is missing; expected: pip install 'pong-rssm[onnx]'\n"
    assert list(tmp_path.iterdir()) == []
