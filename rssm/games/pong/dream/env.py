"""The world model as a gymnasium environment: Pong without Pong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray
from rssm.data.dataset import Dataset
from rssm.data.frames import to_observation, to_stack
from rssm.games.pong.drawing import draw_frame
from rssm.games.pong.dream.dream import Dream, require_pong
from rssm.games.pong.dream.starts import START_STEPS, PlayedStarts, RecordedStarts, Starts
from rssm.games.pong.env import observation_bounds
from rssm.games.pong.features import NUM_ACTIONS, STACK_SIZE
from rssm.model.world_model import WorldModel
from rssm.system.device import pick_device
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.weights import find_run, run_env


class PongDream(gymnasium.Env[FloatArray, np.int64]):
    """Pong as a world model imagines it, with the spaces of the real environment (``rssm/PongFeatures-v0``).

    An episode begins in a real moment: the beginning of a game is played (or taken from recorded games) and filtered.
    From there on every step is the model's. The reward is what the reward head expects, in points. An episode
    terminates where somebody has 21 points or the continue head holds an end for likelier than not: the head does not
    see the scores, so the points decide. Observations are cut to the space's bounds, which a coordinate that no console
    could show may leave; the model goes on from its own.

    ``info["frame"]`` is the newest frame, (14,) float32.

    Args:
        run: folder of a run, or the name of shipped weights; empty takes the default ones.
        sample: whether latents and frames are drawn at random or take their mode.
        data: folder of recorded games to begin in; empty plays a new game's beginning at every reset.
        start_steps: least and most agent steps of the beginnings that are played.
        device: of the model.
        render_mode: ``"rgb_array"`` to have pictures from :meth:`render`, (210, 160, 3) uint8.
        model: a world model at hand, in evaluation mode, in place of ``run``.

    Raises:
        ValueError: a setting is out of range.
        UserError: the run or the data set cannot be read.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012 (gymnasium declares it so)

    def __init__(
        self,
        run: str | Path = "",
        sample: bool = True,
        data: str | Path = "",
        start_steps: tuple[int, int] = START_STEPS,
        device: str = "cpu",
        render_mode: str | None = None,
        model: WorldModel | None = None,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode: expected None or 'rgb_array', got {render_mode!r}")
        if model is not None and str(run):
            raise ValueError(f"model: expected either a model or a run, got both (run {run})")
        self.render_mode = render_mode
        folder = None if model is not None else find_run(run)
        if model is None:
            assert folder is not None
            model = load_model(folder / MODEL_FILE, pick_device(device))
        require_pong(model, str(folder or "model"))
        self._sample, self._model = sample, model
        self._starts: Starts
        if str(data):
            self._starts = RecordedStarts(model, Dataset.open(data))
        else:
            self._starts = PlayedStarts(model, run_env(folder or Path()), start_steps)
        low, high = observation_bounds()
        self.observation_space = gymnasium.spaces.Box(low, high)
        self.action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)
        self._dream: Dream | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Begin a dream; the same seed and actions give the same one.

        ``options={"steps": n}`` begins after n agent steps of the real game.
        """
        super().reset(seed=seed)
        start = self._starts.draw(self.np_random, (options or {}).get("steps"))
        self._dream = Dream(self._model, start.state, sample=self._sample)
        return self._observation()

    def step(self, action: np.int64 | int) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Imagine one agent step."""
        if not 0 <= int(action) < NUM_ACTIONS:
            raise ValueError(f"action: expected 0 to {NUM_ACTIONS - 1}, got {action}")
        if self._dream is None:
            raise gymnasium.error.ResetNeeded("step: expected reset() before it")
        dreamt = self._dream.step(int(action), self.np_random)
        observation, info = self._observation()
        return observation, dreamt.reward, dreamt.over, False, info

    def render(self) -> npt.NDArray[np.uint8] | None:
        """The newest frame on the blue ground of what is imagined, (210, 160, 3) uint8; None without a render mode."""
        if self.render_mode is None or self._dream is None:
            return None
        frame = self._dream.stack[:, -1]
        return np.asarray(draw_frame(frame, ghost=np.full_like(frame, np.nan)))

    def _observation(self) -> tuple[FloatArray, dict[str, Any]]:
        assert self._dream is not None
        space = self.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        stack: FloatArray = np.clip(to_observation(self._dream.stack), space.low, space.high)
        return stack, {"frame": to_stack(stack, STACK_SIZE)[:, -1]}
