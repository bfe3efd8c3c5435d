import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def run(name, *words, cwd):
    return subprocess.run([sys.executable, SCRIPTS / name, *words], capture_output=True, text=True, cwd=cwd, timeout=60)


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("collect.py", ["--out", "--steps", "--players", "--games", "--seed", "--sticky", "--workers"]),
        ("import_data.py", ["--input", "--out", "--layout"]),
        ("train_wm.py", ["--config", "--run", "--train.updates"]),
        ("evaluate.py", ["--run", "--data", "--json"]),
        ("compare.py", ["--rows", "--budget", "--seeds", "--learning_rates"]),
        ("evaluate_agent.py", ["--run", "--games", "--greedy", "--sampled", "--sticky", "--json"]),
        ("summarize_agents.py", ["--runs", "--name", "--command", "--out"]),
        ("play.py", ["--run", "--view", "--sample", "--greedy", "--scale", "--gifs"]),
        ("export.py", ["--run", "--html", "--onnx", "--starts"]),
        ("inspect_data.py", ["--data", "--gif", "--episode", "--steps", "--minari"]),
    ],
)
def test_each_script_answers_help_from_any_folder(tmp_path, name, flags):
    process = run(name, "--help", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(f"usage: python {SCRIPTS / name} ")
    assert [flag for flag in flags if f" {flag} " not in process.stdout] == []


@pytest.mark.parametrize("name", ["collect.py", "import_data.py", "train_wm.py", "evaluate.py", "evaluate_agent.py"])
def test_each_script_refuses_a_wrong_flag_with_one_line_and_code_2(tmp_path, name):
    process = run(name, "--rnu", "x", cwd=tmp_path)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("error: --rnu: no such setting")
    assert process.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
