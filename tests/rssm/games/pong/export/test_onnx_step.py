import sys

import numpy as np
import pytest
import torch

from rssm.data.frames import to_observation
from rssm.errors import UserError
from rssm.games.pong.export.onnx_step import INPUTS, OUTPUTS, write_onnx

REASON = "expected: pip install 'pong-rssm[onnx]'"


@torch.no_grad()
def test_onnxruntime_imagines_what_python_imagines(make_model, pong_data, tmp_path):
    pytest.importorskip("onnxscript", reason=REASON)
    runtime = pytest.importorskip("onnxruntime", reason=REASON)
    model = make_model().eval()
    path = tmp_path / "step.onnx"
    write_onnx(path, model)
    session = runtime.InferenceSession(path)
    assert [one.name for one in session.get_inputs()] == list(INPUTS)

    stacks = torch.from_numpy(np.repeat(pong_data.features[60:66, :, None], 4, axis=-1))[None]
    actions = torch.tensor([[0, 2, 3, 1, 4, 5]])
    state = model.observe(stacks, actions, torch.tensor([False]), sample=False).states[0]
    for step in range(10):  # six games at once, and on from where each is
        action = actions[0].roll(step)
        fed = dict(zip(INPUTS, (state.deter, state.stoch, to_observation(state.stack), action), strict=True))
        answer = session.run(list(OUTPUTS), {name: tensor.numpy() for name, tensor in fed.items()})
        state, _, _ = model.imagine_step(state, action, sample=False)
        features = model.features(state)
        following = to_observation(state.stack)
        expected = (state.deter, state.stoch, following, model.reward(features), model.continuation(features))
        for found, wanted in zip(answer, expected, strict=True):
            assert np.allclose(found, wanted.numpy(), atol=1e-4)
    single = [tensor[:1].numpy() for tensor in (state.deter, state.stoch, to_observation(state.stack), actions[0])]
    assert session.run(None, dict(zip(INPUTS, single, strict=True)))[2].shape == (1, 56)


def test_a_missing_package_is_one_line(make_model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"onnx: onnx is missing; expected: pip install 'pong-rssm\[onnx\]'"):
        write_onnx(tmp_path / "step.onnx", make_model())
    assert list(tmp_path.iterdir()) == []
