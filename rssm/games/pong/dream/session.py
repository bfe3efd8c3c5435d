"""Somebody plays Pong in the world model, with the real game beside it under the same keys; no display in here.

Two games run from one moment: the dream, which only the model moves on, and the real one in the emulator, which the
model follows by filtering. Keys choose who plays, which of the two is shown, and how long the dream may go on before it
takes up the real state again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from rssm.arrays import FloatArray
from rssm.config import EnvConfig
from rssm.data.frames import to_stack
from rssm.games.pong.animation import STEPS_PER_SECOND
from rssm.games.pong.dream.dream import Dream
from rssm.games.pong.dream.follower import Follower
from rssm.games.pong.dream.starts import START_STEPS, PlayedStarts
from rssm.games.pong.features import ACTION_NAMES, BALL_X, BALL_Y, ENEMY_Y, PLAYER_Y, STACK_SIZE
from rssm.model.world_model import Policy, WorldModel
from rssm.system.device import seeded

#: what a view can ask for, whatever key stands for it; the first three are held down
Key = Literal[
    "up", "down", "fire", "handover", "flip", "ghost", "resync", "pause", "step", "record", "new_game", "quit"
]
HELD: tuple[Key, ...] = ("up", "down", "fire")

#: agent steps after which the dream takes up the real state again, in the order of the key; None never does
RESYNC = (6, 15, 30, 60, None)
#: agent steps for which a message is shown
_MESSAGE_STEPS = 2 * STEPS_PER_SECOND

_ACTIONS = {
    (direction, fire): ACTION_NAMES.index(name)
    for (direction, fire), name in {
        (0, False): "NOOP",
        (0, True): "FIRE",
        (1, False): "RIGHT",
        (1, True): "RIGHTFIRE",
        (-1, False): "LEFT",
        (-1, True): "LEFTFIRE",
    }.items()
}


@dataclass(frozen=True)
class View:
    """All that there is to see after a step.

    Attributes:
        frame: (14,) of the game that is shown.
        ghost: (14,) of the real game, to be drawn behind the dream; None leaves it out.
        dream: the dream is shown, not the real game.
        agent: the agent plays.
        paused: time stands still.
        recording: pictures are being kept.
        since: agent steps since the dream last took up the real state.
        resync: after how many it does so again; None never.
        error: how far the ball or a paddle of the dream is from where it really is, the farthest of them, in pixels;
            None where the real game is over.
        step: agent steps of this game that were played here.
        message: for the player; may be empty.
    """

    frame: FloatArray
    ghost: FloatArray | None
    dream: bool
    agent: bool
    paused: bool
    recording: bool
    since: int
    resync: int | None
    error: float | None
    step: int
    message: str


class Session:
    """The state of it all: :meth:`handle` a key, :meth:`step` in time, and show the :class:`View`.

    Args:
        model: the world model, in evaluation mode.
        env: the real game's settings.
        policy: the agent's, State (1,) -> actions (1,); None where there is no agent.
        sample: whether the dream's latents and frames are drawn at random or take their mode.
        seed: of the games and of all that is drawn.
        start_steps: least and most agent steps that are played before the keys count.
        save: writes what was recorded and says where, for the message.

    Attributes:
        quitting: the player wants to leave.
    """

    def __init__(
        self,
        model: WorldModel,
        env: EnvConfig,
        policy: Policy | None = None,
        *,
        sample: bool = False,
        seed: int = 0,
        start_steps: tuple[int, int] = START_STEPS,
        save: Callable[[list[View]], str] | None = None,
    ) -> None:
        self.model, self.policy, self.sample, self._save = model, policy, sample, save
        self._starts = PlayedStarts(model, env, start_steps)
        self._rng = np.random.default_rng(seed)
        self._held: set[Key] = set()
        self._shows_dream, self._agent_plays, self._paused, self._ghost = True, False, False, False
        self._resync: int | None = None
        self._single_step = False
        self._recorded: list[View] | None = None
        self._message, self._message_left = "", 0
        self.quitting = False
        self._begin()

    def handle(self, key: Key, pressed: bool = True) -> None:
        """Take in a key that goes down or, where it is one that is held, up again.

        Raises:
            ValueError: there is no such key.
        """
        if key not in get_args(Key):
            raise ValueError(f"key: expected one of {', '.join(get_args(Key))}, got {key!r}")
        if key in HELD:
            (self._held.add if pressed else self._held.discard)(key)
        elif pressed:
            getattr(self, f"_on_{key}")()

    def step(self) -> View:
        """Let a fifteenth of a second pass; what is to be seen then."""
        if not self._paused or self._single_step:
            self._advance()
        self._single_step = False
        self._message_left -= 1
        view = self.view()
        if self._recorded is not None:
            self._recorded.append(view)
        return view

    def view(self) -> View:
        """What is to be seen now."""
        dreamt, real = self._dream.stack[:, -1], self._real[:, -1]
        return View(
            frame=dreamt if self._shows_dream else real,
            ghost=real if self._shows_dream and self._ghost and not self._real_over else None,
            dream=self._shows_dream,
            agent=self._agent_plays,
            paused=self._paused,
            recording=self._recorded is not None,
            since=self._since,
            resync=self._resync,
            error=None if self._real_over else distance(dreamt, real),
            step=self._steps,
            message=self._message if self._message_left >= 0 else "",
        )

    def close(self) -> str:
        """End the recording, if one runs; where it was written, else nothing."""
        if self._recorded is None:
            return ""
        self._on_record()
        return self._message

    def _begin(self) -> None:
        start = self._starts.draw(self._rng)
        assert start.game is not None
        self._game = self._starts.game
        self._real = to_stack(self._game.restore_state(start.game), STACK_SIZE)
        self._follower = Follower(self.model, start.state)
        self._dream = Dream(self.model, start.state, sample=self.sample)
        self._real_over = self._dream_over = False
        self._since = self._steps = 0

    def _advance(self) -> None:
        shown_over = self._dream_over if self._shows_dream else self._real_over
        due = self._resync is not None and self._since >= self._resync
        if shown_over or (due and self._real_over):
            self._begin()
            self._say("a new game")
        elif due:
            self._take_up()
        action = self._action()
        if not self._dream_over:
            self._dream_over = self._dream.step(action, self._rng).over
        if not self._real_over:
            observation, _, terminated, truncated, _ = self._game.step(action)
            self._real_over = terminated or truncated
            self._real = to_stack(observation, STACK_SIZE)
            self._follower.follow(action, self._real)
        self._since += 1
        self._steps += 1
        if self._dream_over if self._shows_dream else self._real_over:
            self._say("the game is over")

    def _action(self) -> int:
        if self._agent_plays and self.policy is not None:
            state = self._dream.state if self._shows_dream else self._follower.state
            with seeded(int(self._rng.integers(2**31)), state.deter.device), torch.no_grad():
                return int(self.policy(state)[0])
        direction = ("up" in self._held) - ("down" in self._held)
        return _ACTIONS[direction, "fire" in self._held]

    def _take_up(self) -> None:
        """Have the dream go on from the real state."""
        self._dream.state = self._follower.state
        self._dream_over = False
        self._since = 0

    def _say(self, message: str) -> None:
        self._message, self._message_left = message, _MESSAGE_STEPS

    def _on_handover(self) -> None:
        if self.policy is None:
            self._say("no agent here: play a run of train_agent.py")
            return
        self._agent_plays = not self._agent_plays
        self._say("the agent plays" if self._agent_plays else "you play")

    def _on_flip(self) -> None:
        self._shows_dream = not self._shows_dream
        if self._shows_dream and not self._real_over:
            self._take_up()
        self._say("the dream, from here" if self._shows_dream else "the real game")

    def _on_ghost(self) -> None:
        self._ghost = not self._ghost
        self._say("the real game is outlined" if self._ghost else "no outlines")

    def _on_resync(self) -> None:
        self._resync = RESYNC[(RESYNC.index(self._resync) + 1) % len(RESYNC)]
        self._say("never back to the real game" if self._resync is None else f"back every {self._resync} steps")

    def _on_pause(self) -> None:
        self._paused = not self._paused

    def _on_step(self) -> None:
        self._paused = self._single_step = True

    def _on_record(self) -> None:
        if self._save is None:
            self._say("recording is off")
        elif self._recorded is None:
            self._recorded = []
            self._say("recording")
        else:
            kept, self._recorded = self._recorded, None
            self._say(self._save(kept) if kept else "nothing was recorded")

    def _on_new_game(self) -> None:
        self._begin()
        self._say("a new game")

    def _on_quit(self) -> None:
        self.quitting = True


def distance(dreamt: FloatArray, real: FloatArray) -> float:
    """How far apart two frames (14,) are: the ball's or a paddle's distance, the largest of them, pixels."""
    apart = np.abs(dreamt - real)
    return float(max(np.hypot(apart[BALL_X], apart[BALL_Y]), apart[PLAYER_Y], apart[ENEMY_Y]))
