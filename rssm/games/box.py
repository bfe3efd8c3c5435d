"""Any gymnasium environment whose observation is a vector (``Box``) and whose actions are ``Discrete``.

Nothing is known of such a game but its numbers: every feature is a position, nothing is hidden from the networks, all
windows are alike, and only the random player collects data.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray, IntArray
from rssm.config import EnvConfig, ModelConfig
from rssm.data.frames import first_stack, push_frame, to_observation
from rssm.errors import UserError
from rssm.game import Game
from rssm.layout import MOST_FRAMES, STACK, Layout
from rssm.protocols import Decoder, Encoder, Policy
from rssm.storage.shape import NUMBER, POSITIVE, ListOf, Record, check_shape, shown_reason

#: actions are kept as bytes
_MOST_ACTIONS = 256
#: a standard deviation below this is that of a constant
_LEAST_STD = 1e-6


class Stacked(gymnasium.Wrapper[FloatArray, Any, npt.NDArray[Any], Any]):
    """Shows the newest frames as one observation (F * S,); ``info["frame"]`` is the newest, (F,) float32."""

    def __init__(self, env: gymnasium.Env[npt.NDArray[Any], Any], layout: Layout) -> None:
        super().__init__(env)
        assert isinstance(env.action_space, gymnasium.spaces.Discrete)
        self._first_action = int(env.action_space.start)
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (layout.obs_size,))
        self.action_space = gymnasium.spaces.Discrete(layout.num_actions)
        self._frames = layout.stack
        self._stack = np.zeros((layout.num_features, layout.stack), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        seen, info = self.env.reset(seed=seed, options=options)
        frame = seen.astype(np.float32)
        self._stack = first_stack(frame, self._frames)
        return to_observation(self._stack), info | {"frame": frame}

    def step(self, action: int) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        seen, reward, terminated, truncated, info = self.env.step(int(action) + self._first_action)
        frame = seen.astype(np.float32)
        self._stack = push_frame(self._stack, frame)
        return to_observation(self._stack), float(reward), bool(terminated), bool(truncated), info | {"frame": frame}


@dataclass(frozen=True)
class RandomPlayer:
    """Uniformly random actions."""

    noops: ClassVar[None] = None

    def __str__(self) -> str:
        return "random"

    def meta(self) -> dict[str, Any]:
        return {"name": "random"}


@dataclass(frozen=True)
class BoxStatistics:
    """Scale of the features.

    Args:
        mean: mean of each feature, raw units.
        std: standard deviation of each, raw units; 1 where it is constant.
        change: standard deviation of its change in a step, raw units; 1 where it is constant.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    change: tuple[float, ...]

    def widened(self) -> BoxStatistics:
        """The same: nothing is taken for impossible."""
        return self

    def to_dict(self) -> dict[str, Any]:
        return {name: list(values) for name, values in asdict(self).items()}


class Box(Game):
    """See :mod:`rssm.games.box`.

    Args:
        env_id: gymnasium id of the environment.
        stack: frames of its stacks.

    Raises:
        UserError: there is no such environment, it has other observations or actions, or no such stacks.
    """

    name = "box"
    events = {"all": "any window"}  # noqa: RUF012
    idle = ("env.frameskip", "env.repeat_action_probability", "env.noop_max", "env.enemy")

    def __init__(self, env_id: str, stack: int = STACK) -> None:
        if stack not in range(1, MOST_FRAMES + 1):
            raise UserError(f"env.stack: expected 1 to {MOST_FRAMES}, got {stack}")
        self.env_id = env_id
        env = self._make()
        seen, actions = env.observation_space, env.action_space
        if not isinstance(seen, gymnasium.spaces.Box) or len(seen.shape) != 1:
            raise UserError(f"expected a Box of one dimension as observation, {env_id} has {seen}")
        if not isinstance(actions, gymnasium.spaces.Discrete) or actions.n > _MOST_ACTIONS:
            raise UserError(f"expected up to {_MOST_ACTIONS} Discrete actions, {env_id} has {actions}")
        env.close()
        features, names = (f"x{i}" for i in range(seen.shape[0])), (f"a{i}" for i in range(int(actions.n)))
        self.layout = Layout(tuple(features), tuple(names), stack)
        self.positions = {name: i for i, name in enumerate(self.layout.features)}

    @property
    def view_size(self) -> int:
        return self.layout.obs_size

    def check_model(self, config: ModelConfig) -> None:
        if config.likelihood == "discrete":
            raise ValueError(f"model.likelihood: expected huber or mse, as {self.env_id} has no pixels, got discrete")

    def make_env(self, config: EnvConfig, render_mode: str | None = None) -> Stacked:
        return Stacked(self._make(render_mode), self.layout)

    def _make(self, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
        module, colon, _ = self.env_id.partition(":")
        if colon and module not in sys.modules:  # which gymnasium would import: a file's id must run nobody's code
            raise UserError(
                f"expected an environment that is registered, got {self.env_id}; import {module} before, or have its "
                "package register it (gymnasium.envs)"
            )
        shown: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
        try:
            return gymnasium.make(self.env_id, disable_env_checker=True, **shown)
        except Exception as error:  # somebody else's code
            raise UserError(f"expected a gymnasium environment, got {self.env_id} ({shown_reason(error)})") from None

    def read_player(self, text: str) -> RandomPlayer:
        if text.split() != ["random"]:
            raise ValueError(f"expected random, the only player of {self.env_id}, got {text.strip() or 'nothing'}")
        return RandomPlayer()

    def policy(self, player: Any) -> Policy:
        return lambda frame, rng: int(rng.integers(self.layout.num_actions))

    def fit(self, frames: FloatArray, action: npt.NDArray[np.uint8], is_first: npt.NDArray[np.bool_]) -> BoxStatistics:
        change = (frames[1:] - frames[:-1])[~is_first[1:]]
        mean = tuple(frames.mean(0, dtype=np.float64).tolist())
        return BoxStatistics(mean, _spread(frames), _spread(change))

    def read_statistics(self, values: dict[str, Any]) -> BoxStatistics:
        size = self.layout.num_features
        scales = ListOf(POSITIVE, size)
        shape = Record({"mean": ListOf(NUMBER, size), "std": scales, "change": scales})
        check_shape(values, shape, "statistics", f"those of {self.env_id}")
        return BoxStatistics(*(tuple(values[name]) for name in ("mean", "std", "change")))

    def encoder(self, config: ModelConfig, statistics: BoxStatistics) -> Encoder:
        from rssm.model.encoder import SymlogEncoder

        return SymlogEncoder(config, self.layout, statistics.mean, statistics.std, statistics.change)

    def decoder(self, config: ModelConfig, statistics: BoxStatistics, huber_beta: float) -> Decoder:
        from rssm.model.decoders import DirectDecoder, ResidualDecoder

        beta = huber_beta if config.likelihood == "huber" else None
        if config.decoder == "direct":
            return DirectDecoder(config, self.layout, statistics.mean, statistics.std, beta)
        return ResidualDecoder(config, self.layout, statistics.change, beta)

    def label(self, frames: FloatArray, starts: IntArray) -> IntArray:
        return np.zeros(len(starts), np.int64)


def _spread(values: FloatArray) -> tuple[float, ...]:
    """Standard deviations of columns; 1 where a column is constant or there is no row."""
    if len(values) == 0:
        return (1.0,) * values.shape[1]
    return tuple(float(s) if s > _LEAST_STD else 1.0 for s in values.std(0, dtype=np.float64))


def make_game(env_id: str, stack: int) -> Box:
    """The plugin for one environment and one size of stacks."""
    return Box(env_id, stack)
