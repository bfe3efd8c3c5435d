import numpy as np
import pytest
import torch
from PIL import Image

from agents.play.dream_gif import dream, write_dream
from agents.play.filtering_player import Player
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong.env import make_env
from rssm.seeds import episode_seed
from rssm.system.device import seeded


def up_and_down(state):
    """Up while the newest paddle is low, else down: what it does follows from the frame alone."""
    return torch.where(state.stack[..., 1, -1] > 100.0, 2, 3)


@pytest.fixture
def played():
    """The stacks (43, 14, 4) and actions (42,) of the real game."""
    game = make_env(EnvConfig())
    stacks, actions = [to_stack(game.reset(seed=episode_seed(4, 0))[0], 4)], []
    for _ in range(42):
        actions.append(2 if stacks[-1][1, -1] > 100.0 else 3)
        stacks.append(to_stack(game.step(actions[-1])[0], 4))
    return np.stack(stacks), np.array(actions)


@pytest.mark.parametrize("steps", [42, 40])
def test_a_dream_starts_from_the_real_game_every_six_steps(make_model, played, steps):
    model = make_model()
    stacks, actions = played
    real, dreamt = dream(model, up_and_down, EnvConfig(), seed=4, steps=steps)
    assert real.shape == dreamt.shape == (steps, 14)
    assert np.array_equal(real, stacks[1 : steps + 1][..., -1])
    player = Player(model, up_and_down, 1, torch.device("cpu"), sample=True)  # as where agents are scored
    with torch.no_grad(), seeded(4, torch.device("cpu")):
        for step in range(steps):
            state = player.look(stacks[step : step + 1], np.array([step == 0]))
            if step % 6 == 0:
                imagined = model.imagine(state, up_and_down, 6, sample=False).states.stack[0].numpy()
                expected = imagined[..., -1][: steps - step]
                assert np.allclose(dreamt[step : step + 6], expected, atol=1e-3)
            assert player.choose(state).item() == actions[step]


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
