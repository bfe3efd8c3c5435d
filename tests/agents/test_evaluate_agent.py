import dataclasses
import hashlib
import json

import numpy as np
import pytest
import torch

from agents.checkpoint import save_agent
from agents.config import AgentConfig
from agents.evaluate_agent import evaluate_agent
from agents.games_config import EvaluateAgentConfig
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from agents.play.imagined_vs_real import imagined_against_real
from agents.play.moments import Moments
from agents.play.scores import Games, how, play_games
from rssm.config import EnvConfig
from rssm.config.yaml_file import save_config
from rssm.errors import DataError, UserError
from rssm.evaluation.provenance import checksum, code_version
from rssm.games.pong.features import NUM_ACTIONS
from rssm.games.pong.game import PONG
from rssm.model.state import State
from rssm.seeds import Stream, derived_seed, episode_seed
from rssm.training.checkpoint import save_model, weights_of

#: the game and the seed of the loaded run's own games, played to their end
OWN, OWN_SEED = EnvConfig(repeat_action_probability=0.25), derived_seed(0, Stream.FINAL_EVALUATION)


class Stander(Agent):
    """Stands still when greedy, else moves at random."""

    def act(self, features, greedy):
        shape = features.shape[:-1]
        return torch.zeros(shape, dtype=torch.int64) if greedy else torch.randint(NUM_ACTIONS, shape)


@pytest.fixture
def loaded(make_model, monkeypatch):
    """A world model and an agent that every run is said to hold; its own games were short and sticky."""
    model = make_model()
    agent = Stander(ActorCriticConfig(hidden=8, layers=1), inputs_size(model.config, PONG), PONG)
    config = AgentConfig(env=EnvConfig(max_episode_steps=100, repeat_action_probability=0.25))
    monkeypatch.setattr("agents.evaluate_agent.load_agent", lambda run, device: (model, agent, config))
    return model, agent


@pytest.fixture
def asked(monkeypatch):
    """What games were asked for, in place of playing them and of drawing the dream."""
    calls = []

    def score(model, agent, policies, series, moments, workers):
        env, games, seed = series.env, series.games, series.seed
        calls.append((env, policies, games, seed, series.rollouts))
        played = Games(np.array([3, 5]), np.array([10, 20]), np.ones(2, np.bool_))
        scores = {"games": games, **played.summary(), "finished": 2, "code": "0123456 (2026-01-01)", "call": len(calls)}
        record = {"env": dataclasses.asdict(env), "sticky": env.repeat_action_probability, "seed": seed}
        return record | dict.fromkeys(policies, scores)

    monkeypatch.setattr("agents.evaluate_agent.score_agent", score)
    monkeypatch.setattr("agents.evaluate_agent.write_dream", lambda *arguments: None)
    return calls


def evaluate(run, **settings):
    evaluate_agent(EvaluateAgentConfig(run=str(run), device="cpu", workers=0, **settings))


def test_both_policies_play_whole_games_of_the_run_s_own_kind(loaded, tmp_path, capsys):
    evaluate(tmp_path, games=1)
    result = json.loads((tmp_path / "games.json").read_text())
    model, agent = loaded
    assert (result["env"], result["seed"]) == (dataclasses.asdict(OWN), OWN_SEED)
    for name, greedy in (("greedy", True), ("sampled", False)):
        played = play_games(model, agent.policy(model, greedy), games=1, env=OWN, seed=OWN_SEED)
        assert result[name]["scores"] == played.scores.tolist()
        assert result[name]["lengths"] == played.lengths.tolist()
        assert result[name]["seeds"] == [episode_seed(OWN_SEED, 0)]
        assert (result[name]["games"], result[name]["finished"]) == (1, 1)
        assert result[name]["mean"] == played.scores.mean()
        assert result[name]["code"] == code_version()
    assert result["greedy"]["acted"] == {"latents": "drawn", "actions": "the likeliest"}
    assert result["sampled"]["acted"] == {"latents": "drawn", "actions": "drawn"}
    table = capsys.readouterr().out
    assert "sticky actions 0.25" in table
    assert [line.split()[0] for line in table.splitlines() if line[:1].isalpha()][1:3] == ["greedy", "sampled"]
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["dream.gif", "games.json", "report.html"]


def test_the_dreams_of_these_games_are_held_against_what_really_happens(loaded, tmp_path, capsys):
    evaluate(tmp_path, games=1, sampled=True, enemy="lazy", states=5)
    result = json.loads((tmp_path / "games-enemy_lazy.json").read_text())
    model, agent = loaded
    env = dataclasses.replace(OWN, enemy="lazy")
    moments = Moments(5, agent.config.discount, env.max_episode_steps, OWN_SEED)
    play_games(model, agent.policy(model, greedy=False), games=1, env=env, seed=OWN_SEED, moments=moments)
    compared = imagined_against_real(model, agent, moments, env, OWN_SEED)
    features = dict(zip(PONG.layout.features, compared.by_feature(5).tolist(), strict=True))
    assert result["imagined"] == {"moments": 5, "features": features} | compared.metrics
    shown = capsys.readouterr().out
    assert "from 5 moments of the sampled games" in shown
    assert f"k = 5: {max(features, key=features.get)} " in shown


@pytest.mark.usefixtures("loaded")
def test_moments_are_of_sampled_games_alone(tmp_path):
    with pytest.raises(ValueError, match=r"^states: expected 0, or sampled among what plays"):
        evaluate(tmp_path, greedy=True, states=5)


def test_a_game_that_cannot_go_back_has_no_moments(loaded, tmp_path, monkeypatch):
    monkeypatch.setattr(type(loaded[0].game), "clones", False)
    with pytest.raises(
        UserError, match=r"^states: expected 0, .* cannot go back to an earlier moment to play on from, got 5$"
    ):
        evaluate(tmp_path, states=5)


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("named", ["greedy", "sampled"])
def test_one_policy_under_other_sticky_actions_into_a_file_of_one_s_choice(asked, tmp_path, named, capsys):
    target = tmp_path / "elsewhere" / "result.json"
    evaluate(tmp_path / "run", games=7, sticky=0.5, seed=3, json=str(target), **{named: True})
    # the run's own games were stopped early, these are not
    assert asked == [(EnvConfig(repeat_action_probability=0.5), [named], 7, 3, 8)]
    result = json.loads(target.read_text())
    assert set(result) == {"weights", "processor", "env", "sticky", "seed", named}
    assert not (tmp_path / "run" / "games.json").exists()
    assert "sticky actions 0.5" in capsys.readouterr().out


def games_of(run, name="games.json"):
    """The number of the call that each policy's games in a file are from."""
    games = json.loads((run / name).read_text())
    return {policy: games[policy]["call"] for policy in ("greedy", "sampled", "planned") if policy in games}


@pytest.mark.usefixtures("loaded", "asked")
def test_games_of_one_policy_stand_beside_those_of_the_others(tmp_path):
    evaluate(tmp_path)
    evaluate(tmp_path, greedy=True)
    assert games_of(tmp_path) == {"greedy": 2, "sampled": 1}
    evaluate(tmp_path, planned=True)
    assert games_of(tmp_path) == {"greedy": 2, "sampled": 1, "planned": 3}
    assert [path.name for path in tmp_path.glob("*.json")] == ["games.json"]


@pytest.mark.usefixtures("loaded", "asked")
def test_games_of_another_kind_go_into_another_file(tmp_path):
    evaluate(tmp_path)
    before = (tmp_path / "games.json").read_bytes()
    evaluate(tmp_path, sticky=0.0)
    evaluate(tmp_path, sticky=0.0, seed=5)
    evaluate(tmp_path, sticky=0.0, greedy=True)
    assert (tmp_path / "games.json").read_bytes() == before
    assert games_of(tmp_path, "games-sticky_0.0.json") == {"greedy": 4, "sampled": 2}
    assert games_of(tmp_path, "games-sticky_0.0-seed_5.json") == {"greedy": 3, "sampled": 3}


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("asking", "changed", "name"),
    [
        ({"enemy": "late"}, {"enemy": "late"}, "enemy_late"),
        ({"noops": 120}, {"noop_max": 120}, "noops_120"),
        (
            {"enemy": "lazy", "sticky": 0.0},
            {"enemy": "lazy", "repeat_action_probability": 0.0},
            "sticky_0.0-enemy_lazy",
        ),
    ],
)
def test_games_against_another_enemy_or_from_other_starts(asked, tmp_path, monkeypatch, asking, changed, name):
    drawn = []
    monkeypatch.setattr("agents.evaluate_agent.write_dream", lambda path, *arguments: drawn.append(path))
    evaluate(tmp_path, **asking)
    ((env, *_),) = asked
    assert env == dataclasses.replace(OWN, **changed)
    assert games_of(tmp_path, f"games-{name}.json") == {"greedy": 1, "sampled": 1}
    assert not (tmp_path / "games.json").exists()
    assert drawn == [tmp_path / "media" / f"dream-{name}.gif"]


@pytest.mark.usefixtures("loaded", "asked")
def test_games_of_before_there_were_other_enemies_stand_beside_new_ones(tmp_path):
    evaluate(tmp_path, greedy=True)
    games = json.loads((tmp_path / "games.json").read_text())
    del games["env"]["enemy"]
    (tmp_path / "games.json").write_text(json.dumps(games))
    evaluate(tmp_path, sampled=True)
    assert games_of(tmp_path) == {"greedy": 1, "sampled": 2}


@pytest.mark.usefixtures("loaded", "asked")
def test_games_of_an_agent_that_was_trained_on_since_are_replaced(tmp_path, capsys):
    (tmp_path / "agent.safetensors").write_bytes(b"one")
    evaluate(tmp_path)
    (tmp_path / "agent.safetensors").write_bytes(b"two")
    evaluate(tmp_path, greedy=True)
    assert games_of(tmp_path) == {"greedy": 2}
    assert (
        "games.json: the games there are of another weights, or do not say; they are replaced"
        in capsys.readouterr().err
    )


@pytest.mark.usefixtures("loaded", "asked")
def test_shipped_weights_play_where_no_run_is_named_and_stay_as_they_are(tmp_path, monkeypatch):
    shelf = tmp_path / "shelf" / "pong"
    shelf.mkdir(parents=True)
    (shelf / "model.safetensors").write_bytes(b"shipped")
    monkeypatch.setattr("rssm.weights.FOLDER", shelf.parent)
    monkeypatch.chdir(tmp_path)
    evaluate("")
    assert [path.name for path in shelf.iterdir()] == ["model.safetensors"]
    games = json.loads((tmp_path / "runs" / "pong" / "games.json").read_text())
    assert games["weights"] == {"model": hashlib.sha256(b"shipped").hexdigest()}


@pytest.mark.usefixtures("loaded")
def test_planned_games_say_how_many_rollouts(asked, tmp_path):
    evaluate(tmp_path, planned=True, rollouts=9)
    assert [(policies, rollouts) for _, policies, _, _, rollouts in asked] == [(["planned"], 9)]
    assert how("planned", 9)["rollouts"] == 9
    assert games_of(tmp_path) == {"planned": 1}


@pytest.mark.usefixtures("loaded", "asked")
def test_the_heads_are_scored_where_recorded_games_are_given(pong_data, tmp_path, capsys):
    evaluate(tmp_path, data=str(pong_data.path))
    events = json.loads((tmp_path / "games.json").read_text())["events"]
    assert events["observed"]["point_lost"]["events"] == (pong_data.reward < 0).sum()
    assert events["data"]["sha256"] == checksum(pong_data)
    table = capsys.readouterr().out
    assert all(f"\n{name} " in table for name in ("point won", "point lost", "end"))
    assert "Rewards and ends in recorded games" in (tmp_path / "report.html").read_text()


@pytest.mark.usefixtures("loaded")
def test_data_that_are_not_there_are_refused_before_a_game_is_played(asked, tmp_path):
    with pytest.raises(DataError, match="no such folder; expected a data set"):
        evaluate(tmp_path / "run", data=str(tmp_path / "none"))
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_disk(make_model, asked, tmp_path, monkeypatch):
    model, run = make_model(), tmp_path / "run"
    agent = Agent(ActorCriticConfig(fire=True, hidden=8, layers=1), inputs_size(model.config, PONG), PONG)
    with torch.no_grad():
        list(agent.player.parameters())[-1][4] = 50.0  # the last bias: always RIGHTFIRE
    save_model(run / "model.safetensors", model, weights_of(model), {})
    save_agent(run / "agent.safetensors", agent, {})
    save_config(AgentConfig(run=str(run), env=EnvConfig(noop_max=3)), run / "config.yaml")
    dreams = []
    monkeypatch.setattr("agents.evaluate_agent.write_dream", lambda *arguments: dreams.append(arguments))
    evaluate(run)
    assert [env.noop_max for env, *_ in asked] == [3]
    ((path, loaded, policy, _, _),) = dreams
    assert path == run / "media" / "dream.gif"
    stack = torch.zeros(2, 14, 4)
    begun = loaded.rssm.initial(torch.ones(2, dtype=torch.bool))
    latent = torch.zeros(2, loaded.config.stoch, loaded.config.classes)
    assert policy(State(begun, latent, stack)).tolist() == [4, 4]


def test_a_folder_that_is_no_agent_s_run_is_refused_in_one_line(tmp_path, asked):
    with pytest.raises(UserError, match="expected the folder of an agent's run") as caught:
        evaluate(tmp_path)
    assert "\n" not in str(caught.value)
    assert asked == []
