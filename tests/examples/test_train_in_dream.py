import importlib.util
import re
import sys
from pathlib import Path

import gymnasium
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "train_in_dream.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("train_in_dream", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_library_that_is_not_ours_learns_in_the_dream_and_plays_the_game(example, model_folder, monkeypatch, capsys):
    sb3 = pytest.importorskip("stable_baselines3", reason="expected: pip install 'pong-rssm[examples]'")
    made, learnt = [], []
    make, learn = gymnasium.make, sb3.PPO.learn
    monkeypatch.setattr(gymnasium, "make", lambda name, **settings: made.append(name) or make(name, **settings))

    def watch(self, steps):
        before = [parameter.clone() for parameter in self.policy.parameters()]
        learn(self, steps)
        changed = [not now.equal(then) for now, then in zip(self.policy.parameters(), before, strict=True)]
        learnt.append((self.num_timesteps, any(changed)))

    monkeypatch.setattr(sb3.PPO, "learn", watch)
    words = ["--run", str(model_folder), "--steps", "128", "--batch", "64", "--games", "1", "--game-steps", "60"]
    assert example.main(words) == 0
    assert learnt == [(128, True)]
    assert made == ["rssm/PongDream-v0", "rssm/PongFeatures-v0", "rssm/PongFeatures-v0"]
    out = capsys.readouterr().out
    assert re.search(r"real games of at most 60 steps: [+-]\d\.\d points before, [+-]\d\.\d after", out)


def test_bad_calls_are_one_line(example, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    assert example.main([]) == 2
    assert capsys.readouterr().err == (
        "error: stable-baselines3 is missing; expected: pip install 'pong-rssm[examples]'\n"
    )


def test_no_such_run_is_one_line(example, capsys, tmp_path):
    pytest.importorskip("stable_baselines3", reason="expected: pip install 'pong-rssm[examples]'")
    assert example.main(["--run", str(tmp_path / "nothing")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: run: no run ")
    assert error.count("\n") == 1
