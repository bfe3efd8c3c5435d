import subprocess
import sys

import numpy as np
import pytest
import torch

import rssm
from rssm.api import Model
from rssm.config import EvalConfig
from rssm.config.yaml_file import save_config
from rssm.data.frames import stack_episode, to_observation, to_stack
from rssm.errors import CheckpointError, ShapeError, UserError
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.training.checkpoint import save_model, weights_of

ACTIONS = [2, 2, 0, 3, 3, 5]


@pytest.fixture
def model(make_model):
    return Model(make_model().eval())


@pytest.fixture(scope="module")
def piece(pong_data):
    """Observations (40, 56) of the beginning of a game and the actions (39,) between them."""
    episode = pong_data.episode(0)
    return to_observation(stack_episode(episode.features)[:40]), episode.action[:39].astype(np.int64)


@pytest.fixture
def runs(tmp_path, monkeypatch, make_model, tiny_job):
    """A working folder with one run, ``runs/mine``."""
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "mine"
    save_model(run / "model.safetensors", make_model(), weights_of(make_model()), {})
    save_config(tiny_job, run / "config.yaml")
    return tmp_path / "runs"


def test_importing_the_package_loads_no_torch_and_knows_its_names():
    code = """
import sys, rssm
assert not {"torch", "ale_py", "rssm.api"} & set(sys.modules)
assert set(rssm.__all__) <= set(dir(rssm))
assert rssm.__version__
assert "torch" not in sys.modules
assert rssm.ENVIRONMENTS == (rssm.ENV_ID, rssm.DREAM_ID)
assert callable(rssm.load) and callable(rssm.evaluate) and rssm.Model
try:
    rssm.laod
except AttributeError as error:
    assert "laod" in str(error)
else:
    raise AssertionError
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr


class TestPredict:
    @pytest.mark.parametrize("posterior", ["decoupled", "coupled"])
    @pytest.mark.parametrize("samples", [0, 3])
    def test_after_a_piece_of_a_game_it_is_what_the_evaluation_scores(self, make_model, piece, posterior, samples):
        model, (stacks, actions) = Model(make_model(posterior).eval()), piece
        state = model.observe(stacks, actions)
        ahead = model.imagine(state, ACTIONS, samples=samples, seed=4)
        whole = WorldModelPredictor(model.world_model, samples, seed=4)
        past = to_stack(stacks, 4), np.append(actions, 0)
        expected = to_observation(whole.predict(*past, np.array([39]), np.array([ACTIONS]))[0])
        if samples:  # there the last step is the mean of its distribution, and the earlier ones are drawn
            assert ahead.shape == expected.shape
            np.testing.assert_allclose(ahead[-1], expected[-1], rtol=1e-5)
        else:
            np.testing.assert_array_equal(ahead, expected)

    def test_a_batch_is_its_parts_and_a_tensor_gives_a_tensor(self, model, piece):
        stacks, actions = piece[0][:3], np.array([ACTIONS, ACTIONS[::-1], [0] * 6])
        together = model.predict(stacks, actions)
        assert together.shape == (3, 6, 56)
        assert together.dtype == np.float32
        for stack, taken, expected in zip(stacks, actions, together, strict=True):
            np.testing.assert_allclose(model.predict(stack, taken.tolist()), expected, atol=1e-4)
        tensor = model.predict(torch.from_numpy(stacks), torch.from_numpy(actions))
        assert isinstance(tensor, torch.Tensor)
        np.testing.assert_array_equal(tensor.numpy(), together)

    def test_it_looks_as_far_ahead_as_there_are_actions(self, model, piece):
        near, far = model.predict(piece[0][5], ACTIONS[:2]), model.predict(piece[0][5], ACTIONS * 3)
        assert (near.shape, far.shape) == ((2, 56), (18, 56))
        np.testing.assert_allclose(far[:2], near, atol=1e-5)

    def test_a_game_s_first_observation_is_not_one_from_its_middle(self, model, piece):
        one = model.predict(piece[0][0], ACTIONS, first=True, samples=4)
        assert not np.array_equal(one, model.predict(piece[0][0], ACTIONS, samples=4))

    def test_the_seed_decides_the_samples_and_nothing_else_changes(self, model, piece):
        torch.manual_seed(0)
        before = torch.get_rng_state()
        one, other = (model.predict(piece[0][5], ACTIONS, samples=3, seed=seed) for seed in (1, 2))
        assert torch.equal(torch.get_rng_state(), before)
        assert not np.array_equal(one, other)
        np.testing.assert_array_equal(model.predict(piece[0][5], ACTIONS, samples=3, seed=1), one)


STACK = np.zeros(56, np.float32)


class TestWhatDoesNotFit:
    @pytest.mark.parametrize(
        ("stack", "actions", "line"),
        [
            (np.zeros((14, 4)), ACTIONS, "stack: expected shape (56,) or (B, 56), 4 frames of 14 features"),
            (np.zeros((2, 3, 56)), ACTIONS, "stack: expected shape (56,) or (B, 56)"),
            (np.zeros((0, 56)), ACTIONS, "stack: expected shape (56,) or (B, 56)"),
            (np.float32(1), ACTIONS, "stack: expected shape (56,) or (B, 56)"),
            ("a stack", ACTIONS, "stack: expected an array of shape (56,) or (B, 56), got str"),
            ([[1, 2], [3]], ACTIONS, "stack: expected an array of shape (56,) or (B, 56), got list"),
            (STACK * np.nan, ACTIONS, "stack: expected finite numbers"),
            (STACK, [], "actions: expected shape (K,), got (0,)"),
            (STACK, [ACTIONS], "actions: expected shape (K,), got (1, 6)"),
            (STACK, 3, "actions: expected shape (K,), got ()"),
            (STACK[None], ACTIONS, "actions: expected shape (1, K), got (6,)"),
            (np.zeros((2, 56)), [ACTIONS], "actions: expected shape (2, K), got (1, 6)"),
            (STACK, [0.5], "actions: expected whole numbers, got torch.float64"),
            (STACK, [True], "actions: expected whole numbers, got torch.bool"),
            (STACK, [0, 6], "actions: expected numbers from 0 to 5, got 6"),
            (STACK, [0, -1], "actions: expected numbers from 0 to 5, got -1"),
            (STACK, "left", "actions: expected whole numbers of shape (K,), got str"),
        ],
    )
    def test_predict(self, model, stack, actions, line):
        with pytest.raises(ShapeError) as caught:
            model.predict(stack, actions)
        assert str(caught.value).startswith(line)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, ValueError)

    def test_observe(self, model, piece):
        stacks, actions = piece
        with pytest.raises(ShapeError, match=r"^stacks: expected shape \(T, 56\) or \(B, T, 56\)"):
            model.observe(stacks[0], actions)
        with pytest.raises(ShapeError, match=r"^actions: expected shape \(39,\), got \(38,\)"):
            model.observe(stacks, actions[1:])
        with pytest.raises(ShapeError, match=r"^samples: expected 0"):
            model.imagine(model.observe(stacks, actions), ACTIONS, samples=-1)


class TestLoad:
    @pytest.mark.parametrize("name", ["mine", "runs/mine", "runs/mine/model.safetensors"])
    def test_by_name_folder_and_file(self, runs, make_model, name):
        model = rssm.load(name)
        assert not model.world_model.training
        assert model.run is not None
        assert model.run.name == "mine"
        weights = weights_of(make_model())
        assert all(torch.equal(value.cpu(), weights[key]) for key, value in model.world_model.state_dict().items())

    def test_a_model_that_comes_with_the_installation(self, runs, tmp_path, monkeypatch):
        (tmp_path / "weights" / "pong").mkdir(parents=True)
        (runs / "mine" / "model.safetensors").rename(tmp_path / "weights" / "pong" / "model.safetensors")
        monkeypatch.setattr("rssm.weights.FOLDER", tmp_path / "weights")
        assert rssm.load("pong").run is None
        expected, found = rssm.load("pong").world_model, rssm.load().world_model
        assert all(map(torch.equal, expected.state_dict().values(), found.state_dict().values()))

    def test_what_is_not_there_is_refused_with_the_nearest_name(self, runs):
        with pytest.raises(UserError) as caught:
            rssm.load("mnie")
        assert str(caught.value).startswith("run: no run mnie; expected the folder of a run")
        assert str(caught.value).endswith("; did you mean mine?")

    def test_a_damaged_file_is_refused_in_one_line(self, runs):
        (runs / "mine" / "model.safetensors").write_bytes(b"nothing")
        with pytest.raises(CheckpointError, match=r"cannot be read"):
            rssm.load("mine")


class TestEvaluate:
    @pytest.fixture
    def asked(self, monkeypatch):
        """What the evaluation is asked for, instead of it."""
        seen = []
        monkeypatch.setattr("rssm.evaluation.openloop.evaluate", lambda *arguments: seen.append(arguments))
        return seen

    def test_the_settings_are_those_of_the_run_unless_others_are_given(self, runs, recorded, tiny_job, asked):
        rssm.evaluate("mine", recorded.path)
        predictor, dataset, config, said = asked[0]
        assert config == tiny_job.eval
        assert (predictor.samples, predictor.seed) == (config.samples, config.seed)
        assert dataset.path == recorded.path
        assert said == f"mean over {config.samples} samples"
        settings = EvalConfig(samples=0, bootstrap=7)
        rssm.evaluate(rssm.load("mine"), recorded, settings)
        assert asked[1][2:] == (settings, "mode")

    def test_a_model_without_a_run_takes_the_defaults(self, model, recorded, asked):
        rssm.evaluate(model, recorded)
        assert asked[0][2] == EvalConfig()
