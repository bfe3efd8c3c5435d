"""A small game with Pong's trap: a serve that comes a fixed time after a goal, while a player's habit counts along.

A model of one player's games may read the time off the paddle; then it is lost where somebody rests. A model of games
by both has to count.
"""

import dataclasses

import gymnasium
import numpy as np
import pytest
import torch

from rssm.config import EnvConfig, EvalConfig, LossConfig, ModelConfig, TrainConfig
from rssm.data.chunks import ChunkSampler
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.episode import Episode
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.openloop import evaluate
from rssm.evaluation.other_players import score_others
from rssm.model.world_model import WorldModel
from rssm.seeds import derived_seed
from rssm.training.optimizer import Optimizer
from rssm.training.step import train_step

#: steps from a goal to the serve, longer than a stack, and from there to the next goal
WAIT, PLAY = 8, 5
UPDATES = 200


class Waiting(gymnasium.Env):
    """Observation: whether a ball is in play, and the paddle's place."""

    observation_space = gymnasium.spaces.Box(-100.0, 100.0, (2,))
    action_space = gymnasium.spaces.Discrete(2)


if "test/Waiting-v0" not in gymnasium.registry:
    gymnasium.register("test/Waiting-v0", Waiting)


def games(path, habits, seed):
    """Games of players that ``move`` once in each step while they wait, or ``rest``; in play both move at random."""
    rng, episodes = np.random.default_rng(seed), []
    for number in range(24):
        habit, rows, place = habits[number % len(habits)], [], 0.0
        while len(rows) < 120:
            for waiting, steps in ((True, WAIT), (False, PLAY)):
                place = 0.0 if waiting else place  # a goal puts it back
                for _ in range(steps):
                    action = int(habit == "move") if waiting else int(rng.integers(2))
                    rows.append((0.0 if waiting else 10.0, place, action))
                    place += action
        table = np.array(rows, np.float32)
        nothing = np.zeros(len(rows), np.float32)
        episodes.append(Episode(table[:, :2], table[:, 2].astype(np.uint8), nothing, False, True, number, habit))
    write_dataset(path, episodes, env=EnvConfig(id="test/Waiting-v0"), policy={"name": "habit"}, seed=seed)
    return Dataset.open(path)


def trained(data):
    torch.manual_seed(0)
    config = ModelConfig(
        likelihood="mse", deter=32, stoch=2, classes=4, hidden=32, head_hidden=16, layers=1, unimix=0.01
    )
    model = WorldModel(config, data.game, data.game.fit(data.features, data.action, data.is_first))
    train = TrainConfig(updates=UPDATES, batch_size=8, chunk_length=32, learning_rate=4e-3, warmup=20, ema=0.9)
    optimizer = Optimizer(model, train)
    sampler = ChunkSampler(data, train.batch_size, train.chunk_length, 0)
    for update in range(UPDATES):
        train_step(optimizer, sampler, LossConfig(open_loop=0.0), derived_seed(0, 1, update), update)
    return optimizer.average


@pytest.fixture(scope="module")
def heldout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heldout")
    return games(folder / "move", ["move"], 5), games(folder / "rest", ["rest"], 6)


def resting_ratio(model, heldout):
    """The error on a resting player's games, as a multiple of that on the moving one's, at the last step."""
    moving, resting = heldout
    predictor = WorldModelPredictor(model)
    settings = dataclasses.replace(EvalConfig(), off_policy_windows=0, bootstrap=10)
    main = evaluate(predictor, moving, settings, "mode")
    found = score_others(predictor, [resting], main, settings)
    return found["worst"]["ratio"][-1]


def test_a_mixture_of_players_keeps_the_serve_and_one_player_alone_loses_it(tmp_path, heldout):
    alone = resting_ratio(trained(games(tmp_path / "one", ["move"], 1)), heldout)
    mixed = resting_ratio(trained(games(tmp_path / "both", ["move", "rest"], 1)), heldout)
    assert mixed < 10.0
    assert alone > 100.0
