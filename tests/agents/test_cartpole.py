"""A game that nobody has written a line for, from its first random step to an agent: both presets, at tiny scale."""

import json

import pytest

from agents.cli import TRAIN_AGENT
from agents.train_agent import train_agent
from rssm.cli.job import parse
from rssm.cli.jobs import TRAIN_WM
from rssm.config import EvaluateConfig
from rssm.errors import UserError
from rssm.game import load_game
from rssm.jobs.evaluate import evaluate_run
from rssm.jobs.train import train_world_model
from rssm.training.checkpoint import load_model

SIZES = "--model.deter 8 --model.stoch 2 --model.hidden 12 --model.head_hidden 8 --model.layers 1 "
WORLD = (
    "--config cartpole --data.train_steps 500 --data.heldout_steps 200 --data.validation_steps 100 --data.workers 1 "
    "--train.updates 20 --train.batch_size 4 --train.evaluate_every 10 --eval.samples 2 --eval.bootstrap 20 "
    "--eval.calibration_windows 20 --eval.calibration_samples 2 --workers 1 --log.wandb disabled "
)
AGENT = (
    "--config cartpole --imagination.chunks 3 --imagination.starts 9 --imagination.horizon 3 --actor_critic.hidden 8 "
    "--train.cycle 3 --evaluation.games 1 --evaluation.final_games 2 --evaluation.workers 0 "
    "--env.max_episode_steps 60 --log.wandb disabled "
)
ONLINE = (
    "--env_steps 300 --play.games 2 --play.random_steps 200 --play.final_updates 1 --world.first_updates 5 "
    "--world.batch_size 4 --world.workers 0 "
)


def world_job(folder, extra=""):
    words = f"{WORLD} {SIZES} --run {folder}/wm --data.train {folder}/train --data.heldout {folder}/heldout {extra}"
    return parse(TRAIN_WM, words.split())


def agent_job(folder, extra="", online=True):
    return parse(TRAIN_AGENT, f"{AGENT} {ONLINE + SIZES if online else ''} --run {folder}/agent {extra}".split())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cartpole")
    train_world_model(world_job(folder))
    return folder


def test_a_world_model_is_trained_and_scored(trained):
    result = json.loads((trained / "wm" / "openloop.json").read_text())
    assert list(result["features"]) == ["x0", "x1", "x2", "x3"]
    assert list(result["events"]) == ["all"]
    assert result["mse"]["mean"][0] < result["baselines"]["persistence"]["mean"][0]
    assert result["off_policy"] == {"skipped": "CartPole-v1: its environment cannot go back to an earlier moment"}
    assert "skipped" in result["floor"]
    assert "skipped" in result["start"]
    assert (trained / "wm" / "report.html").is_file()
    assert not (trained / "wm" / "media" / "openloop.gif").exists()


def test_the_file_says_which_game_it_is_of(trained):
    model = load_model(trained / "wm" / "model.safetensors")
    assert model.game is load_game("CartPole-v1")
    assert model.rssm.actions.shape == (2, 2)


def test_a_run_is_evaluated_again(trained, tmp_path, capsys):
    evaluate_run(EvaluateConfig(run=str(trained / "wm"), json=str(tmp_path / "again.json")))
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["windows"] == json.loads((trained / "wm" / "openloop.json").read_text())["windows"]
    assert "x3" in capsys.readouterr().out


def test_an_agent_learns_online(tmp_path):
    config = agent_job(tmp_path)
    assert config.online
    train_agent(config)
    games = json.loads((tmp_path / "agent" / "games.json").read_text())
    for name in ("greedy", "sampled"):
        assert games[name]["scores"] == games[name]["lengths"]  # a point for each step
        assert all(8 <= length <= 60 for length in games[name]["lengths"])
    assert not (tmp_path / "agent" / "media" / "dream.gif").exists()


def test_an_agent_learns_offline_from_the_random_play(trained, tmp_path):
    extra = f"--online=false --world_model {trained}/wm --train.updates 2"
    train_agent(agent_job(tmp_path, extra, online=False))
    assert (tmp_path / "agent" / "games.json").is_file()


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        ("--actor_critic.fire", "--actor_critic.fire: expected false, CartPole-v1 has no fire button"),
        ("--evaluation.states 3", "--evaluation.states: expected 0, CartPole-v1 cannot go back to an earlier moment"),
        ("--model.likelihood discrete", "--model.likelihood: expected huber or mse, as CartPole-v1 has no pixels"),
        ("--env.frameskip 4", "--env.frameskip: does nothing in CartPole-v1; leave it out"),
    ],
)
def test_what_the_game_does_not_have_is_refused(tmp_path, extra, line):
    with pytest.raises(UserError) as caught:
        agent_job(tmp_path, extra)
    assert str(caught.value).startswith(line)


def test_a_world_model_of_another_game_is_refused(trained, tmp_path):
    extra = f"--online=false --world_model {trained}/wm --env.id Acrobot-v1"
    with pytest.raises(UserError, match=r"env.id: expected CartPole-v1, as the world model in .*, got Acrobot-v1"):
        train_agent(agent_job(tmp_path, extra, online=False))


def test_the_presets_take_another_game(tmp_path):
    config = world_job(tmp_path, "--env.id Acrobot-v1")
    assert load_game(config.env.id).layout.num_features == 6
    train_agent(agent_job(tmp_path, "--env.id Acrobot-v1"))
    games = json.loads((tmp_path / "agent" / "games.json").read_text())
    assert games["greedy"]["mean"] < 0
