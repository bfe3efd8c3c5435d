import numpy as np
import pytest
import torch

from rssm.config import EnvConfig
from rssm.games.pong.dream import session as module
from rssm.games.pong.dream.session import RESYNC, Session, distance
from rssm.games.pong.dream.starts import PlayedStarts
from rssm.games.pong.env import make_env
from rssm.games.pong.features import BALL_X, BALL_Y, ENEMY_Y, NUM_FEATURES, PLAYER_Y

NOOP, FIRE, UP, DOWN, UP_FIRE, DOWN_FIRE = range(6)


@pytest.fixture
def start(model):
    """The moment that the ``session`` fixture begins at."""
    return PlayedStarts(model, EnvConfig(), (45, 50)).draw(np.random.default_rng(3))


@pytest.fixture
def real(start):
    """The real game from that moment: actions -> frames (T, 14)."""

    def play(actions):
        game = make_env(EnvConfig())
        game.restore_state(start.game)
        return np.stack([game.step(action)[0][3::4] for action in actions])

    return play


@pytest.fixture
def dreamt(model, start):
    def imagine(actions):
        with torch.no_grad():
            states = model.imagine(start.state, torch.tensor([actions]), sample=False).states
        return states.stack[0].numpy()[..., -1]

    return imagine


def test_held_keys_act_in_both_games_at_once(session, real, dreamt):
    session.handle("ghost")
    held = [("up",), ("up", "fire"), ("fire",), ("down", "fire"), ("down",), (), ("up", "down")]
    views = []
    for keys in held:
        for key in keys:
            session.handle(key)
        views.append(session.step())
        for key in keys:
            session.handle(key, pressed=False)
    actions = [UP, UP_FIRE, FIRE, DOWN_FIRE, DOWN, NOOP, NOOP]
    assert np.array_equal(np.stack([view.ghost for view in views]), real(actions))
    assert np.allclose(np.stack([view.frame for view in views]), dreamt(actions))
    assert [view.since for view in views] == [view.step for view in views] == list(range(1, 8))


def test_tab_shows_the_real_game_and_back_a_dream_that_begins_there(session, real, model):
    for _ in range(4):
        session.step()
    session.handle("flip")
    view = session.step()
    assert not view.dream
    assert np.array_equal(view.frame, real([NOOP] * 5)[-1])
    assert view.ghost is None
    session.handle("flip")
    assert session.view().error == 0.0
    before = session._follower.state
    view = session.step()
    assert view.dream
    assert view.since == 1
    with torch.no_grad():
        expected = model.imagine_step(before, torch.tensor([NOOP]), sample=False)[0].stack
    assert np.allclose(view.frame, expected[0].numpy()[..., -1])


def test_the_dream_takes_up_the_real_state_after_as_many_steps_as_were_asked_for(session):
    session.handle("resync")
    assert session.view().resync == 6
    views = [session.step() for _ in range(13)]
    assert [view.since for view in views] == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1]
    assert [view.step for view in views] == list(range(1, 14))


def test_every_resync_begins_at_the_followed_state(session, model, monkeypatch):
    session.handle("resync")
    seen = []
    step = module.Dream.step
    monkeypatch.setattr(module.Dream, "step", lambda self, *a: (seen.append(self.state), step(self, *a))[1])
    followed = [session._follower.state]
    for _ in range(12):
        session.step()
        followed.append(session._follower.state)
    taken_up = [t for t in range(12) if seen[t] is followed[t]]
    assert taken_up == [0, 6]


def test_the_key_goes_round_all_horizons(session):
    horizons = []
    for _ in range(len(RESYNC) + 1):
        session.handle("resync")
        horizons.append(session.view().resync)
    assert horizons == [6, 15, 30, 60, None, 6]


def test_the_ghost_is_shown_over_the_dream_alone(session):
    assert session.step().ghost is None
    session.handle("ghost")
    view = session.step()
    assert np.array_equal(view.ghost, session._real[..., -1])
    session.handle("flip")
    assert session.step().ghost is None
    session.handle("flip")
    session.handle("ghost")
    assert session.step().ghost is None


def test_the_agent_plays_what_is_shown(make_session, model, real):
    asked = []

    def policy(state):
        asked.append(state)
        return torch.tensor([UP])

    session = make_session(policy=policy)
    session.handle("down")
    session.step()
    assert asked == []
    session.handle("handover")
    dream_state = session._dream.state
    view = session.step()
    assert view.agent
    assert asked == [dream_state]
    session.handle("flip")
    real_state = session._follower.state
    view = session.step()
    assert asked[1] is real_state
    assert np.array_equal(view.frame, real([DOWN, UP, UP])[-1])
    session.handle("handover")
    view = session.step()
    assert not view.agent
    assert np.array_equal(view.frame, real([DOWN, UP, UP, DOWN])[-1])


def test_an_agent_that_draws_is_fixed_by_the_seed(make_session):
    def policy(state):
        return torch.randint(6, (1,))

    def play(seed):
        session = make_session(policy=policy, seed=seed)
        session.handle("handover")
        session.handle("flip")
        return np.stack([session.step().frame for _ in range(15)])

    first = play(1)
    torch.rand(1)
    assert np.array_equal(play(1), first)
    assert not np.array_equal(play(2), first)


def test_without_an_agent_the_key_says_so(session):
    session.handle("handover")
    view = session.step()
    assert not view.agent
    assert view.message.startswith("no agent here")


def test_time_stands_still_while_paused_and_goes_on_step_by_step(session):
    before = session.step()
    session.handle("pause")
    still = [session.step() for _ in range(3)]
    assert all(view.paused and view.step == 1 and np.array_equal(view.frame, before.frame) for view in still)
    session.handle("step")
    assert [session.step().step for _ in range(3)] == [2, 2, 2]
    session.handle("pause")
    assert [session.step().step for _ in range(2)] == [3, 4]


def test_a_message_goes_away(session):
    session.handle("ghost")
    messages = [session.step().message for _ in range(40)]
    assert messages[0] == "the real game is outlined"
    assert messages[-1] == ""


def test_a_recording_holds_what_was_seen_between_the_two_presses(make_session):
    kept = []
    session = make_session(save=lambda views: kept.append(views) or "kept")
    session.step()
    session.handle("record")
    seen = [session.step() for _ in range(3)]
    assert all(view.recording for view in seen)
    session.handle("record")
    assert session.step().message == "kept"
    assert kept == [seen]
    assert session.close() == ""


def test_a_recording_that_still_runs_is_kept_at_the_end(make_session):
    kept = []
    session = make_session(save=lambda views: kept.append(views) or "kept")
    session.handle("record")
    view = session.step()
    assert session.close() == "kept"
    assert kept == [[view]]


def test_nothing_is_recorded_where_nothing_was_seen_or_nobody_saves(make_session):
    session = make_session(save=lambda views: pytest.fail("nothing to save"))
    session.handle("record")
    session.handle("record")
    assert session.step().message == "nothing was recorded"
    session = make_session()
    session.handle("record")
    view = session.step()
    assert not view.recording
    assert view.message == "recording is off"


def test_a_new_game_begins_elsewhere(session):
    first = session.step()
    session.handle("new_game")
    view = session.step()
    assert view.step == view.since == 1
    assert not np.array_equal(view.frame, first.frame)


def test_after_the_real_game_s_end_a_new_one_begins(make_session):
    session = make_session(start_steps=(20_000, 20_000))  # a step before the end
    session._starts.steps = (45, 45)  # of the games that follow
    session.handle("flip")
    views = [session.step() for _ in range(10)]
    over = [view.message == "the game is over" for view in views]
    assert any(over)
    end = over.index(True)
    assert views[end].frame[10:12].max() == 21
    assert views[end].error is None
    assert views[end + 1].step == 1
    assert views[end + 1].message == "a new game"


def test_a_dream_goes_on_after_the_real_game_s_end_until_its_own(make_session, monkeypatch):
    session = make_session(start_steps=(20_000, 20_000))
    session._starts.steps = (45, 45)
    session.handle("ghost")
    monkeypatch.setattr("rssm.games.pong.dream.dream.game_over", lambda frame: False)
    monkeypatch.setattr(session.model, "continuation", lambda features: torch.ones(1))
    views = [session.step() for _ in range(15)]
    assert views[-1].step == 15
    assert views[-1].ghost is views[-1].error is None
    monkeypatch.setattr(session.model, "continuation", lambda features: torch.zeros(1))
    assert session.step().message == "the game is over"
    assert session.step().step == 1


def test_quitting_is_remembered_and_an_unknown_key_refused(session):
    assert not session.quitting
    session.handle("quit")
    assert session.quitting
    with pytest.raises(ValueError, match=r"key: expected one of up, down, .*, got 'x'"):
        session.handle("x")


def test_the_error_is_the_farthest_of_ball_and_paddles():
    one, other = np.zeros(NUM_FEATURES, np.float32), np.zeros(NUM_FEATURES, np.float32)
    other[[BALL_X, BALL_Y]] = 3, -4
    assert distance(one, other) == 5.0
    other[PLAYER_Y] = 4
    assert distance(one, other) == 5.0
    other[ENEMY_Y] = -7
    assert distance(one, other) == 7.0


def test_a_sampled_session_is_fixed_by_its_seed(model):
    def play(seed):
        session = Session(model, EnvConfig(), sample=True, seed=seed, start_steps=(45, 45))
        return np.stack([session.step().frame for _ in range(10)])

    assert np.array_equal(play(0), play(0))
    assert not np.array_equal(play(0), play(1))
