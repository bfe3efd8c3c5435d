"""Settings of the game, and what a game refuses of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rssm import ENV_ID
from rssm.config.settings import Settings, check, setting
from rssm.data.mixture import Mixture, plain_player
from rssm.errors import UserError

if TYPE_CHECKING:
    from rssm.config.data import DataConfig
    from rssm.config.model import ModelConfig
    from rssm.game import Game


@dataclass(frozen=True)
class EnvConfig(Settings):
    """The game."""

    id: str = setting(
        ENV_ID,
        "gymnasium id of the environment; any with a Box of one dimension as observation and Discrete actions",
        filled=True,
        before=ENV_ID,
    )
    frameskip: int = setting(4, "console frames per agent step", low=1, high=60)
    repeat_action_probability: float = setting(
        0.0, "chance, per console frame, that the previous action is repeated (sticky actions)", low=0, high=1
    )
    noop_max: int = setting(30, "an episode starts after 0 to this many random NOOP console frames", low=0, high=10_000)
    enemy: Literal["normal", "lazy", "late"] = setting(
        "normal",
        "normal is the console's own; lazy rests while the ball flies away from it, and late until the ball that comes "
        "is past the middle",
        before="normal",
    )
    stack: int = setting(
        4, "frames that an observation shows, the newest and those before it; Pong's are four", low=1, high=16, before=4
    )
    max_episode_steps: int = setting(27_000, "agent steps after which an episode is truncated", low=1, high=10**6)


def check_players(key: str, text: str, game: Game | None = None) -> None:
    """Refuse a text that names no players (see :class:`rssm.data.mixture.Mixture`), or none of this game's."""
    try:
        Mixture.parse(text, plain_player if game is None else game.read_player)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def find_game(key: str, env_id: str) -> Game:
    """The game of an environment.

    Raises:
        ValueError: there is none that can be modelled.
    """
    from rssm.game import load_game  # a game reads these settings

    try:
        return load_game(env_id)
    except UserError as error:
        raise ValueError(f"{key}: {error}") from None


def check_game(env: EnvConfig, model: ModelConfig | None = None, data: DataConfig | None = None) -> Game:
    """Refuse settings that the game does not have; returns the game.

    Raises:
        ValueError: the line begins with the key, such as ``model.likelihood``.
    """
    game = find_game("env.id", env.id)
    if model is not None:
        game.check_model(model)
    if data is not None:
        check_players("data.players", data.players, game)
        check_players("data.heldout_player", data.heldout_player, game)
        if data.others.games:
            check_players("data.others.players", data.others.players, game)
    return game


def check_goes_back(key: str, moments: int, game: Game) -> None:
    """Refuse moments to be played on from, where the game cannot go back to one.

    Raises:
        ValueError: the line begins with ``key``.
    """
    check(
        game.clones or not moments,
        f"{key}: expected 0, {game.env_id} cannot go back to an earlier moment to play on from, got {moments}",
    )


def idle_in(env: EnvConfig) -> dict[str, str]:
    """The settings that do nothing in this game."""
    game = find_game("env.id", env.id)
    without_habits = () if game.habits else ("loss.foreign_past",)
    return dict.fromkeys((*game.idle, *without_habits), f"in {env.id}")
