"""A policy in real games side by side: one batched call of the model serves all of them."""

from __future__ import annotations

from collections.abc import Sequence

from agents.learning.inputs import Seen
from agents.play.filtering_player import Player
from agents.play.side_by_side import PLACES, SideBySide, Turn, one_after_the_other
from rssm.config import EnvConfig
from rssm.model.world_model import Policy, WorldModel


class FilteredGames:
    """Games that a policy plays, each to its end.

    Args:
        model: the world model.
        policy: acts in all games.
        env: the games' settings.
        seeds: of the games, in the order in which they are started.
        max_steps: agent steps after which a game is stopped.
        places: games played at the same time, at most.
        sample: whether posterior latents are sampled or take their mode.

    Attributes:
        games: the games that are being played.
    """

    def __init__(
        self,
        model: WorldModel,
        policy: Policy,
        env: EnvConfig,
        seeds: Sequence[int],
        *,
        max_steps: int,
        places: int = PLACES,
        sample: bool = True,
    ) -> None:
        places = min(places, len(seeds))
        self.games = SideBySide(env, one_after_the_other(seeds), max_steps=max_steps, places=places)
        self._player = Player(model, policy, places, next(model.parameters()).device, sample=sample)

    def __len__(self) -> int:
        """B, the games that are being played."""
        return len(self.games)

    def look(self) -> Seen:
        """The filtered states (B,) of the games as they stand."""
        return self._player.look(self.games.stacks, self.games.steps == 0)

    def play(self, state: Seen) -> Turn:
        """Play one agent step of every game from the states (B,) that :meth:`look` gave."""
        turn = self.games.step(self._player.choose(state))
        if len(turn.kept) < len(turn.games):
            self._player.keep(turn.kept)
        return turn
