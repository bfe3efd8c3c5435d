import numpy as np
import pytest
import torch
from PIL import Image

from agents.play.dream_gif import dream, write_dream
from rssm.config import EnvConfig
from rssm.games.pong.env import make_env
from rssm.games.pong.features import newest_frame
from rssm.seeds import episode_seed


def up_and_down(state):
    """Up while the newest paddle is low, else down: what it does follows from the frame alone."""
    return torch.where(state.frame[..., 7] > 100.0, 2, 3)


@pytest.fixture
def played():
    """The stacks (43, 56) and actions (42,) of the real game."""
    game = make_env(EnvConfig())
    stacks, actions = [game.reset(seed=episode_seed(4, 0))[0]], []
    for _ in range(42):
        actions.append(2 if stacks[-1][7] > 100.0 else 3)
        stacks.append(game.step(actions[-1])[0])
    return np.stack(stacks), np.array(actions)


@pytest.mark.parametrize("steps", [42, 40])
def test_a_dream_starts_from_the_real_game_every_six_steps(make_model, played, steps):
    model = make_model()
    stacks, actions = played
    real, dreamt = dream(model, up_and_down, EnvConfig(), seed=4, steps=steps)
    assert real.shape == dreamt.shape == (steps, 14)
    assert np.array_equal(real, newest_frame(stacks[1 : steps + 1]))
    with torch.no_grad():
        frames, taken = torch.from_numpy(stacks[None, :-1]), torch.from_numpy(actions[None])
        states = model.observe(frames, taken, torch.tensor([True]), sample=False).states
        for start in range(0, steps, 6):
            imagined = model.imagine(states[:, start], up_and_down, 6, sample=False).states.frame[0].numpy()
            expected = newest_frame(imagined)[: steps - start]
            assert np.allclose(dreamt[start : start + 6], expected, atol=1e-3)


def test_the_animation_is_written_whole(make_model, tmp_path):
    path = tmp_path / "media" / "dream.gif"
    write_dream(path, make_model(), up_and_down, EnvConfig(), seed=0)
    assert [file.name for file in path.parent.iterdir()] == ["dream.gif"]
    with Image.open(path) as picture:
        shown, milliseconds = 0, 0
        while True:
            milliseconds += picture.info["duration"]
            shown += 1
            try:
                picture.seek(shown)
            except EOFError:
                break
    assert milliseconds == 239 * 150 + 1_000  # frames that are alike may be merged, their time may not
