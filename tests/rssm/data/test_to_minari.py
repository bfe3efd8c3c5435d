import sys

import gymnasium
import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.frames import stack_episode, to_observation
from rssm.data.play import play_episode
from rssm.data.to_minari import export_minari
from rssm.errors import UserError
from rssm.games.pong.player import Player


@pytest.fixture
def minari(monkeypatch, tmp_path):
    """Minari with an empty shelf."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    pytest.importorskip("h5py", reason="expected: pip install 'pong-rssm[minari]'")
    return pytest.importorskip("minari", reason="expected: pip install 'pong-rssm[minari]'")


def test_minari_reads_what_was_recorded(minari, pong_data):
    assert export_minari(pong_data, "pong/test-v0") == 5
    written = minari.load_dataset("pong/test-v0")
    for index, found in enumerate(written.iterate_episodes()):
        episode = pong_data.episode(index)
        steps = len(episode) if episode.terminated else len(episode) - 1
        stacks = to_observation(stack_episode(episode.features))
        assert len(found.actions) == steps
        assert len(found.observations) == steps + 1
        assert np.array_equal(found.observations[: len(stacks)], stacks)
        assert np.array_equal(found.actions, episode.action[:steps])
        assert np.array_equal(found.rewards, episode.reward[:steps])
        assert found.terminations.sum() == found.terminations[-1] == episode.terminated
        assert found.truncations.sum() == found.truncations[-1] == (not episode.terminated)


def test_the_game_can_be_made_again_from_it(minari, tmp_path):
    env = EnvConfig(repeat_action_probability=0.25, max_episode_steps=50)
    write_dataset(
        tmp_path / "data", [play_episode(env, Player("random"), 1, 20)], env=env, policy={"name": "random"}, seed=0
    )
    export_minari(Dataset.open(tmp_path / "data"), "pong/sticky-v1")
    written = minari.load_dataset("pong/sticky-v1")
    assert isinstance(written.action_space, gymnasium.spaces.Discrete)
    game = written.recover_environment()
    assert game.spec.max_episode_steps == 50
    assert game.spec.kwargs["repeat_action_probability"] == 0.25
    assert game.observation_space == written.observation_space


def test_a_name_is_taken_once_and_must_be_one(minari, pong_data):
    export_minari(pong_data, "pong/test-v0")
    with pytest.raises(UserError, match="pong/test-v0 is there already"):
        export_minari(pong_data, "pong/test-v0")
    for name in ("no version", "x", ""):
        with pytest.raises(UserError, match="expected a name such as pong/tracking-v0"):
            export_minari(pong_data, name)


def test_games_of_one_step_hold_nothing_to_learn_from(minari, tmp_path):
    episode = play_episode(EnvConfig(), Player("random"), 1, 1)
    write_dataset(tmp_path / "data", [episode], env=EnvConfig(), policy={"name": "random"}, seed=0)
    with pytest.raises(UserError, match="expected a game of at least two steps to export"):
        export_minari(Dataset.open(tmp_path / "data"), "pong/none-v0")


def test_a_missing_package_is_one_line(pong_data, monkeypatch):
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(UserError, match=r"minari: the package is missing; expected: pip install 'pong-rssm\[minari\]'"):
        export_minari(pong_data, "pong/test-v0")
