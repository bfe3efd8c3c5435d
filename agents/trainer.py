"""The agent's trainer: one loop for offline and online runs, which can be killed at any moment and goes on exactly."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from agents.checkpoint import AGENT_FILE, save_agent
from agents.config import AgentConfig
from agents.learning.learner import Learner
from agents.online.experience import Experience
from agents.play.imagined_vs_real import Comparison, alarm, imagined_against_real
from agents.play.moments import make_moments
from agents.play.record import CURVE_FILE
from agents.play.scores import Series, score_agent
from agents.play.watch import AgentWatch
from agents.spent import Spent
from rssm.config.keys import idle_settings
from rssm.config.stored import from_stored
from rssm.data.chunks import ChunkSampler
from rssm.errors import CheckpointError, UserError
from rssm.progress import Progress
from rssm.seeds import Stream, derived_seed
from rssm.storage.files import write_json
from rssm.system.device import seeded
from rssm.system.stopping import asked, goes_on, held
from rssm.tracking.tracker import Tracker
from rssm.training.checkpoint import MODEL_FILE, TRAINER_FILE, load_trainer, save_model, save_trainer, weights_of
from rssm.training.run_folder import Claim, difference

#: settings that may grow when a run goes on: a finished one is then trained further, at the learning rates that the
#: longer schedule has there
GROWING = ("train.updates", "play.final_updates")


class AgentTrainer:
    """Trains an agent in cycles: what the experience brings, updates of the agent, then a look at both.

    Every random number follows from the seed and a counter (:mod:`rssm.seeds`), so that a run that was killed and
    resumed ends with the very weights of one that was not.

    Args:
        run: folder of the run; checkpoints go here.
        config: the whole job.
        learner: the agent and its optimiser, fresh; replaced on resume.
        experience: world model and real steps, fresh; replaced on resume.
        device: where all of them are.
        claim: the folder's, which it takes with the first checkpoint; None takes nothing.

    Raises:
        CheckpointError: ``trainer.pt`` exists but cannot be read or belongs to another configuration.
    """

    def __init__(
        self,
        run: Path,
        config: AgentConfig,
        learner: Learner,
        experience: Experience,
        device: torch.device,
        claim: Claim | None = None,
    ) -> None:
        self.run, self.config, self.device, self._claim = run, config, device, claim
        self.learner, self.experience = learner, experience
        self.update, self._score, self._warned = 0, "not scored yet", False
        self.spent, self._watch = Spent(), AgentWatch(run, config.env, config.online)
        #: the scores of each evaluation, which CURVE_FILE holds
        self.curve: list[dict[str, Any]] = []
        if (run / TRAINER_FILE).exists():
            self._restore(load_trainer(run / TRAINER_FILE))

    def train(self, tracker: Tracker) -> None:
        """Run to the last update.

        Raises:
            DivergedError: a loss or a gradient is not a finite number; the last checkpoint is a good one.
            Stopped: a signal came; the checkpoint is that of the last cycle.
        """
        settings = self.config.train
        with goes_on(self._kept), self.spent.on("the beginning"):
            self.experience.prepare()
        with Progress("training", self.experience.updates, "updates", self.update) as progress:
            while self.update < self.experience.updates:
                before, played = self.update, self.experience.env_steps if self.update else 0
                # a run goes on from between two cycles; in the first one there is nothing to save yet
                with goes_on(self._kept), held() if self.update else nullcontext():
                    metrics = self._cycle(min(before + settings.cycle, self.experience.updates))
                    self._log(tracker, metrics)
                    if self._evaluation_due(before, played):
                        with self.spent.on("evaluation"):
                            metrics, compared = self._evaluate()
                            self._log(tracker, metrics)
                            seed = derived_seed(self.config.seed, Stream.EVALUATION, self.update)
                            self._watch(tracker, self.update, self.experience.model, self.learner.agent, compared, seed)
                    if self._due(before, settings.checkpoint_every) or asked():
                        tracker.sync()
                        self.save()
                progress.advance(self.update - before, f"{self.experience.env_steps:,} real steps, {self._score}")

    def _kept(self) -> str:
        if self.update == 0:
            return "nothing is kept yet; start the same command again"
        return f"{self.update:,} updates are kept in {self.run}: start the same command again to go on"

    def _cycle(self, stop: int) -> dict[str, float]:
        """Updates up to number ``stop``; returns the mean of what they have to log."""
        with self.spent.on("real play"):
            metrics = self.experience.begin(self.learner.agent, self.update, stop)
        settings, seed = self.config.imagination, self.config.seed
        with self.spent.on("updates of the agent"):
            chunks_seed = derived_seed(seed, Stream.AGENT_CHUNKS)
            sampler = ChunkSampler(self.experience.data(), settings.chunks, settings.chunk_length, chunks_seed)
            for update in range(self.update, stop):
                with seeded(derived_seed(seed, Stream.AGENT_UPDATE, update), self.device):
                    chunk = sampler.batch(update).to(self.device)
                    self.learner.update(self.experience.model, chunk, update)
            metrics |= self.learner.take_metrics()
        self.update = stop
        with self.spent.on("waiting for the world model"):
            return metrics | self.experience.finish()

    def _evaluation_due(self, before: int, played: int) -> bool:
        """Whether to look at the agent, after update ``before`` and so many real steps."""
        every, now = self.config.evaluation.steps, self.experience.env_steps
        if not self.config.online or not every:
            return self._due(before, self.config.train.evaluate_every)
        return now // every > played // every or self.update == self.experience.updates

    def _due(self, before: int, every: int) -> bool:
        """Whether a multiple of ``every``, or the end, was passed since update ``before``."""
        return self.update // every > before // every or self.update == self.experience.updates

    def _evaluate(self) -> tuple[dict[str, float], Comparison | None]:
        """Real games and dreams held against the real game; nothing is learnt from them."""
        settings, model, agent = self.config.evaluation, self.experience.model, self.learner.agent
        seed = derived_seed(self.config.seed, Stream.EVALUATION, self.update)
        moments = make_moments(settings.states, agent, self.config.env, seed)
        series = Series(self.config.env, settings.games, seed)
        result = score_agent(model, agent, list(_PREFIXES), series, moments, settings.workers)
        self.curve.append(self.point(result))
        write_json(self.run / CURVE_FILE, {"points": self.curve})
        metrics = {
            f"real/{prefix}{name}": float(result[policy][key])
            for policy, prefix in _PREFIXES.items()
            for key, name in (("mean", "score"), ("standard_error", "score_error"), ("length", "length"))
        }
        self._score = f"score {metrics['real/score']:+.1f} greedy, {metrics['real/sampled_score']:+.1f} sampled"
        compared = None
        if moments is not None:
            compared = imagined_against_real(model, agent, moments, self.config.env, seed)
            metrics |= compared.metrics
            said = alarm(metrics)
            if said and not self._warned:
                print(f"warning: {said} (said once; imagination/alarm is logged each time)", file=sys.stderr)
                self._warned = True
        return metrics, compared

    def point(self, result: dict[str, Any]) -> dict[str, Any]:
        """The scores of an evaluation with the moment of the training that it is of."""
        return {"env_steps": self.experience.env_steps, "update": self.update, **result}

    def _log(self, tracker: Tracker, metrics: dict[str, float]) -> None:
        tracker.log({"env_steps": self.experience.env_steps} | metrics, self.update)

    def save(self) -> None:
        """Write all checkpoints; ``trainer.pt`` last, since a resume reads it alone."""
        if self._claim is not None:
            self._claim.take()
        counters = {"update": self.update, "env_steps": self.experience.env_steps, "seed": self.config.seed}
        model = self.experience.model
        save_model(self.run / MODEL_FILE, model, weights_of(model), counters)
        save_agent(self.run / AGENT_FILE, self.learner.agent, counters)
        state = {
            "config": asdict(self.config),
            "update": self.update,
            "seconds": self.spent.total,
            "spent": self.spent.seconds,
            "curve": self.curve,
            "score": self._score,
            "learner": self.learner.state_dict(),
            "experience": self.experience.state_dict(),
        }
        save_trainer(self.run / TRAINER_FILE, state)

    def _restore(self, state: dict[str, Any]) -> None:
        try:
            before = asdict(from_stored(type(self.config), state["config"]))
        except UserError as error:
            raise CheckpointError(f"{self.run / TRAINER_FILE}: config: {error}") from None
        differing = difference(before, asdict(self.config), GROWING, idle_settings(self.config))
        if differing is not None:
            key, found, wanted = differing
            raise CheckpointError(
                f"{self.run / TRAINER_FILE}: was trained with {key} {found}, not {wanted}; expected the same settings "
                "to go on, or another run folder"
            )
        self.update, self._score = state["update"], state["score"]
        # runs that were stored before these were kept have the sum alone, and no curve
        self.spent = Spent(state.get("spent", {"before": state["seconds"]}))
        self.curve = state.get("curve", [])
        self.learner.load_state_dict(state["learner"])
        self.experience.load_state_dict(state["experience"])


#: policies that are scored while training, and what their metrics' names begin with
_PREFIXES = {"greedy": "", "sampled": "sampled_"}
