import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from rssm.baselines.config import NetworkConfig
from rssm.baselines.dynamics import Dynamics
from rssm.baselines.predictor import BaselinePredictor
from rssm.baselines.scaling import StackScaling
from rssm.data.frames import stack_episode
from rssm.games.pong.game import PONG
from rssm.games.pong.paddle import PaddleLaw
from rssm.games.pong.statistics import FeatureStatistics

PLAIN = FeatureStatistics(
    mean=(0.0,) * 14,
    std=(1.0,) * 14,
    moves=((),) * 14,
    landings=((),) * 14,
    low=(0.0,) * 14,
    high=(0.0,) * 14,
    paddle=PaddleLaw(0.5, (0.0,) * 6),
)
LARGE = dataclasses.replace(PLAIN, mean=(5.0,) * 14, std=(10.0,) * 14)


class Adds:
    """Adds a number, and noise of a given size, at every step."""

    memory_size = 0

    def __init__(self, number: float, noise: float = 0.0) -> None:
        self.number, self.noise = number, noise

    def remember(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        return memory

    def predict(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        return stack + self.number + self.noise * torch.randn_like(stack[:, :1, :1])


def windows() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    observations = stack_episode(rng.normal(size=(12, 14)).astype(np.float32))
    starts = np.array([0, 2, 5])
    return observations, rng.integers(6, size=12), starts, rng.integers(6, size=(3, 6))


def test_steps_are_predicted_in_normalised_units_and_answered_in_pixels():
    observations, actions, starts, futures = windows()
    predicted = BaselinePredictor([Adds(2.0)], StackScaling(LARGE)).predict(observations, actions, starts, futures)
    added = 20.0 * np.arange(1, 7)[:, None, None]
    assert np.allclose(predicted, observations[starts][:, None] + added, atol=1e-4)


def test_the_members_mean_is_what_the_next_step_sees():
    observations, actions, starts, futures = windows()
    members = [Adds(1.0), Adds(3.0)]
    predictor = BaselinePredictor(members, StackScaling(PLAIN))
    predicted = predictor.predict(observations, actions, starts, futures)
    assert np.allclose(predicted, observations[starts][:, None] + 2.0 * np.arange(1, 7)[:, None, None], atol=1e-5)
    assert predictor.description == "mean of 2 networks"


def test_sampled_futures_are_averaged_and_repeat():
    observations, actions, starts, futures = windows()
    one, many = (BaselinePredictor([Adds(0.0, noise=1.0)], StackScaling(PLAIN), count, seed=1) for count in (1, 400))
    arguments = (observations, actions, starts, futures)
    before = torch.get_rng_state()
    error = [p.predict(*arguments)[:, 0] - observations[starts] for p in (one, many)]
    assert torch.equal(torch.get_rng_state(), before)
    assert np.abs(error[0]).max() > 0.3
    assert np.abs(error[1]).max() < 0.25
    assert np.array_equal(many.predict(*arguments), many.predict(*arguments))
    assert many.description == "mean over 400 samples"


@pytest.mark.parametrize("kind", ["mlp", "gru", "lstm"])
def test_a_prediction_is_the_models_own_rollout_from_the_episodes_first_observation(kind):
    torch.manual_seed(0)
    model = Dynamics(NetworkConfig(kind=kind, scale=1, layers=1), PONG.layout)
    observations, actions, starts, futures = windows()
    predicted = BaselinePredictor([model], StackScaling(PLAIN)).predict(observations, actions, starts, futures)
    assert predicted.shape == (3, 6, 14, 4)
    with torch.no_grad():
        for window, start in enumerate(starts):
            memory = torch.zeros(1, model.memory_size)
            for t in range(start):
                memory = model.remember(memory, torch.tensor(observations[t : t + 1]), torch.tensor(actions[t : t + 1]))
            stack = torch.tensor(observations[start : start + 1])
            for step, action in enumerate(torch.tensor(futures[window])):
                memory = model.remember(memory, stack, action[None])
                stack = model.predict(memory, stack, action[None])
                assert np.allclose(predicted[window, step], stack[0], atol=1e-5)


@pytest.mark.parametrize("kind", ["mlp", "lstm"])
def test_nothing_after_a_windows_start_is_looked_at(kind):
    torch.manual_seed(0)
    predictor = BaselinePredictor(
        [Dynamics(NetworkConfig(kind=kind, scale=1, layers=1), PONG.layout)], StackScaling(PLAIN)
    )
    observations, actions, _, futures = windows()
    starts = np.array([5])
    later, taken = observations.copy(), actions.copy()
    later[6:] += 100.0
    taken[5:] = (taken[5:] + 1) % 6
    first = predictor.predict(observations, actions, starts, futures[:1])
    assert np.array_equal(first, predictor.predict(later, taken, starts, futures[:1]))
