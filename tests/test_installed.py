"""The wheel, installed into an empty folder beside another package called agents, and used from somewhere else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "rssm", "agents", "configs")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """(folder that the wheel was installed into, another folder with a package called agents)."""
    home = tmp_path_factory.mktemp("installed")
    copy = home / "source"
    copy.mkdir()
    for name in SOURCES:  # a build writes beside what it builds
        make = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        make(ROOT / name, copy / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    build = [*pip, "wheel", copy, "--no-deps", "--no-build-isolation", "--no-index", "-w", home]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = home.glob("*.whl")
    install = [*pip, "install", wheel, "--no-deps", "--no-index", "--no-compile", "--target", home / "site"]
    subprocess.run(install, check=True, capture_output=True)
    (home / "others" / "agents").mkdir(parents=True)
    (home / "others" / "agents" / "__init__.py").write_text("raise ImportError('the agents of somebody else')\n")
    return home / "site", home / "others"


@pytest.fixture
def command(installed, tmp_path):
    def run(name, *words):
        site, others = installed
        return subprocess.run(
            [sys.executable, site / "bin" / name, *words],
            env=os.environ | {"PYTHONPATH": f"{others}{os.pathsep}{site}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_nothing_but_the_package_is_at_the_top(installed):
    site, _ = installed
    names = {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"rssm", "bin"}


def test_everything_is_in_it(installed):
    site, _ = installed
    for name, inside in (("rssm", "rssm"), ("agents", "rssm/project/agents"), ("configs", "rssm/project/configs")):
        for path in (ROOT / name).rglob("*"):
            if path.suffix in (".py", ".yaml", ".typed", ".html", ".css", ".js", ".safetensors"):
                assert (site / inside / path.relative_to(ROOT / name)).is_file(), path


def test_presets_are_found_from_another_folder(command):
    process = command("rssm-train", "--config", "pong_sticky", "--print_config")
    assert process.returncode == 0, process.stderr
    assert yaml.safe_load(process.stdout)["env"]["repeat_action_probability"] == 0.25
    assert command("rssm-train", "--help").stdout.startswith("usage: rssm-train [--NAME VALUE ...]\n")


def test_the_agents_are_ours_whatever_else_is_called_so(command):
    process = command("rssm-train-agent", "--online", "--print_config")
    assert process.returncode == 0, process.stderr
    assert yaml.safe_load(process.stdout)["run"] == "runs/agent_online"


def test_the_version_is_that_of_the_metadata(command, installed):
    (metadata,) = installed[0].glob("pong_rssm-*.dist-info")
    version = metadata.name.removeprefix("pong_rssm-").removesuffix(".dist-info")
    assert command("rssm-train", "--version").stdout == f"pong-rssm {version}\n"
