"""Pong as the general parts know it (see :class:`rssm.game.Game`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import numpy.typing as npt

from rssm import ENV_ID
from rssm.arrays import ErrorArray, FloatArray, IntArray
from rssm.config import EnvConfig, ImportConfig, ModelConfig
from rssm.errors import UserError
from rssm.game import Game
from rssm.games.pong import features as F
from rssm.games.pong.events import START_STEPS, TITLES, label_windows
from rssm.games.pong.player import Player, parse_player
from rssm.games.pong.published import PUBLISHED
from rssm.games.pong.statistics import FeatureStatistics
from rssm.layout import Layout
from rssm.protocols import Decoder, Encoder, Policy

if TYPE_CHECKING:
    from rssm.evaluation.windows import EpisodeWindows
    from rssm.games.pong.env import PongFeatures


class Pong(Game):
    """Atari Pong, seen as the 14 features of its objects."""

    name = "pong"
    env_id = ENV_ID
    layout = Layout(
        F.FEATURE_NAMES,
        F.ACTION_NAMES,
        F.STACK_SIZE,
        counters=((F.ENEMY_SCORE, F.SCORE_ENEMY), (F.PLAYER_SCORE, F.SCORE_PLAYER)),
    )
    events = TITLES
    positions = {"ball_x": F.BALL_X, "ball_y": F.BALL_Y, "player_y": F.PLAYER_Y, "enemy_y": F.ENEMY_Y}  # noqa: RUF012
    #: with the fire button held the paddle moves alike, but a ball that it hits flies faster
    twins = {  # noqa: RUF012
        F.ACTION_NAMES.index(fire): F.ACTION_NAMES.index(move)
        for fire, move in (("FIRE", "NOOP"), ("RIGHTFIRE", "RIGHT"), ("LEFTFIRE", "LEFT"))
    }
    habits = (F.PLAYER_Y, F.ENEMY_Y)
    start_event, start_steps = "start", START_STEPS
    clones = in_pixels = won = True
    published = PUBLISHED
    idle = ("env.stack",)
    plays_as = "ale-py"

    @property
    def view_size(self) -> int:
        from rssm.games.pong.encoder import VIEW

        return VIEW

    def check_model(self, config: ModelConfig) -> None:
        """All of them are Pong's."""

    def make_env(self, config: EnvConfig, render_mode: str | None = None) -> PongFeatures:
        if config.enemy != "normal":
            from rssm.games.pong.modified import make_modified

            return make_modified(config, render_mode)
        from rssm.games.pong.env import make_env

        return make_env(config, render_mode)

    def read_player(self, text: str) -> Player:
        return parse_player(text)

    def policy(self, player: Player) -> Policy:  # type: ignore[override]
        from rssm.games.pong.players import make_policy

        return make_policy(player)

    def fit(
        self, frames: FloatArray, action: npt.NDArray[np.uint8], is_first: npt.NDArray[np.bool_]
    ) -> FeatureStatistics:
        return FeatureStatistics.fit(frames, action, is_first)

    def read_statistics(self, values: dict[str, Any]) -> FeatureStatistics:
        return FeatureStatistics.from_dict(values)

    def encoder(self, config: ModelConfig, statistics: FeatureStatistics) -> Encoder:
        from rssm.games.pong import encoder

        return encoder.Encoder(config, statistics)

    def decoder(self, config: ModelConfig, statistics: FeatureStatistics, huber_beta: float) -> Decoder:
        from rssm.games.pong.decoder import make_decoder

        return make_decoder(config, self.layout, statistics, huber_beta)

    def label(self, frames: FloatArray, starts: IntArray) -> IntArray:
        return label_windows(frames, starts)

    def draw(self, path: Path, real: FloatArray, imagined: FloatArray) -> bool:
        from rssm.games.pong.drawing import side_by_side_gif

        side_by_side_gif(path, real, imagined)
        return True

    def animate(self, path: Path, frames: FloatArray) -> bool:
        from rssm.games.pong.animation import game_gif

        game_gif(path, frames)
        return True

    def draw_open_loop(
        self, path: Path, real: FloatArray, imagined: FloatArray, observed: npt.NDArray[np.bool_]
    ) -> bool:
        from rssm.games.pong.open_loop_gif import open_loop_gif

        open_loop_gif(path, real, imagined, observed)
        return True

    def draw_paths(self, path: Path, real: FloatArray, imagined: FloatArray, titles: Sequence[str]) -> bool:
        from rssm.games.pong.paths import draw_paths

        draw_paths(path, real, imagined, titles)
        return True

    def sketch(self) -> str:
        from rssm.games.pong.drawing import SKETCH

        return SKETCH.read_text(encoding="utf-8")

    def import_data(self, config: ImportConfig) -> None:
        from rssm.games.pong.import_npz import import_npz

        import_npz(config)

    def start_floor(
        self, env: gymnasium.Env[FloatArray, Any], config: EnvConfig, windows: EpisodeWindows
    ) -> ErrorArray:
        from rssm.games.pong.first_serve import start_floor

        return start_floor(env, config.noop_max, windows)


PONG = Pong()


def make_game(env_id: str, stack: int) -> Pong:
    """The plugin; there is one Pong.

    Raises:
        UserError: other stacks than Pong's.
    """
    if stack != F.STACK_SIZE:
        raise UserError(f"env.stack: expected {F.STACK_SIZE} in {env_id}, got {stack}")
    return PONG
