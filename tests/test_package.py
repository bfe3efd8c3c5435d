"""What the README promises and what the package says about itself."""

import ast
import configparser
import importlib
import os
import re
import shlex
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from agents import cli as agents_cli
from rssm.cli import jobs
from rssm.cli.job import parse
from rssm.config import EnvConfig
from rssm.data.dataset import write_dataset
from rssm.data.play import play_episode
from rssm.games.pong.player import Player

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines() if line]
JOBS = {f"scripts/{job.name}.py": job for job in (*jobs.JOBS.values(), *agents_cli.JOBS.values())}
ENTRIES = (
    "benchmark",
    "collect",
    "import",
    "train",
    "evaluate",
    "ablate",
    "compare",
    "summarize",
    "train-agent",
    "evaluate-agent",
    "summarize-agents",
    "play",
    "export",
    "report",
    "inspect-data",
    "make-dashboard",
)


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "python"], ids=" ".join)
def test_the_readme_s_commands_parse(words):
    assert (ROOT / words[1]).is_file()
    config = parse(JOBS[words[1]], words[2:])
    assert (config is None) == ("--print_config" in words)


def test_the_readme_shows_every_script():
    assert {words[1] for words in COMMANDS if words[0] == "python"} == set(JOBS)


def test_the_readme_s_make_targets_exist_and_run_what_it_says():
    targets = [words[1] for words in COMMANDS if words[0] == "make"]
    assert targets == ["train", "test"]
    for target, ends in [
        ("train", "scripts/train_wm.py"),
        ("test", "-m pytest -n auto"),
        ("lint", "mypy rssm agents scripts"),
    ]:
        command = ["make", "-n", "--no-print-directory", target]
        plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert plan.stdout.rstrip().endswith(ends)


def test_the_readme_s_links_and_folders_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"^\| `([^`]+)` \|", README, flags=re.MULTILINE):
        assert (ROOT / target).exists() or target.startswith("docs/"), target


def test_continuous_integration_runs_the_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text()


def test_entry_points_are_functions():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config["options.entry_points"]["console_scripts"].split("\n")
    names = dict(line.split(" = ") for line in lines if line)
    assert set(names) == {f"rssm-{job}" for job in ENTRIES}
    for target in names.values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_readme_s_example_runs(tmp_path, monkeypatch, capsys):
    (example,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 12
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "tests" / "fixtures" / "run_v1" / "wm", "runs/wm")
    game = play_episode(EnvConfig(), Player("tracking"), 3, 60)
    write_dataset(Path("data/pong/heldout"), [game], env=EnvConfig(), policy={"name": "tracking"}, seed=0)
    names = {}
    exec(example, names)  # noqa: S102  (the README's own)
    assert names["up"].shape == names["futures"].shape == (6, 56)
    assert len(ast.literal_eval(capsys.readouterr().out)) == 6


def test_the_readme_s_preset_is_read(tmp_path):
    (preset,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "mine.yaml").write_text(preset)
    config = parse(jobs.TRAIN_WM, ["--config", str(tmp_path / "mine.yaml")])
    assert config is not None
    assert (config.run, config.train.updates) == ("runs/mine", 9000)
    assert config.env.repeat_action_probability == 0.25


def test_every_folder_of_code_is_a_package():
    folders = {path.parent for name in ("agents", "rssm") for path in (ROOT / name).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_dependency_is_constrained_and_installed_within_its_bounds():
    constraints = [Requirement(line) for line in lines_of("constraints.txt")]
    constrained = {constraint.name.lower(): constraint.specifier for constraint in constraints}
    needed = {requirement.name for requirement in requirements("dev")}
    for requirement in requirements("dev", "dashboard", "play", "onnx", "minari", "examples", "notebook"):
        if requirement.name.startswith("types-"):
            continue
        assert requirement.name.lower() in constrained, requirement
        try:
            version = distribution(requirement.name).version
        except PackageNotFoundError:
            assert requirement.name not in needed, f"{requirement}: not installed"
            continue
        assert requirement.specifier.contains(version), requirement
        assert constrained[requirement.name.lower()].contains(version), requirement


def test_torch_has_the_optimiser():
    """Muon came with torch 2.9."""
    (torch,) = [requirement for requirement in requirements() if requirement.name == "torch"]
    assert not torch.specifier.contains("2.8.0")
    assert torch.specifier.contains("2.9.0")


def requirements(*extras):
    """What is needed, and what some extras bring."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    texts = [config["options"]["install_requires"], *(config["options.extras_require"][extra] for extra in extras)]
    return [Requirement(line) for text in texts for line in text.splitlines() if line]


def lines_of(name):
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
