"""Several players that share one budget of steps: ``50% tracking, 30% tracking rest, 20% random``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rssm.game import Player

#: shares are given in percent and must make up this much
_WHOLE = 100.0


@dataclass(frozen=True)
class PlainPlayer:
    """A player that is known by its words alone."""

    name: str
    noops: ClassVar[None] = None

    def __str__(self) -> str:
        return self.name

    def meta(self) -> dict[str, Any]:
        return {"name": self.name}


def plain_player(text: str) -> PlainPlayer:
    """Any player that has a name, where it is not known what game it plays."""
    if not text.strip():
        raise ValueError("expected a player, got nothing")
    return PlainPlayer(" ".join(text.split()))


@dataclass(frozen=True)
class Mixture:
    """Who plays, and each player's share of the steps (or an equal number of games).

    Args:
        players: P players, all different.
        shares: P shares, which sum to 1.
    """

    players: tuple[Player, ...]
    shares: tuple[float, ...]

    @staticmethod
    def parse(text: str, read_player: Callable[[str], Player]) -> Mixture:
        """Read ``SHARE% PLAYER, SHARE% PLAYER, ...``; players without any shares play equally much.

        Args:
            text: what to read.
            read_player: the game's (:meth:`rssm.game.Game.read_player`).

        Raises:
            ValueError: not such a list; the line says what was expected.
        """
        players, shares = [], []
        for part in text.split(","):
            percent, sign, rest = part.partition("%")
            players.append(read_player(rest if sign else part))
            if sign:
                try:
                    shares.append(float(percent))
                except ValueError:
                    raise ValueError(f"expected a share such as '50% {players[-1]}', got '{part.strip()}'") from None
        if not shares:
            shares = [_WHOLE / len(players)] * len(players)
        if len(shares) != len(players):
            raise ValueError(f"expected a share of every player or of none, got '{text}'")
        if len(set(players)) != len(players):
            raise ValueError(f"expected every player once, got '{text}'")
        if not min(shares) > 0 or abs(sum(shares) - _WHOLE) > 1e-6:
            raise ValueError(f"expected shares above 0 that make up {_WHOLE:g} %, got {sum(shares):g} %")
        return Mixture(tuple(players), tuple(share / _WHOLE for share in shares))

    def __str__(self) -> str:
        """The text that :meth:`parse` reads back."""
        if len(self.players) == 1:
            return str(self.players[0])
        return ", ".join(
            f"{share * _WHOLE:.12g}% {player}" for player, share in zip(self.players, self.shares, strict=True)
        )

    def meta(self) -> dict[str, Any]:
        """For ``meta.json``: the one player, or all of them with their shares."""
        if len(self.players) == 1:
            return self.players[0].meta()
        return {"name": "mixture", "players": str(self)}

    def quotas(self, steps: int) -> list[int]:
        """Each player's part of ``steps``, whole numbers (P,) within 1 of its share that sum to ``steps``."""
        ends = [0.0]
        for share in self.shares:
            ends.append(ends[-1] + share * steps)
        rounded = [round(end) for end in ends[:-1]] + [steps]
        return [end - begin for begin, end in itertools.pairwise(rounded)]


def interleave(lengths: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """An order of several players' games in which every stretch holds each player in about its proportion.

    Each player's games stay in order, spread evenly over the whole: a game's place is the share of its player's steps
    that has been played at its middle.

    Args:
        lengths: of the games of each of P players.

    Returns:
        (player, number of its game) of every game.
    """
    places = []
    for player, games in enumerate(lengths):
        total, played = sum(games), 0
        for number, length in enumerate(games):
            places.append(((played + length / 2) / total, player, number))
            played += length
    return [(player, number) for _, player, number in sorted(places)]
