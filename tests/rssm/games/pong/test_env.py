"""The environment: its contract, its memory, its seeds, its clones."""

import pickle
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from ale_py import Action, ALEInterface, LoggerMode, roms
from gymnasium.utils.env_checker import check_env

import rssm
from rssm.config import EnvConfig
from rssm.data.frames import first_stack, push_frame, to_observation
from rssm.games.pong.env import PongFeatures, make_env
from rssm.games.pong.features import ACTION_NAMES, ENEMY_SCORE, NUM_ACTIONS, SCORE_ENEMY, SCORE_PLAYER

STICKY = 0.25


def actions(number: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(NUM_ACTIONS, size=number).tolist()


def play(env: PongFeatures, moves: list[int]) -> np.ndarray:
    return np.stack([env.step(action)[0] for action in moves])


def console() -> ALEInterface:
    """A game of its own, without this package."""
    ALEInterface.setLoggerMode(LoggerMode.Error)
    ale = ALEInterface()
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(roms.get_rom_path("pong"))
    ale.reset_game()
    return ale


@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_gymnasium_has_nothing_to_complain_about(render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(rssm.ENV_ID, render_mode=render_mode).unwrapped)


def test_importing_the_package_loads_neither_torch_nor_the_emulator() -> None:
    code = "import rssm, sys; print(sorted({'torch', 'ale_py'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_six_actions_are_the_game_s_own() -> None:
    assert tuple(action.name for action in console().getMinimalActionSet()) == ACTION_NAMES


def test_every_feature_is_the_memory_s() -> None:
    env, ale = PongFeatures(noop_max=0), console()
    _, info = env.reset(seed=0)
    scores = (0, 0)
    for action in actions(3_000):
        _, _, terminated, _, info = env.step(action)
        for _ in range(4):
            ale.act(Action(ale.getMinimalActionSet()[action]))
        ram = ale.getRAM().astype(int)
        vy, vx = (int(ram[byte].astype(np.int8)) for byte in (56, 58))
        ball = ram[54] != 0
        x, y = (ram[49] - 49, ram[54] - 14) if ball else (78, 115)
        expected = [140, ram[51] - 13, 16, ram[50] - 15, -np.sign(vx) * ball, np.sign(vy) * ball, ball]
        expected += [ball and 16 <= x <= 143, x, y, ram[13], ram[14], ram[14] != scores[1], ram[13] != scores[0]]
        assert info["frame"].tolist() == expected
        scores = (ram[13], ram[14])
        if terminated:
            break
    assert terminated
    assert info["frame"][ENEMY_SCORE] == 21


def test_observations_stack_the_frames_and_stay_in_the_space() -> None:
    env = PongFeatures()
    observation, info = env.reset(seed=3)
    stack = first_stack(info["frame"])
    np.testing.assert_array_equal(observation, to_observation(stack))
    points = 0.0
    for action in actions(1_500):
        observation, reward, terminated, truncated, info = env.step(action)
        stack = push_frame(stack, info["frame"])
        np.testing.assert_array_equal(observation, to_observation(stack))
        assert env.observation_space.contains(observation)
        assert reward == info["frame"][SCORE_PLAYER] - info["frame"][SCORE_ENEMY]
        assert not truncated
        points += reward
        if terminated:
            stack = first_stack(env.reset()[1]["frame"])
    assert points < -21


def test_a_match_that_the_console_ends_by_itself_is_truncated() -> None:
    env = PongFeatures()
    env.reset(seed=0)
    env._ale.setRAM(9, 255)  # the high byte of its count of frames; it overflows within 256 of them
    env._ale.setRAM(13, 8)  # the enemy's points
    env.step(0)
    truncated = False
    for _ in range(64):
        before = env._stack.copy()
        observation, reward, terminated, truncated, info = env.step(0)
        if truncated:
            break
    assert truncated
    assert not terminated
    assert reward == 0.0
    np.testing.assert_array_equal(observation, to_observation(before))
    np.testing.assert_array_equal(info["frame"], before[..., -1])
    assert info["frame"][ENEMY_SCORE] >= 8
    # played on, the console keeps a score of its own and serves no ball
    for _ in range(200):
        env._ale.act(Action.NOOP)
    assert env._ale.getRAM()[13] < 8
    assert env._ale.getRAM()[54] == 0
    env.reset(seed=1)
    assert not env.step(0)[3]


def test_gymnasium_s_limit_truncates() -> None:
    env = gymnasium.make(rssm.ENV_ID, max_episode_steps=5)
    env.reset(seed=0)
    assert [env.step(0)[2:4] for _ in range(5)] == [(False, False)] * 4 + [(False, True)]


def test_a_seed_fixes_the_game_whatever_was_played_before() -> None:
    fresh, used = (PongFeatures(repeat_action_probability=STICKY) for _ in range(2))
    used.reset(seed=99)
    play(used, actions(333, seed=5))
    starts, games = [], []
    for env in (fresh, used, used):
        starts.append(env.reset(seed=7)[0])
        games.append(play(env, actions(1_200)))
    for start, game in zip(starts[1:], games[1:], strict=True):
        np.testing.assert_array_equal(start, starts[0])
        np.testing.assert_array_equal(game, games[0])
    fresh.reset(seed=8)
    assert (play(fresh, actions(1_200)) != games[0]).any()


def test_resets_without_a_seed_go_on_from_the_last_one() -> None:
    games = []
    for _ in range(2):
        env = PongFeatures(repeat_action_probability=STICKY)
        env.reset(seed=1)
        env.reset()
        games.append(play(env, actions(300)))
    np.testing.assert_array_equal(*games)


def test_no_ops_are_drawn_from_0_to_noop_max() -> None:
    # Byte 11 counts console frames down before the first serve: each no-op shows up as one frame less to wait.
    def wait(env: PongFeatures, seed: int) -> int:
        env.reset(seed=seed)
        return next(step for step in range(1_000) if env.step(0)[4]["frame"][6])

    env = PongFeatures(frameskip=1, noop_max=3)
    longest = wait(PongFeatures(frameskip=1, noop_max=0), 0)
    assert {longest - wait(env, seed) for seed in range(40)} == {0, 1, 2, 3}


def test_the_number_of_no_ops_can_be_fixed() -> None:
    frames = PongFeatures(frameskip=1, noop_max=0)
    frames.reset(seed=0)
    env = PongFeatures()
    for noops in range(1, 8):
        after = frames.step(0)[4]["frame"]
        assert np.array_equal(env.reset(seed=noops, options={"noops": noops})[1]["frame"], after)


def test_always_sticky_never_leaves_noop() -> None:
    stuck, idle = PongFeatures(repeat_action_probability=1.0, noop_max=0), PongFeatures(noop_max=0)
    stuck.reset(seed=0)
    idle.reset(seed=0)
    np.testing.assert_array_equal(play(stuck, actions(400)), play(idle, [0] * 400))


def test_sticky_actions_repeat_the_last_frame_s_with_their_probability() -> None:
    sticky, plain = PongFeatures(1, STICKY, noop_max=0), PongFeatures(1, noop_max=0)
    sticky.reset(seed=0)
    plain.reset(seed=0)
    held, repeated = 0, 0
    for step in range(3_000):
        wanted = step % NUM_ACTIONS
        observation = sticky.step(wanted)[0]
        executed = sticky.clone_state().held_action
        assert executed in (wanted, held)
        repeated += executed != wanted
        held = executed
        np.testing.assert_array_equal(observation, plain.step(executed)[0])
    # A repeat goes unseen only where the held action happens to be the wanted one, six or more repeats in a row.
    assert abs(repeated / 3_000 - STICKY) < 0.03


@pytest.mark.parametrize("sticky", [0.0, STICKY])
def test_a_clone_goes_on_bit_for_bit(sticky: float) -> None:
    env = PongFeatures(repeat_action_probability=sticky)
    env.reset(seed=4)
    play(env, actions(700))
    state = env.clone_state()
    rest = [env.step(action) for action in actions(900, seed=1)]
    other = PongFeatures(repeat_action_probability=sticky)
    other.reset(seed=0)
    for player, copy in ((env, state), (other, state), (other, pickle.loads(pickle.dumps(state)))):  # noqa: S301
        restored = player.restore_state(copy)
        np.testing.assert_array_equal(restored, to_observation(state.stack))
        for action, expected in zip(actions(900, seed=1), rest, strict=True):
            observation, *result, info = player.step(action)
            np.testing.assert_array_equal(observation, expected[0])
            assert result == list(expected[1:4])
            np.testing.assert_array_equal(info["frame"], expected[4]["frame"])
    assert any(step[1] for step in rest)


def test_a_restored_game_without_its_randomness_has_other_futures_fixed_by_a_seed() -> None:
    env = PongFeatures(repeat_action_probability=STICKY)
    env.reset(seed=0)
    play(env, actions(100))
    state = env.clone_state()
    moves = [2, 3] * 20

    def futures() -> np.ndarray:
        result = []
        for seed in range(32):
            env.restore_state(state, include_rng=False)
            env.reseed(seed)
            result.append(play(env, moves))
        return np.stack(result)

    first = futures()
    np.testing.assert_array_equal(futures(), first)
    assert len({future.tobytes() for future in first}) == 32
    unseeded = []
    for _ in range(2):
        env.restore_state(state, include_rng=False)
        unseeded.append(play(env, moves))
    assert (unseeded[0] != unseeded[1]).any()


def test_pictures_follow_resets_and_clones() -> None:
    env = PongFeatures(render_mode="rgb_array", noop_max=0)
    env.reset(seed=0)
    start = env.render()
    assert start is not None
    assert start.shape == (210, 160, 3)
    play(env, [2] * 50)
    state, picture = env.clone_state(), env.render()
    play(env, [3] * 10)
    later = env.render()
    assert not np.array_equal(later, picture)
    env.restore_state(state)
    np.testing.assert_array_equal(env.render(), picture)
    play(env, [3] * 10)
    np.testing.assert_array_equal(env.render(), later)
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), start)
    assert PongFeatures().render() is None


def test_bad_settings_and_actions_are_refused() -> None:
    for settings in ({"frameskip": 0}, {"repeat_action_probability": 1.5}, {"noop_max": -1}, {"render_mode": "human"}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            PongFeatures(**settings)
    env = PongFeatures()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action: expected 0 to 5, got 6"):
        env.step(6)


def test_make_env_applies_the_config() -> None:
    config = EnvConfig(frameskip=2, repeat_action_probability=STICKY, noop_max=5)
    made, direct = make_env(config), PongFeatures(2, STICKY, 5)
    for env in (made, direct):
        env.reset(seed=2)
    np.testing.assert_array_equal(play(made, actions(300)), play(direct, actions(300)))
