"""What the README promises and what the package says about itself."""

import configparser
import importlib
import os
import re
import shlex
import subprocess
from importlib import resources
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from agents.config import AgentConfig, AgentResultsConfig, EvaluateAgentConfig
from agents.show_config import ExportConfig, PlayDreamConfig
from rssm.cli import parse
from rssm.config import (
    AblationConfig,
    CollectConfig,
    EvaluateConfig,
    ImportConfig,
    ResultsConfig,
    WorldModelConfig,
)
from rssm.data.inspect_config import InspectConfig
from rssm.ladder.config import CompareConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [shlex.split(line, comments=True) for block in BLOCKS for line in block.splitlines() if line]
JOBS = {
    "scripts/collect.py": (CollectConfig, None),
    "scripts/import_data.py": (ImportConfig, None),
    "scripts/train_wm.py": (WorldModelConfig, "pong"),
    "scripts/evaluate.py": (EvaluateConfig, None),
    "scripts/summarize.py": (ResultsConfig, None),
    "scripts/ablate.py": (AblationConfig, None),
    "scripts/compare.py": (CompareConfig, None),
    "scripts/train_agent.py": (AgentConfig, "agent"),
    "scripts/evaluate_agent.py": (EvaluateAgentConfig, None),
    "scripts/summarize_agents.py": (AgentResultsConfig, None),
    "scripts/play.py": (PlayDreamConfig, None),
    "scripts/export.py": (ExportConfig, None),
    "scripts/inspect_data.py": (InspectConfig, None),
}
ENTRIES = (
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
    "inspect-data",
)


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "python"], ids=" ".join)
def test_the_readme_s_commands_parse(words):
    config_class, default = JOBS[words[1]]
    assert (ROOT / words[1]).is_file()
    config = parse(config_class, words[2:], default)
    assert (config is None) == ("--print_config" in words)


def test_the_readme_shows_every_script():
    assert {words[1] for words in COMMANDS if words[0] == "python"} == set(JOBS)


def test_the_readme_s_make_targets_exist_and_run_what_it_says():
    targets = [words[1] for words in COMMANDS if words[0] == "make"]
    assert targets == ["train", "test"]
    for target, ends in [("train", "scripts/train_wm.py"), ("test", "-m pytest"), ("lint", "mypy rssm agents scripts")]:
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


def test_everything_is_packaged():
    package = distribution("pong-rssm")
    assert set((package.read_text("top_level.txt") or "").split()) == {"agents", "rssm"}
    folders = {path.parent for name in ("agents", "rssm") for path in (ROOT / name).rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_dependency_is_constrained_and_installed_within_its_bounds():
    constraints = [Requirement(line) for line in lines_of("constraints.txt")]
    constrained = {constraint.name.lower(): constraint.specifier for constraint in constraints}
    for text in distribution("pong-rssm").requires or []:
        requirement = Requirement(text)
        if requirement.name.startswith("types-"):
            continue
        try:
            version = distribution(requirement.name).version
        except PackageNotFoundError:
            assert is_optional(requirement), f"{requirement}: not installed"
            continue
        assert requirement.specifier.contains(version), requirement
        assert constrained[requirement.name.lower()].contains(version), requirement


def is_optional(requirement):
    """Whether neither the package nor its tests need it: an extra other than ``dev``."""
    marker = requirement.marker
    return marker is not None and not any(marker.evaluate({"extra": extra}) for extra in ("", "dev"))


def test_what_is_shown_is_packaged():
    folder = resources.files("rssm")
    assert {"page.html", "style.css", "model.js", "app.js"} <= {file.name for file in (folder / "export").iterdir()}
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    data = config["options.package_data"]
    for name in ("page.html", "style.css", "model.js", "app.js"):
        assert f"*{Path(name).suffix}" in data["rssm.export"].split()
    assert data["rssm.weights"].split() == ["*/*"]


def lines_of(name):
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
