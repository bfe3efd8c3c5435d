"""Pong as a gymnasium environment that shows the console's memory as 14 object features, stacked four deep.

The emulator runs without its own randomness. No-ops and sticky actions are drawn here, from the environment's
generator, so that a seed and a list of actions fix a game bit for bit, and a cloned state can be given another future.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from ale_py import Action, ALEInterface, ALEState, LoggerMode, roms
from gymnasium.utils import seeding

from rssm.arrays import FloatArray
from rssm.config import EnvConfig
from rssm.data.frames import first_stack, push_frame, to_observation
from rssm.errors import UserError
from rssm.games.pong.features import (
    ACTION_NAMES,
    ENEMY_SCORE,
    NUM_ACTIONS,
    NUM_FEATURES,
    PLAYER_SCORE,
    STACK_SIZE,
    is_match_on,
    ram_to_frame,
)

_ACTIONS = tuple(getattr(Action, name) for name in ACTION_NAMES)
_NOOP = ACTION_NAMES.index("NOOP")
_GAME_SEED = 0  # of the emulator, which draws nothing while its own sticky actions are off

#: the least and the largest value of each feature, in the order of FEATURE_NAMES: what one byte of memory can hold, and
#: the screen's width for the two constants
_LOW = (0, -13, 0, -15, -1, -1, 0, 0, -49, -13, 0, 0, 0, 0)
_HIGH = (159, 242, 159, 240, 1, 1, 1, 1, 206, 241, 21, 21, 1, 1)


def observation_bounds() -> tuple[FloatArray, FloatArray]:
    """The least and the largest value (56,) of an observation."""
    low, high = (np.repeat(np.array(bound, np.float32), STACK_SIZE) for bound in (_LOW, _HIGH))
    return low, high


@dataclass(frozen=True)
class GameState:
    """Everything a game needs to go on from one moment; made by :meth:`PongFeatures.clone_state`, picklable.

    Attributes:
        emulator: the console.
        stack: (14, 4) float32, what is shown in that moment.
        held_action: index of the action that sticky actions would repeat.
        rng: state of the environment's generator.
        screen: (210, 160, 3) uint8, or None where the environment does not render.
    """

    emulator: ALEState
    stack: FloatArray
    held_action: int
    rng: dict[str, Any]
    screen: npt.NDArray[np.uint8] | None


class PongFeatures(gymnasium.Env[FloatArray, np.int64]):
    """Pong against the console's own player, to 21 points.

    Observation (56,) float32, see :mod:`rssm.games.pong.features`.

    RIGHT moves the paddle up, LEFT down. The reward is the difference of points made in an agent step. An episode
    terminates with the game. It is truncated when the console ends the match by itself, as its 16-bit count of frames
    overflows (65,180 to 65,210 frames, some 16,300 agent steps, after the start): no ball is served any more and the
    scores change of themselves, so the observation stays as it was and the step earns nothing.
    (``gymnasium.make`` adds a limit of 27,000 agent steps.)
    ``info["frame"]`` is the newest frame, (14,) float32.

    Args:
        frameskip: console frames per agent step.
        repeat_action_probability: chance, per console frame, that the previous frame's action is repeated.
        noop_max: an episode starts after 0 to this many NOOP console frames, uniformly drawn.
        render_mode: ``"rgb_array"`` to have pictures from :meth:`render`, (210, 160, 3) uint8.

    Raises:
        ValueError: a setting is out of range.
        UserError: the game is not installed.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012 (gymnasium declares it so)

    def __init__(
        self,
        frameskip: int = 4,
        repeat_action_probability: float = 0.0,
        noop_max: int = 30,
        render_mode: str | None = None,
    ) -> None:
        self._settings = EnvConfig(
            frameskip=frameskip, repeat_action_probability=repeat_action_probability, noop_max=noop_max
        )
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode: expected None or 'rgb_array', got {render_mode!r}")
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(*observation_bounds())
        self.action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)

        ALEInterface.setLoggerMode(LoggerMode.Error)
        self._ale = ALEInterface()
        self._ale.setInt("random_seed", _GAME_SEED)
        self._ale.setFloat("repeat_action_probability", 0.0)
        rom = roms.get_rom_path("pong")
        if rom is None:
            raise UserError("ale-py: expected a version that ships the game pong")
        self._ale.loadROM(rom)
        self._ale.reset_game()
        # Every episode is restored from here, so that none depends on the one before.
        self._power_on = self._ale.cloneState(include_rng=True)
        self._power_on_screen = self._ale.getScreenRGB()
        self._stack = np.zeros((NUM_FEATURES, STACK_SIZE), np.float32)
        self._held_action = _NOOP
        # The emulator draws its picture only when it runs: what to show in between, after a restored state.
        self._still: npt.NDArray[np.uint8] | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start a game; the same seed (and actions) gives the same game, bit for bit, whatever was played before.

        ``options={"noops": n}`` fixes the number of NOOP console frames that it starts after.
        """
        super().reset(seed=seed)
        self._ale.restoreState(self._power_on)
        self._still = self._power_on_screen
        self._held_action = _NOOP
        noops = int(self.np_random.integers(self._settings.noop_max + 1))
        noops = int((options or {}).get("noops", noops))
        for _ in range(noops):
            self._ale.act(_ACTIONS[_NOOP])
            self._still = None
        frame = ram_to_frame(self._ale.getRAM(), None)
        self._stack = first_stack(frame)
        return to_observation(self._stack), {"frame": frame}

    def step(self, action: np.int64 | int) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Play one agent step: ``frameskip`` console frames, fewer where the game ends."""
        wanted = int(action)
        if not 0 <= wanted < NUM_ACTIONS:
            raise ValueError(f"action: expected 0 to {NUM_ACTIONS - 1}, got {action}")
        reward = 0
        for _ in range(self._settings.frameskip):
            reward += self._ale.act(_ACTIONS[self._stick(wanted)])
            if self._ale.game_over(with_truncation=False):
                break
        self._still = None
        ram, previous = self._ale.getRAM(), self._stack[:, -1]
        if not is_match_on(ram):
            return to_observation(self._stack), 0.0, False, True, {"frame": previous}
        frame = ram_to_frame(ram, (int(previous[ENEMY_SCORE]), int(previous[PLAYER_SCORE])))
        self._stack = push_frame(self._stack, frame)
        terminated = self._ale.game_over(with_truncation=False)
        return to_observation(self._stack), float(reward), terminated, False, {"frame": frame}

    def _stick(self, wanted: int) -> int:
        """The action of one console frame: the wanted one, or the previous frame's."""
        probability = self._settings.repeat_action_probability
        if probability == 0.0 or self.np_random.random() >= probability:
            self._held_action = wanted
        return self._held_action

    def clone_state(self) -> GameState:
        """A copy of this moment, its randomness included, for :meth:`restore_state` of any instance."""
        emulator = self._ale.cloneState(include_rng=True)
        rng = deepcopy(dict(self.np_random.bit_generator.state))
        return GameState(emulator, self._stack.copy(), self._held_action, rng, self.render())

    def restore_state(self, state: GameState, include_rng: bool = True) -> FloatArray:
        """Go back to a cloned moment.

        With ``include_rng`` the future is the cloned one bit for bit (for the same actions). Without it the generator
        stays as it is, so that the sticky actions to come are drawn anew; :meth:`reseed` makes them reproducible.

        Returns:
            (56,) float32, the observation of that moment.
        """
        self._ale.restoreState(state.emulator)
        self._stack = state.stack.copy()
        self._held_action = state.held_action
        self._still = state.screen
        if include_rng:
            self.np_random.bit_generator.state = deepcopy(state.rng)
        return to_observation(self._stack)

    def reseed(self, seed: int) -> None:
        """Fix all randomness to come (sticky actions, later no-ops) without touching the game."""
        self.np_random, _ = seeding.np_random(seed)

    def render(self) -> npt.NDArray[np.uint8] | None:
        """The screen, (210, 160, 3) uint8; None without a render mode.

        Right after a state is restored this is the picture cloned with it, if the cloned environment rendered.
        """
        if self.render_mode is None:
            return None
        return self._ale.getScreenRGB() if self._still is None else self._still.copy()


def make_env(config: EnvConfig, render_mode: str | None = None) -> PongFeatures:
    """The game with a config's settings; its step limit is left to the caller."""
    return PongFeatures(config.frameskip, config.repeat_action_probability, config.noop_max, render_mode)
