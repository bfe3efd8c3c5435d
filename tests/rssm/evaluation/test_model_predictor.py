import numpy as np
import pytest
import torch

from rssm.data.frames import stack_episode
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.predictor import Predictor


@pytest.fixture(scope="module")
def episode(pong_data):
    """Stacks (L, 14, 4) and actions (L,) of a beginning of 200 rows."""
    recorded = pong_data.episode(4)
    return stack_episode(np.array(recorded.features)), recorded.action.astype(np.int64)


@pytest.fixture(scope="module")
def windows(episode):
    """Starts (W,) and futures (W, 6), one of which is not what was recorded."""
    starts = np.arange(0, 180, 6)
    futures = episode[1][starts[:, None] + np.arange(6)]
    futures[3] = 5 - futures[3]
    return starts, futures


@pytest.mark.parametrize("samples", [0, 2])
def test_predictions_do_not_depend_on_what_comes_later(any_model, episode, assert_causal, samples):
    assert_causal(WorldModelPredictor(any_model, samples), *episode)


def test_the_mode_equals_filtering_and_imagining_one_window_at_a_time(any_model, episode, windows):
    stacks, actions = episode
    starts, futures = windows
    predictor: Predictor = WorldModelPredictor(any_model)
    predicted = predictor.predict(stacks, actions, starts, futures)
    assert predicted.shape == (len(starts), 6, 14, 4)
    assert predicted.dtype == np.float32
    with torch.no_grad():
        for window in (0, 3, 17, 29):
            start = starts[window]
            seen = any_model.observe(
                torch.from_numpy(stacks[None, : start + 1]),
                torch.from_numpy(actions[None, : start + 1]),
                torch.tensor([True]),
                sample=False,
            )
            future = torch.from_numpy(futures[None, window])
            frames = any_model.imagine(seen.states[:, -1], future, sample=False).states.stack[0].numpy()
            # a random model blows rounding up where frames are no whole pixels: there two steps have to do
            steps = 6 if any_model.config.likelihood == "discrete" else 2
            assert np.allclose(predicted[window, :steps], frames[:steps], atol=0.01)


def test_the_future_actions_matter(make_model, episode, windows):
    stacks, actions = episode
    starts, futures = windows
    predictor = WorldModelPredictor(make_model("decoupled", "residual", "huber"))
    one = predictor.predict(stacks, actions, starts, futures)
    changed = futures.copy()
    changed[:, 3:] = 5 - changed[:, 3:]
    other = predictor.predict(stacks, actions, starts, changed)
    assert np.array_equal(one[:, :3], other[:, :3])
    assert not np.allclose(one[:, 3:], other[:, 3:])


def _twice(part):
    return torch.cat([part, part])


@torch.no_grad()
def test_a_sampled_prediction_is_the_mean_over_futures(any_model, episode, windows, monkeypatch):
    stacks, actions = (torch.from_numpy(part[None]) for part in episode)
    starts, futures = (torch.from_numpy(part) for part in windows)
    states = any_model.observe(stacks, actions, torch.tensor([True]), sample=False).states[0][starts]
    # two of the three at once
    monkeypatch.setattr("rssm.model.futures.BATCH", 2 * len(futures) + 1)
    torch.manual_seed(5)
    drawn = [any_model.imagine(states.map(by), by(futures), sample=True).predictions for by in (_twice, lambda x: x)]
    pair, last = (np.stack([step.mean().numpy() for step in future], 1) for future in drawn)
    expected = (sum(np.split(pair, 2)) + last) / 3
    found = WorldModelPredictor(any_model, 3, seed=5).predict(*episode, *windows)
    assert np.allclose(found, expected, atol=1e-3)
    one = WorldModelPredictor(any_model, 1, seed=5).predict(*episode, *windows)
    assert not np.allclose(found, one, atol=1e-2)


def test_random_numbers_come_from_the_seed_alone(make_model, episode, windows):
    model = make_model()
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = WorldModelPredictor(model, 3, seed=5).predict(*episode, *windows)
    assert torch.equal(torch.get_rng_state(), before)  # a training goes on as if nothing had been evaluated
    torch.manual_seed(2)
    assert np.array_equal(one, WorldModelPredictor(model, 3, seed=5).predict(*episode, *windows))
    assert not np.array_equal(one, WorldModelPredictor(model, 3, seed=6).predict(*episode, *windows))


def test_many_windows_are_imagined_in_pieces(make_model, episode, windows, monkeypatch):
    predictor = WorldModelPredictor(make_model())
    whole = predictor.predict(*episode, *windows)
    monkeypatch.setattr("rssm.evaluation.model_predictor.BATCH", 7)
    assert np.allclose(predictor.predict(*episode, *windows), whole, atol=1e-3)


def test_no_window_gives_no_prediction(make_model, episode):
    empty = WorldModelPredictor(make_model()).predict(*episode, np.zeros(0, np.int64), np.zeros((0, 4), np.int64))
    assert empty.shape == (0, 4, 14, 4)


@torch.no_grad()
def test_sampled_futures_are_single_ones_and_their_surprise_is_of_all_together(any_model, episode, windows):
    stacks, actions = episode
    starts, futures = windows
    truth = stacks[starts[:, None] + np.arange(1, 7)]
    found = WorldModelPredictor(any_model, seed=5).sample_futures(*episode, *windows, truth, 3)
    states = any_model.observe(
        torch.from_numpy(stacks[None]), torch.from_numpy(actions[None]), torch.tensor([True]), sample=False
    ).states[0][torch.from_numpy(starts)]
    torch.manual_seed(5)
    window = torch.arange(len(starts)).repeat(3)
    drawn = any_model.imagine(states[window], torch.from_numpy(futures)[window], sample=True)
    expected = drawn.states.stack.numpy()[..., -1].reshape(3, len(starts), 6, 14)
    assert np.allclose(found.frames, expected, atol=1e-3)
    assert (found.frames[0] != found.frames[1]).any()
    if any_model.config.likelihood != "discrete":
        assert found.surprise is None
        return
    came = torch.from_numpy(truth)[window]
    losses = np.stack([step.loss(came[:, k]).numpy() for k, step in enumerate(drawn.predictions)], 1).astype(float)
    together = np.exp(-losses).reshape(3, len(starts), 6).mean(axis=0)
    assert np.allclose(found.surprise, -np.log(together), atol=1e-3)


def test_it_says_what_a_prediction_is(make_model):
    model = make_model()
    assert WorldModelPredictor(model).description == "mode"
    assert WorldModelPredictor(model, 32).description == "mean over 32 samples"
