import sys

import pytest
from PIL import Image

from rssm.cli.job import run_job
from rssm.cli.jobs import INSPECT_DATA
from rssm.config import EnvConfig, InspectConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.inspection import describe
from rssm.data.play import play_episode
from rssm.game import load_game
from rssm.games.pong.player import Player


@pytest.fixture
def call(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["inspect_data.py", *map(str, words)])
        code = run_job(INSPECT_DATA)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_a_data_set_is_described(pong_data):
    lines = describe(pong_data).splitlines()
    whole = pong_data.episode(3)
    steps = len(whole) + 40 + 8 + 25 + 200
    score = int(whole.reward.sum())
    assert lines[0] == f"{pong_data.path}: {steps:,} agent steps in 5 games; all checksums fit"
    assert lines[1].startswith("game     rssm/PongFeatures-v0, 4 console frames a step, sticky 0, 0 to 30 no-ops")
    assert lines[2] == "player   tracking, epsilon 0.5, seed 0"
    assert lines[3].startswith(f"lengths  8 to {len(whole):,}, mean ")
    assert lines[3].endswith("1 games ended, 4 were cut")
    assert lines[5] == f"scores   {score:+d} to {score:+d}, mean {score:+d} (player less enemy, games that ended)"
    shares = [float(line.split()[1].rstrip("%")) for line in lines[7:]]
    assert len(shares) == 6
    assert sum(shares) == pytest.approx(100, abs=0.3)
    assert shares[1] == pytest.approx(100 * (pong_data.action == 1).mean(), abs=0.1)
    assert max(line.count("#") for line in lines[7:]) == 40


def test_points_are_counted_for_either_side(pong_data):
    line = describe(pong_data).splitlines()[4]
    ours, theirs = int((pong_data.reward > 0).sum()), int((pong_data.reward < 0).sum())
    assert line == f"points   {ours:,} for the player, {theirs:,} for the enemy"
    assert theirs >= 21


def test_imported_games_that_were_all_cut_have_no_score_and_no_settings(tmp_path):
    episode = play_episode(EnvConfig(), Player("random"), 1, 30)
    write_dataset(tmp_path / "data", [episode], env=None, policy={"name": "imported"}, seed=None)
    text = describe(Dataset.open(tmp_path / "data"))
    assert "imported: its settings are not known" in text
    assert "scores" not in text


def test_another_game_is_described_by_its_own_actions_and_has_no_picture(call, tmp_path):
    env = EnvConfig(id="CartPole-v1")
    episode = play_episode(env, load_game(env.id).read_player("random"), 1, 30)
    write_dataset(tmp_path / "data", [episode], env=env, policy={"name": "random"}, seed=0)
    code, out, error = call("--data", tmp_path / "data", "--gif", tmp_path / "x.gif")
    lines = out.splitlines()
    assert lines[1] == "game     CartPole-v1, stacks of 4, at most 27,000 steps"
    assert [line.split()[0] for line in lines[-2:]] == [*load_game(env.id).layout.actions]
    assert (code, error) == (2, "error: gif: expected a game that has a picture, CartPole-v1 has none\n")
    assert not (tmp_path / "x.gif").exists()


def test_a_game_is_shown(call, pong_data, tmp_path):
    path = tmp_path / "game.gif"
    code, out, _ = call("--data", pong_data.path, "--gif", path, "--episode", 2, "--steps", 30)
    assert code == 0
    assert f"{path}: the first 25 steps of game 2" in out
    with Image.open(path) as gif:
        assert gif.size == (320, 420)
        assert gif.n_frames <= 25  # Pillow joins pictures that do not change


def test_bad_calls_are_one_line(call, pong_data, tmp_path):
    assert call() == (2, "", "error: --data: missing; expected text\n")
    code, _, error = call("--data", tmp_path / "nothing")
    assert (code, error.count("\n")) == (2, 1)
    assert "no such folder; expected a data set" in error
    code, _, error = call("--data", pong_data.path, "--gif", tmp_path / "x.gif", "--episode", 5)
    assert (code, error) == (2, "error: episode: expected 0 to 4, got 5\n")


@pytest.mark.parametrize(("settings", "message"), [({"episode": -1}, "episode: "), ({"steps": 0}, "steps: ")])
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        InspectConfig("data", **settings)
