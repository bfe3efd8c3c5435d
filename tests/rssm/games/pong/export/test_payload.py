import base64
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import rssm.games.pong.export
from rssm.games.pong.export.payload import make_payload
from rssm.model.state import State

MODEL_JS = Path(rssm.games.pong.export.__file__).parent / "model.js"
#: pixels
TOLERANCE = 2.0
STEPS = 60

LOAD = f"require({json.dumps(str(MODEL_JS))});const {{Model, decodeWeights, generator}} = PongModel;"


def packed(model, starts):
    description, weights = make_payload(model, starts)
    return {"description": description, "weights": base64.b64encode(weights).decode()}


@torch.no_grad()
def imagined(model, starts, actions):
    """The frames (N, T, 14) of the likeliest dreams."""
    state = State.cat([start.state for start in starts])
    return model.imagine(state, torch.from_numpy(actions), sample=False).states.stack.numpy()[..., -1]


def held_actions(count, seed=0):
    """(N, 60), each of the six held for a while."""
    return np.repeat(np.random.default_rng(seed).integers(0, 6, (count, STEPS // 4)), 4, axis=1)


def test_the_likeliest_dream_is_the_same_in_javascript_for_every_decoder(any_model, draw_starts, run_node):
    model = any_model.eval()
    starts = draw_starts(model, 3)
    actions = held_actions(3)
    script = LOAD + (
        "const model = new Model(input.description, decodeWeights(input.weights));"
        "output = input.actions.map((actions, start) => model.rollout(start, actions));"
    )
    dreamt = np.array(run_node(script, packed(model, starts) | {"actions": actions.tolist()}))
    expected = imagined(model, starts, actions)
    assert dreamt.shape == expected.shape == (3, STEPS, 14)
    # a random model of the continuous likelihoods flies off the screen: there a share of the distance counts
    assert (np.abs(dreamt - expected) <= TOLERANCE + 1e-3 * np.abs(expected)).all()
    assert np.ptp(expected[..., 8]) > 5.0


@torch.no_grad()
def test_frames_are_drawn_as_often_in_javascript_as_in_python(make_model, draw_starts, run_node):
    model = make_model().eval()
    draws = 1_000
    starts = draw_starts(model, 1)
    script = LOAD + (
        "const model = new Model(input.description, decodeWeights(input.weights));"
        f"const random = generator(7), rolls = Array.from({{length: {draws}}});"
        "output = rolls.map(() => model.rollout(0, [2], random)[0]);"
    )
    dreamt = np.array(run_node(script, packed(model, starts)))
    torch.manual_seed(0)
    many = starts[0].state.map(lambda part: part.expand(draws, *part.shape[1:]))
    drawn = model.imagine_step(many, torch.full((draws,), 2))[0].stack.numpy()[..., -1]
    for feature in range(14):
        values = np.unique(np.concatenate([dreamt[:, feature], drawn[:, feature]]))
        shares = [(frames[:, feature, None] == values).mean(0) for frames in (dreamt, drawn)]
        spread = np.sqrt(2 * (shares[0] + shares[1]) / draws)
        assert (np.abs(shares[0] - shares[1]) < 4 * spread + 0.005).all(), feature
    assert len(np.unique(drawn[:, 1])) > 3


def test_a_seed_gives_the_same_dream_again_and_another_another(make_model, draw_starts, run_node):
    model = make_model().eval()
    script = LOAD + (
        "const model = new Model(input.description, decodeWeights(input.weights));"
        "output = [1, 1, 2].map((seed) => model.rollout(0, Array(20).fill(0), generator(seed)));"
    )
    first, again, other = run_node(script, packed(model, draw_starts(model, 1)))
    assert first == again != other


def test_the_generator_is_uniform(run_node):
    script = LOAD + "const random = generator(1); output = Array.from({length: 20000}, random);"
    numbers = np.array(run_node(script, None))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert np.histogram(numbers, bins=10, range=(0, 1))[0] == pytest.approx(2000, abs=200)


@torch.no_grad()
def test_the_continue_head_is_the_same(make_model, draw_starts, run_node):
    model = make_model().eval()
    starts = draw_starts(model, 4)
    script = LOAD + (
        "const model = new Model(input.description, decodeWeights(input.weights));"
        "output = input.description.starts.map((_, i) => model.continuation(model.start(i)));"
    )
    expected = model.continuation(model.features(State.cat([start.state for start in starts])))
    assert run_node(script, packed(model, starts)) == pytest.approx(expected.tolist(), abs=1e-5)


def test_what_a_dream_does_without_is_left_out(make_model, draw_starts):
    model = make_model()
    description, weights = make_payload(model, draw_starts(model, 2))
    names = set(description["tensors"])
    assert "rssm.gru.weight_ih_l0" in names
    assert not [name for name in names if "posterior" in name or "reward" in name]
    sizes = [int(np.prod(tensor["shape"])) for tensor in description["tensors"].values()]
    assert len(weights) == 4 * sum(sizes)
    assert description["agent"] is None
    assert len(description["starts"]) == 2
    json.dumps(description, allow_nan=False)
