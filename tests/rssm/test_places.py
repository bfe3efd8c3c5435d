import subprocess
import sys
import types

import pytest

from rssm.errors import UserError
from rssm.places import CONFIG_DIR, ROOT, own_agents


def test_the_folders_beside_the_package():
    assert (CONFIG_DIR / "train_wm" / "pong.yaml").is_file()
    assert (ROOT / "agents" / "__init__.py").is_file()


FOREIGN = "agents: the package of that name in {folder} is not this project's, which is in "


def test_another_package_of_that_name_first_on_the_path_is_passed_over(tmp_path):
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import rssm
print(rssm.own_agents().__file__)
import agents.config
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
    assert process.stdout == f"{ROOT / 'agents' / '__init__.py'}\n"


def test_one_that_was_imported_before_is_refused_in_one_line(tmp_path, monkeypatch):
    other = types.ModuleType("agents")
    other.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setitem(sys.modules, "agents", other)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(UserError) as caught:
        own_agents()
    assert str(caught.value).startswith(FOREIGN.format(folder=tmp_path))
    assert "\n" not in str(caught.value)


def test_an_installation_that_lost_them_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("rssm.places.ROOT", tmp_path)
    with pytest.raises(UserError, match=r"^agents: expected this project's package in .* install pong-rssm again$"):
        own_agents()
