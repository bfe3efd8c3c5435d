"""A world model that starts from nothing and learns from the agent's own real play."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from agents.config import AgentConfig
from agents.learning.actor import allowed_actions
from agents.learning.agent import Agent
from agents.online.collector import RealGames
from agents.online.replay import Replay
from agents.online.schedule import Schedule
from agents.online.world_trainer import Work, WorldTrainer, make_world, pack, unpack
from agents.play.filtering_player import Player
from agents.play.planning import in_some_games, planned
from rssm.arrays import FloatArray, IntArray
from rssm.data.dataset import Dataset
from rssm.game import load_game
from rssm.model.world_model import WorldModel
from rssm.progress import Progress
from rssm.protocols import Statistics
from rssm.seeds import Stream, derived_seed
from rssm.system.device import seeded

REPLAY_FOLDER = "replay"
#: first updates of the world model between two signs of life
_STRETCH = 20


class Online:
    """Real steps, updates of the world model and updates of the agent by turns (see :class:`agents.config.PlayConfig`).

    In a cycle real games are played first, by the sampled policy or with planned moves. Then the world model learns
    from all steps so far while the agent imagines with its averaged weights of the cycle before; the new weights are
    taken up at the end. So the two can run side by side, and nothing depends on which is faster.

    Args:
        run: folder of the run; the steps are kept in ``replay/``.
        config: the whole job.
        trainer: trains the world model.
        device: where the world model acts and imagines.
    """

    def __init__(self, run: Path, config: AgentConfig, trainer: WorldTrainer, device: torch.device) -> None:
        self.config, self.device, self._trainer = config, device, trainer
        self._folder = run / REPLAY_FOLDER
        play, world = config.play, config.world
        self._schedule = Schedule(play, world, config.env_steps)
        self.updates = self._schedule.updates + play.final_updates
        self._optimizer = world.optimizer(self._schedule.world_updates)
        self._game = load_game(config.env.id, config.env.stack)
        self._replay = Replay(self._folder, self._game, play.games)
        self._games: RealGames | None = None
        self._model: WorldModel | None = None
        self._state, self._done, self._working = b"", 0, False

    @property
    def model(self) -> WorldModel:
        assert self._model is not None  # begin() makes it
        return self._model

    @property
    def env_steps(self) -> int:
        return self._replay.steps

    def data(self) -> Dataset:
        return self._replay.data()

    def prepare(self) -> None:
        """The random play, and what it teaches the world model."""
        if self._model is not None:
            return
        first = self.config.world.first_updates
        print(
            f"{self.config.play.random_steps:,} random steps, then {first:,} updates of the world model",
            file=sys.stderr,
        )
        self._play_randomly()
        self._model = make_world(self.config, self._fit_statistics()).to(self.device)
        with Progress("world model", first, "updates") as progress:
            while self._done < first:
                before = self._done
                self._train_world(min(before + _STRETCH, first))
                self.finish()
                progress.advance(self._done - before)

    def begin(self, agent: Agent, update: int, stop: int) -> dict[str, float]:
        """Play, and start on the world model."""
        play = self.config.play
        scores = self._play(agent, (self._schedule.steps_due(stop) - self.env_steps) // play.games)
        self._train_world(self._schedule.world_due(self.env_steps))
        return {"real/played_score": float(np.mean(scores)), "real/played_games": len(scores)} if scores else {}

    def finish(self) -> dict[str, float]:
        """Take up the world model's new weights."""
        if not self._working:
            return {}
        self._state, metrics = self._trainer.result()
        self._working = False
        self._take_up()
        return metrics | {"world/update": self._done}

    def state_dict(self) -> dict[str, Any]:
        return {
            "env_steps": self.env_steps,
            "blocks": self._replay.blocks,
            "world_updates": self._done,
            "statistics": self.model.statistics.to_dict(),
            "world": unpack(self._state),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._replay = Replay(self._folder, self._game, self.config.play.games, state["blocks"])
        self._state, self._done = pack(state["world"]), state["world_updates"]
        statistics = self._game.read_statistics(state["statistics"])
        self._model = make_world(self.config, statistics).to(self.device)
        self._take_up()

    def _play_randomly(self) -> None:
        rng = np.random.default_rng(derived_seed(self.config.seed, Stream.RANDOM_PLAY))
        allowed = np.array(allowed_actions(self.config.actor_critic, self._game))

        def act(stacks: FloatArray, is_first: npt.NDArray[np.bool_]) -> IntArray:
            return allowed[rng.integers(len(allowed), size=len(stacks))]

        self._real_games().play(act, self.config.play.random_steps // self.config.play.games)

    def _play(self, agent: Agent, turns: int) -> list[float]:
        """Play, some games with planned moves and the others by the sampled policy; the scores of those that ended."""
        if turns == 0:
            return []
        games, play = self._real_games(), self.config.play
        policy = agent.policy(self.model, greedy=False)
        if play.planned:
            policy = in_some_games(planned(self.model, agent, play.rollouts), policy, play.planned_games)
        player = Player(self.model, policy, play.games, self.device, sample=True)
        player.deter = games.remember(self.model, play.memory)
        with seeded(derived_seed(self.config.seed, Stream.PLAY, self._replay.blocks), self.device):
            return games.play(player.act, turns)

    def _real_games(self) -> RealGames:
        if self._games is None:
            self._games = RealGames(self.config.env, self.config.seed, self._replay)
        return self._games

    def _fit_statistics(self) -> Statistics:
        """Of the random play, widened to what it has not shown yet; the model keeps them to its end."""
        data = self._replay.data()
        return self._game.fit(data.features, data.action, data.is_first).widened()

    def _train_world(self, stop: int) -> None:
        """Start the world model's updates up to number ``stop``, if there are any to do."""
        if stop > self._done:
            work = Work(
                self.config, self._optimizer, self.model.statistics, self._state, self._replay.data(), self._done, stop
            )
            self._trainer.start(work)
            self._done, self._working = stop, True

    def _take_up(self) -> None:
        self.model.load_state_dict(unpack(self._state)["optimizer"]["average"])
        self.model.eval().requires_grad_(False)
