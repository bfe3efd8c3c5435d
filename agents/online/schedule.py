"""How many updates are due after how many real steps of an online run."""

from __future__ import annotations

from agents.online.config import PlayConfig, WorldConfig


class Schedule:
    """Real steps, updates of the agent and of the world model, each as a function of the other.

    Up to ``play.early_steps`` real steps there are ``play.early_updates`` times as many updates of both per step:
    where data are scarce they are learned from more often.

    Args:
        play: of the run.
        world: of the run.
        env_steps: the budget, random play included.

    Attributes:
        updates: of the agent until the last real step is played.
        world_updates: of the world model, in all.
    """

    def __init__(self, play: PlayConfig, world: WorldConfig, env_steps: int) -> None:
        self._play, self._world = play, world
        self._budget = env_steps
        #: steps behind the random play at the first rate, and how many at the second one they count as
        self._early = max(0, min(play.early_steps, env_steps) - play.random_steps)
        self._extra = (play.early_updates - 1) * self._early
        self.updates = -(-self._counted(env_steps) // play.steps_per_update)
        self.world_updates = self.world_due(env_steps)

    def steps_due(self, update: int) -> int:
        """Real steps that are to be played before update number ``update`` of the agent is passed."""
        counted = update * self._play.steps_per_update
        # slowly at first, then at the full pace: each is ahead of the other where it holds
        past = max(counted // self._play.early_updates, counted - self._extra)
        return min(self._budget, self._play.random_steps + past)

    def world_due(self, steps: int) -> int:
        """Updates of the world model that are due when so many real steps were played."""
        return self._world.first_updates + self._counted(steps) // self._world.steps_per_update

    def _counted(self, steps: int) -> int:
        """Steps behind the random play, those of the first rate multiplied."""
        past = max(0, steps - self._play.random_steps)
        return past + (self._play.early_updates - 1) * min(past, self._early)
