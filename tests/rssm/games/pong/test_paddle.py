import numpy as np
import pytest

from rssm.games.pong import features as F
from rssm.games.pong.env import PongFeatures
from rssm.games.pong.features import ram_to_frame
from rssm.games.pong.paddle import PaddleLaw


def games(decay, pull, steps=400, held=6, seed=0):
    """Frames, actions and episode starts of a paddle that moves twice a step: m' = decay m + pull[a]."""
    rng = np.random.default_rng(seed)
    action = np.repeat(rng.integers(F.NUM_ACTIONS, size=steps), held).astype(np.uint8)
    place, move, places = 0.0, 0.0, []
    for a in action:
        places.append(place)
        for _ in range(2):
            move = decay * move + pull[a]
            place += move
    frames = np.zeros((len(action), F.NUM_FEATURES), np.float32)
    frames[:, F.PLAYER_Y] = places
    return frames, action, np.arange(len(action)) == 0


@pytest.mark.parametrize("decay", [0.25, 0.5, 0.75])
def test_the_law_of_a_made_up_paddle_is_found(decay):
    pull = (0.0, 2.0, 6.0, -6.0, 4.0, -8.0)
    frames, action, is_first = games(decay, pull)
    law = PaddleLaw.fit(frames, action, is_first)
    assert law.share == pytest.approx(1 / (1 + decay), abs=0.02)
    assert law.pull == pytest.approx([-p / (1 + decay) for p in pull], abs=0.1)


def test_without_evidence_the_paddle_moves_evenly():
    frames, action, is_first = games(0.5, (0.0, 0.0, 6.0, -6.0, 6.0, -6.0))
    law = PaddleLaw.fit(frames, np.arange(len(frames)).astype(np.uint8) % 6, is_first)  # no action twice in a row
    assert (law.share, law.pull) == (0.5, (0.0,) * 6)
    empty = PaddleLaw.fit(frames[:1], action[:1], np.array([True]))
    assert (empty.share, empty.pull) == (0.5, (0.0,) * 6)


def test_steps_across_an_episodes_start_teach_nothing():
    frames, action, is_first = games(0.5, (0.0, 0.0, 6.0, -6.0, 6.0, -6.0))
    whole = PaddleLaw.fit(frames, action, is_first)
    other = frames.copy()
    other[len(frames) // 2 :, F.PLAYER_Y] += 300.0
    is_first = is_first.copy()
    is_first[len(frames) // 2] = True
    assert PaddleLaw.fit(other, action, is_first).share == pytest.approx(whole.share, abs=0.01)


def test_the_real_paddle_stands_half_way_where_the_law_says(pong_data):
    """Console frame by console frame, away from the ends of its way: the fit has only seen every fourth of them."""
    law = PaddleLaw.fit(pong_data.features, pong_data.action, pong_data.is_first)
    env = PongFeatures(frameskip=1, noop_max=0)
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    errors, even = [], []
    for _ in range(400):
        action = int(rng.choice([0, 2, 3]))
        places = [float(ram_to_frame(env._ale.getRAM(), None)[F.PLAYER_Y])]
        for _ in range(4):
            places.append(float(env.step(action)[4]["frame"][F.PLAYER_Y]))
        if min(places) > 50 and max(places) < 165:
            move = places[4] - places[0]
            errors.append(places[2] - (places[0] + law.share * move + law.pull[action]))
            even.append(places[2] - (places[0] + 0.5 * move))
    assert len(errors) > 50
    assert np.sqrt(np.mean(np.square(errors))) < 1.0
    assert np.sqrt(np.mean(np.square(even))) > 2.0
