"""One trainer for every baseline: rollouts from random places of the data, whatever the parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from einops import rearrange
from torch import Tensor, nn

from rssm.baselines.config import BaselineConfig
from rssm.baselines.diffusion import Denoiser
from rssm.baselines.dynamics import Dynamics
from rssm.baselines.losses import step_errors, variance_penalty
from rssm.baselines.scaling import StackScaling
from rssm.baselines.unroll import unroll
from rssm.config import TrainConfig
from rssm.data.chunks import Chunk, ChunkSampler
from rssm.data.dataset import Dataset
from rssm.errors import DivergedError
from rssm.progress import Progress
from rssm.protocols import Statistics
from rssm.training.checkpoint import weights_of
from rssm.training.optimizer import learning_rate
from rssm.training.timing import Clock

#: records of the training error that are kept
_RECORDS = 10
#: a feature that never changes is taken to change by this much (in standard deviations)
_LEAST_CHANGE = 1e-3


@dataclass
class Fitted:
    """How a training went.

    Attributes:
        updates: updates done.
        seconds: time of the updates (see :class:`rssm.training.timing.Clock`).
        history: now and then the update, the chance of teacher forcing, and the mean training error of each step since
            the last record, in the loss's own units before step weights.
    """

    updates: int = 0
    seconds: float = 0.0
    history: list[dict[str, object]] = field(default_factory=list)


class BaselineTrainer:
    """Trains the members of a baseline.

    Args:
        config: its parts.
        data: training data.
        episodes: those that are learned from.
        seed: of the weights, the batches and the teacher forcing.
        updates: length of the training, that schedules are counted in; not looked at where there is a budget.
        device: where the model is to be.
        budget: seconds to train for instead, whatever that gives in updates: schedules follow the share of them that is
            spent. 0 trains for ``updates``.
    """

    def __init__(
        self,
        config: BaselineConfig,
        data: Dataset,
        episodes: Sequence[slice],
        seed: int,
        updates: int,
        device: torch.device,
        budget: float = 0.0,
    ) -> None:
        torch.manual_seed(seed)
        self.budget, self.clock = budget, Clock(budget or math.inf, device)
        self.config, self.updates, self.device = config, updates, device
        rows = slice(0, episodes[-1].stop)
        scale = data.game.fit(data.features[rows], data.action[rows], data.is_first[rows])
        self.scaling = StackScaling(scale).to(device)
        self.members = [_make_member(config, data, rows, scale) for _ in range(config.network.members)]
        self.networks = nn.ModuleList(self.members).to(device)
        length = config.context + len(config.rollout.weights) - 1
        self.sampler = ChunkSampler(data, config.fit.batch_size * len(self.members), length, seed, episodes)
        self.updates_per_epoch = updates_per_epoch(config, episodes)
        self.optimizer = torch.optim.AdamW(
            self.networks.parameters(), lr=0.0, weight_decay=config.fit.weight_decay, fused=True
        )
        self.feature_weights = torch.tensor(config.error.weights(data.game.layout.num_features), device=device)
        self.step_weights = torch.tensor(config.rollout.weights, device=device)

    @property
    def parameters(self) -> int:
        """Trained numbers, of all members."""
        return sum(parameter.numel() for parameter in self.networks.parameters())

    def share(self, update: int) -> float:
        """How much of the training has passed before an update, from 0 to 1."""
        return self.clock.share if self.budget else update / self.updates

    def update(self, update: int) -> Tensor:
        """One optimiser step; returns the error (K,) of each rollout step.

        Raises:
            DivergedError: the loss is not a finite number.
        """
        fit = self.config.fit
        chunk = self.sampler.batch(update).to(self.device)
        schedule = TrainConfig(
            updates=fit.decay_updates or (self.clock.total(update) if self.budget else self.updates),
            learning_rate=fit.learning_rate,
            warmup=fit.warmup,
            final_learning_rate=fit.final_learning_rate,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(schedule, update)
        self.optimizer.zero_grad(set_to_none=True)
        errors = []
        for number, member in enumerate(self.members):
            rows = slice(number * fit.batch_size, (number + 1) * fit.batch_size)
            part = Chunk(**{name: values[rows] for name, values in vars(chunk).items()})
            error, penalty = self._errors(member, part, self.share(update))
            loss = (self.step_weights[: len(error)] * error).sum() + penalty
            if not torch.isfinite(loss):
                raise DivergedError(f"loss: {loss.item()} at update {update}: the training has diverged")
            loss.backward()
            nn.utils.clip_grad_norm_(member.parameters(), fit.clip)
            errors.append(error.detach())
        self.optimizer.step()
        return torch.stack(errors).mean(0)

    def _errors(self, member: Dynamics | Denoiser, chunk: Chunk, share: float) -> tuple[Tensor, Tensor]:
        """The error (K,) of each step, and what is penalised beside it."""
        stacks = self.scaling(chunk.stacks)
        none = stacks.new_zeros(())
        if isinstance(member, Denoiser):
            exists = chunk.next_exists[:, 0]
            loss = member.loss(stacks[:, 0], chunk.actions[:, 0], stacks[:, 1])
            return ((loss * exists).sum() / exists.sum().clamp(min=1.0)).unsqueeze(0), none
        rollout, error = self.config.rollout, self.config.error
        length = rollout.length(share)
        predicted = unroll(member, stacks, chunk.actions, self.config.context, length, rollout.truth(share))
        targets = rearrange(stacks[:, 1:].unfold(1, length, 1)[:, : self.config.context], "b c f s k -> (b c) k f s")
        exists = rearrange(chunk.next_exists.unfold(1, length, 1)[:, : self.config.context], "b c k -> (b c) k")
        predicted = rearrange(predicted, "b c k f s -> (b c) k f s")
        whole_stack = self.config.network.output == "stack"
        errors = step_errors(predicted, targets, exists, self.feature_weights, whole_stack)
        if error.variance == 0:
            return errors, none
        start = rearrange(stacks[:, : self.config.context], "b c f s -> (b c) f s")
        return errors, error.variance * variance_penalty(predicted, targets, start, exists)

    def fit(self, title: str, validate: Callable[[], float]) -> Fitted:
        """Train for all updates, or until patience is out; see :class:`rssm.baselines.config.FitConfig`.

        Args:
            title: of the progress display.
            validate: scores the members as they are; lower is better. Asked once an epoch, where patience counts.

        Raises:
            DivergedError: the loss is not a finite number.
        """
        settings, fitted = self.config.fit, Fitted()
        best, best_epoch, best_weights = math.inf, 0, weights_of(self.networks)
        recent: list[Tensor] = []
        length, unit = (math.ceil(self.budget), "s") if self.budget else (self.updates, "updates")
        with Progress(title, length, unit) as progress:
            while not (self.clock.over if self.budget else fitted.updates >= self.updates):
                share = self.share(fitted.updates)
                with self.clock:
                    recent.append(self.update(fitted.updates))
                fitted.seconds = self.clock.spent
                fitted.updates += 1
                if _records(self.share(fitted.updates)) > _records(share):
                    fitted.history.append(self._record(fitted.updates, share, recent))
                    recent = []
                if settings.stop == "patience" and fitted.updates % self.updates_per_epoch == 0:
                    epoch, score = fitted.updates // self.updates_per_epoch, validate()
                    if score < best:
                        best, best_epoch, best_weights = score, epoch, weights_of(self.networks)
                    if epoch - best_epoch >= settings.patience:
                        break
                done = int(min(self.clock.spent, self.budget)) if self.budget else fitted.updates
                progress.advance(done - progress.done, f"{fitted.updates:,} updates" if self.budget else "")
        if settings.stop == "patience":
            self.networks.load_state_dict(best_weights)
        return fitted

    def _record(self, update: int, share: float, recent: Sequence[Tensor]) -> dict[str, object]:
        length = min(len(errors) for errors in recent)  # a curriculum may have moved on in between
        mean = torch.stack([errors[:length] for errors in recent]).mean(0)
        return {"update": update, "truth": self.config.rollout.truth(share), "step_errors": mean.tolist()}


def _records(share: float) -> int:
    """How many records are due after a share of the training; rounding takes none away."""
    return int(_RECORDS * share + 1e-9)


def updates_per_epoch(config: BaselineConfig, episodes: Sequence[slice]) -> int:
    """Updates in which as many rollouts start as there are transitions to learn from."""
    transitions = sum(episode.stop - episode.start for episode in episodes)
    return math.ceil(transitions / (config.fit.batch_size * config.context))


def _make_member(config: BaselineConfig, data: Dataset, rows: slice, scale: Statistics) -> Dynamics | Denoiser:
    if config.network.kind != "diffusion":
        return Dynamics(config.network, data.game.layout)
    frames = torch.from_numpy(data.features[rows] / scale.std).float()
    within = torch.from_numpy(~data.is_first[rows][1:])
    change_std = (frames[1:] - frames[:-1])[within].std(0).clamp(min=_LEAST_CHANGE)
    return Denoiser(config.network, data.game.layout, change_std)
