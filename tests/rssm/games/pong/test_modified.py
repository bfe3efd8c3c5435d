import numpy as np
import pytest

from rssm.config import EnvConfig
from rssm.games.pong.features import (
    BALL_SPAWNED,
    BALL_X,
    BALL_X_DIRECTION,
    BALL_Y,
    ENEMY_Y,
    PLAYER_Y,
)
from rssm.games.pong.game import PONG

STEPS = 900


def follow(frame):
    distance = frame[BALL_Y] - frame[PLAYER_Y] - 6
    return 0 if abs(distance) <= 4 else (3 if distance > 0 else 2)


@pytest.fixture(scope="module")
def played():
    """The frames (T + 1, 14) of games by a player that follows the ball, by enemy; each frame of the console is one."""

    def play(enemy, seed=1):
        game = PONG.make_env(EnvConfig(frameskip=1, enemy=enemy))
        frames = [game.reset(seed=seed)[0][3::4]]
        for _ in range(4 * STEPS):
            frames.append(game.step(follow(frames[-1]))[0][3::4])
        return np.stack(frames)

    return {enemy: play(enemy) for enemy in ("normal", "lazy", "late")}


def moved(frames):
    """(T,), whether the enemy moved while a ball was in play all the time."""
    playing = (frames[1:, BALL_SPAWNED] == 1) & (frames[:-1, BALL_SPAWNED] == 1)
    return playing & (frames[1:, ENEMY_Y] != frames[:-1, ENEMY_Y])


def test_the_lazy_enemy_rests_while_the_ball_flies_away(played):
    away = {enemy: played[enemy][1:, BALL_X_DIRECTION] > 0 for enemy in played}
    assert (moved(played["normal"]) & away["normal"]).sum() > 100
    assert not (moved(played["lazy"]) & away["lazy"]).any()
    assert (moved(played["lazy"]) & ~away["lazy"]).sum() > 100  # and moves when it comes


def test_the_late_enemy_rests_until_the_ball_that_comes_is_past_the_middle(played):
    frames = played["late"][1:]
    near = (frames[:, BALL_X_DIRECTION] < 0) & (frames[:, BALL_X] <= 78)
    assert (moved(played["late"]) & near).sum() > 100
    assert not (moved(played["late"]) & ~near).any()


@pytest.mark.parametrize("enemy", ["lazy", "late"])
def test_nothing_else_is_changed(played, enemy):
    """Until it meets the ball elsewhere, the ball and our paddle are as in the console's own game."""
    one, other = played["normal"], played[enemy]
    rest = [i for i in range(14) if i != ENEMY_Y]
    same = (one[:, rest] == other[:, rest]).all(1)
    first = int(np.argmin(same))
    assert not same[first]  # it comes to play another game
    assert first > 100
    # the enemy itself differed before
    assert (one[:first, ENEMY_Y] != other[:first, ENEMY_Y]).any()
    # and what differs first is the ball, where the enemy is
    assert (one[first, PLAYER_Y], one[first, BALL_SPAWNED]) == (other[first, PLAYER_Y], other[first, BALL_SPAWNED])
    assert one[first - 1, BALL_X] < 40


def test_a_cloned_moment_goes_on_alike():
    game = PONG.make_env(EnvConfig(enemy="lazy", repeat_action_probability=0.25))
    game.reset(seed=3)
    for step in range(120):
        game.step(step % 6)
    moment = game.clone_state()
    once = [game.step(step % 6)[0] for step in range(60)]
    game.restore_state(moment)
    assert np.array_equal(np.stack(once), np.stack([game.step(step % 6)[0] for step in range(60)]))
