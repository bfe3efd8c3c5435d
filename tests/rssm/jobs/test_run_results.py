import numpy as np

from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.jobs.run_results import dream
from rssm.training.checkpoint import load_model


def test_a_dream_is_the_longest_game_six_steps_at_a_time(make_model, pong_data):
    model = make_model()
    real, imagined = dream(model, pong_data)
    game = pong_data.episode(3)
    assert np.array_equal(real, game.features[1 : len(real) + 1])
    assert imagined.shape == real.shape
    assert len(real) % 6 == 0
    stacks, actions = stack_episode(np.array(game.features)), game.action.astype(np.int64)
    for start in (0, 12, len(real) - 6):
        window = np.array([start])
        predicted = WorldModelPredictor(model).predict(stacks, actions, window, actions[None, start : start + 6])
        assert np.allclose(imagined[start : start + 6], predicted[..., -1][0], atol=1e-3)


def test_the_finished_model_can_be_loaded_anywhere(finished_run, tiny_job):
    model = load_model(finished_run / "model.safetensors")
    assert model.config == tiny_job.model
    real, imagined = dream(model, Dataset.open(tiny_job.data.heldout))
    assert np.isfinite(imagined).all()
    assert len(real) == 120
