from pathlib import Path

import pytest

from rssm import weights
from rssm.config import EnvConfig
from rssm.errors import UserError
from rssm.weights import find_run, run_and_results, run_env, shipped


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An installation that ships "pong" and "other", seen from a folder with one run."""
    for name in ("shelf/pong", "shelf/other", "here/runs/wm"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.safetensors").touch()
    (tmp_path / "shelf" / "notes").mkdir()
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "shelf")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "shelf"


def test_shipped_weights_are_found_by_name_and_pong_where_nothing_is_named(shelf):
    assert shipped() == ["other", "pong"]
    assert find_run("other") == shelf / "other"
    assert find_run() == find_run("") == shelf / "pong"


def test_what_comes_out_of_shipped_weights_is_not_written_beside_them(shelf):
    assert run_and_results("") == (shelf / "pong", Path("runs/pong"))
    assert run_and_results("other") == (shelf / "other", Path("runs/other"))
    assert run_and_results("runs/wm") == (Path("runs/wm"), Path("runs/wm"))
    assert run_and_results("runs/none") == (Path("runs/none"), Path("runs/none"))


def test_a_folder_goes_before_a_name(shelf, tmp_path):
    (tmp_path / "here" / "pong").mkdir()
    (tmp_path / "here" / "pong" / "model.safetensors").touch()
    assert find_run("pong").resolve() == tmp_path / "here" / "pong"
    assert find_run() == shelf / "pong"
    assert find_run("wm") == find_run("runs/wm")
    assert find_run("runs/wm").resolve() == tmp_path / "here" / "runs" / "wm"


@pytest.mark.parametrize(
    ("run", "line"),
    [
        ("runs/mw", "run: no run runs/mw; .*did you mean runs/wm?"),
        ("something/else", "run: no run something/else; .*there are runs/wm, other, pong"),
        (".", r"\.: expected a run with a model.safetensors, it holds none"),
    ],
)
def test_no_such_run_is_one_line_that_says_what_there_is(shelf, run, line):
    with pytest.raises(UserError, match=line) as caught:
        find_run(run)
    assert "\n" not in str(caught.value)


def test_an_installation_without_weights_asks_for_a_run(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path / "empty")
    with pytest.raises(UserError, match="expected --run FOLDER"):
        find_run()


def test_what_is_shipped_is_small_and_has_a_card():
    files = [file for name in shipped() for file in (weights.FOLDER / name).iterdir()]
    assert sum(file.stat().st_size for file in files) < 5_000_000
    assert all((weights.FOLDER / name / "README.md").is_file() for name in shipped())


def test_the_game_of_a_run_is_read_from_its_settings(tmp_path):
    assert run_env(tmp_path) == EnvConfig()
    settings = tmp_path / "config.yaml"
    settings.write_text("run: x\nenv: {repeat_action_probability: 0.25, max_episode_steps: 100}\n")
    assert run_env(tmp_path) == EnvConfig(repeat_action_probability=0.25, max_episode_steps=100)
    for text in ("env: {frameskip: 0}", "env: {colour: 1}", "- 1", "{"):
        settings.write_text(text)
        with pytest.raises(UserError, match=r"config.yaml: env: cannot be read \(.+\)$"):
            run_env(tmp_path)
