"""How a recorded game began: the same for the same player and seed, so that it can be played again."""

from __future__ import annotations

from typing import Any

import numpy as np

from rssm.data.episode import Episode
from rssm.game import Game, Player

#: one stream of random numbers of a game's seed; 1 is the player's
_NOOPS = 2


def reset_options(player: Player, seed: int) -> dict[str, Any] | None:
    """The options of the environment's reset with which a player's game of this seed begins."""
    if player.noops is None:
        return None
    return {"noops": int(np.random.default_rng([seed, _NOOPS]).integers(player.noops + 1))}


def begins_apart(game: Game, player: str | None) -> bool:
    """Whether the games of a player, given as text, start at other moments than the environment's settings say."""
    found = _read(game, player)
    return found is not None and found.noops is not None


def recorded_options(game: Game, episode: Episode) -> dict[str, Any] | None:
    """:func:`reset_options` of a recorded episode whose seed is known."""
    found = _read(game, episode.player)
    return None if found is None or episode.seed is None else reset_options(found, episode.seed)


def _read(game: Game, player: str | None) -> Player | None:
    try:
        return None if player is None else game.read_player(player)
    except ValueError:  # recorded by somebody of whom only the name is known
        return None
