import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from agents.learning.agent import Agent
from agents.learning.inputs import inputs_size
from agents.online import online as module
from agents.online.config import PlayConfig
from agents.online.online import Online
from agents.online.world_trainer import WorldTrainer
from rssm.games.pong.game import PONG
from rssm.games.pong.statistics import FLAGS


@pytest.fixture
def make_online(online_job, tmp_path):
    def make(folder="run", **changes):
        config = dataclasses.replace(online_job, **changes)
        return Online(tmp_path / folder, config, WorldTrainer(0), torch.device("cpu"))

    return make


@pytest.fixture
def agent(online_job):
    torch.manual_seed(0)
    return Agent(online_job.actor_critic, inputs_size(online_job.model, PONG), PONG)


def run(online, agent, first=0):
    """All cycles of two updates; what each of them had played and done by its end."""
    seen = []
    online.prepare()
    for update in range(first, online.updates, 2):
        stop = min(update + 2, online.updates)
        online.begin(agent, update, stop)
        metrics = online.finish()
        seen.append((stop, online.env_steps, metrics.get("world/update")))
    return seen


def test_every_real_step_is_counted_and_the_budget_is_kept(make_online, agent):
    online = make_online()
    assert online.updates == 13 + 1  # (203 - 80) / 10 of them beside play, rounded up, one after it
    seen = run(online, agent)
    # 80 random steps, 20 per cycle; the last 3 steps of the budget make one turn of two games
    expected_steps = [100, 120, 140, 160, 180, 200, 202]
    assert [steps for _, steps, _ in seen] == expected_steps
    assert online.env_steps == 202 <= 203
    assert len(online.data()) == 202
    # three updates of the world model first, then one for each 20 steps
    assert [done for _, _, done in seen] == [4, 5, 6, 7, 8, 9, None]


def test_the_steps_on_disk_are_the_steps_counted(make_online, agent, tmp_path):
    online = make_online()
    run(online, agent)
    rows = 0
    for path in (tmp_path / "run" / "replay").iterdir():
        with np.load(path) as block:
            rows += block["action"].size
    assert rows == online.env_steps


@pytest.mark.parametrize(("fire", "actions"), [(True, [0, 1, 2, 3, 4, 5]), (False, [0, 2, 3])])
def test_it_starts_with_random_play_of_the_actions_that_it_may_take(make_online, online_job, fire, actions):
    actor_critic = dataclasses.replace(online_job.actor_critic, fire=fire)
    online = make_online(actor_critic=actor_critic)
    online.prepare()
    data = online.data()
    shares = np.bincount(np.concatenate([data.action[:40], data.action[50:90]]), minlength=6) / 80
    assert np.flatnonzero(shares).tolist() == actions
    assert (shares[actions] > 0.05).all()


def test_the_world_model_knows_more_than_random_play_has_shown(make_online):
    online = make_online()
    online.prepare()
    statistics = online.model.statistics
    for feature, values in FLAGS.items():
        assert statistics.landings[feature] == values


def test_the_first_updates_show_how_far_they_are_and_come_to_the_same(make_online, monkeypatch, capsys):
    monkeypatch.setattr("rssm.progress._EVERY", 0.0)
    weights = []
    for stretch in (1, 20):
        monkeypatch.setattr(module, "_STRETCH", stretch)
        online = make_online(f"stretch-{stretch}")
        online.prepare()
        online.prepare()  # a second time there is nothing to do
        assert online.env_steps == 80
        weights.append(online.model.state_dict())
    for (name, one), other in zip(weights[0].items(), weights[1].values(), strict=True):
        assert torch.equal(one, other), name
    said = capsys.readouterr().err
    assert [line in said for line in ("world model: 1 of 3 updates", "world model: 3 of 3 updates")] == [True, True]


def test_new_weights_are_taken_up_at_the_end_of_a_cycle_alone(make_online, agent):
    online = make_online()
    online.prepare()
    online.begin(agent, 0, 2)
    before = {name: value.clone() for name, value in online.model.state_dict().items()}
    online.finish()
    after = online.model.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert not online.model.training
    assert not any(parameter.requires_grad for parameter in online.model.parameters())


def test_it_goes_on_exactly_from_a_checkpoint(make_online, agent):
    whole = make_online()
    run_up_to(whole, agent, 6)
    state = whole.state_dict()
    run(whole, agent, first=6)
    resumed = make_online()
    resumed.load_state_dict(state)
    assert resumed.env_steps == 140
    run(resumed, agent, first=6)
    one, other = whole.data(), resumed.data()
    assert np.array_equal(one.features, other.features)
    assert np.array_equal(one.action, other.action)
    for (name, a), b in zip(whole.model.state_dict().items(), resumed.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def run_up_to(online, agent, update):
    online.prepare()
    for first in range(0, update, 2):
        online.begin(agent, first, first + 2)
        online.finish()


def test_another_seed_plays_other_games(make_online):
    games = [make_online("a"), make_online("b", seed=1)]
    for online in games:
        online.prepare()
    assert not np.array_equal(games[0].data().action, games[1].data().action)
    assert Path(games[0].data().path) != Path(games[1].data().path)


def test_early_steps_are_learned_from_more_often_by_both(make_online, online_job, agent):
    play = dataclasses.replace(online_job.play, early_steps=120, early_updates=2)
    online = make_online(play=play)
    # 40 steps at five a step, 83 at ten: 8 + 8.3 updates, rounded up, and one after play
    assert online.updates == 17 + 1
    seen = run(online, agent)
    assert [steps for _, steps, _ in seen] == [90, 100, 110, 120, 140, 160, 180, 200, 202]
    assert [done for _, _, done in seen] == [4, 5, 6, 7, 8, 9, 10, 11, None]


def test_some_games_are_planned_and_the_others_are_not(make_online, online_job, agent, monkeypatch):
    asked = []

    def plan(model, agent, rollouts):
        def choose(state):
            asked.append((len(state.deter), rollouts))
            return torch.full(state.shape, 3)

        return choose

    monkeypatch.setattr("agents.online.online.planned", plan)
    play = dataclasses.replace(online_job.play, planned=0.5, rollouts=5)
    online = make_online(play=play)
    run_up_to(online, agent, 4)
    data = online.data()
    first, second = data.action[:60], data.action[60:]  # 40 random steps and 20 of two cycles, of each of two games
    assert (first[40:] == 3).all()
    assert not (second[40:] == 3).all()
    assert asked == [(1, 5)] * 20


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"planned": 0.1, "games": 4}, "planned: expected 0 or a share that makes a game of 4, got 0.1"),
        ({"early_steps": 4_000}, "early_steps: expected 0 (off) or more than the 4000 steps of random play, got 4000"),
    ],
)
def test_settings_of_play_that_would_do_nothing_are_refused(changes, line):
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        PlayConfig(**changes)
