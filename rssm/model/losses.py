"""The KL-balanced ELBO over sequence chunks, and the open-loop term.

KL balance and free nats: DreamerV3 (Hafner et al. 2023, equation 5), after DreamerV2 (2021, equation 2). Every term is
an array over (batch, time); their scales are :class:`rssm.config.LossConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rssm.config import HORIZON, LossConfig
from rssm.data.chunks import Chunk
from rssm.model.distributions import categorical_kl
from rssm.model.foreign_past import observe_with_foreign_past
from rssm.model.state import State
from rssm.model.world_model import Observed, WorldModel
from rssm.noise import integers

#: the name of each term and the key of its scale in LossConfig
SCALES = {
    "reconstruction": "reconstruction",
    "dynamics": "dynamics",
    "representation": "representation",
    "reward": "reward",
    "continue": "continuation",
    "open_loop": "open_loop",
}


@dataclass(frozen=True)
class Losses:
    """Args:
    terms: for each name an array (B, T), in nats where the likelihood is discrete; already times its weight.
    masks: for each name an array (B, T), the weight of each entry: 1 for one that counts and 0 for one that does not,
        more for one that stands for several.
    """

    terms: dict[str, Tensor]
    masks: dict[str, Tensor]

    def means(self) -> dict[str, Tensor]:
        """The weighted mean of each term."""
        return {name: term.sum() / self.masks[name].sum().clamp(min=1.0) for name, term in self.terms.items()}

    def total(self, config: LossConfig) -> Tensor:
        """The trained scalar: the sum of scale x mean."""
        return torch.stack([getattr(config, SCALES[name]) * mean for name, mean in self.means().items()]).sum()


def balanced_kl(posterior: Tensor, prior: Tensor, free_nats: float) -> tuple[Tensor, Tensor]:
    """The dynamics and the representation term.

    Args:
        posterior, prior: (B, T, S, C), log-probabilities.
        free_nats: each step's KL (not the batch's mean) is clipped from below at this; below it no gradient flows.

    Returns:
        KL(sg(posterior) || prior), which trains the prior, and KL(posterior || sg(prior)), which trains the posterior;
        both (B, T), in nats.
    """
    dynamics = categorical_kl(posterior.detach(), prior)
    representation = categorical_kl(posterior, prior.detach())
    return dynamics.clamp(min=free_nats), representation.clamp(min=free_nats)


def chunk_losses(model: WorldModel, chunk: Chunk, config: LossConfig) -> Losses:
    """All terms of one batch of chunks; see :class:`rssm.data.chunks.Chunk` for how rows and steps line up::

    row          0     1     2   …   T
    stack        x_0   x_1   x_2 …   x_T       observed (the last one may not exist: the game was over)
    action       a_0   a_1   a_2 …             taken after x_t
    reward             r_0   r_1 …   r_{T-1}   earned by a_t, so it is predicted from state t + 1
    predicted          x_1   x_2 …   x_T       from (x_0, a_0) on: T predictions in each chunk
    """
    target, before = chunk.stacks[:, 1:], chunk.stacks[:, :-1]
    seen = observe_with_foreign_past(model, before, chunk, config.foreign_past)
    deter = torch.cat([seen.states.deter[:, 1:], seen.next_deter.unsqueeze(1)], 1)
    prior = model.rssm.prior(deter)

    exists, happened = chunk.next_exists, chunk.happened
    last_embedding = model.encoder(target[:, -1:])
    last_posterior = model.rssm.posterior(deter[:, -1:], last_embedding)
    posterior = torch.cat([seen.posterior[:, 1:], last_posterior], 1)
    stoch = torch.cat([seen.states.stoch[:, 1:], model.rssm.draw(last_posterior, True)], 1)
    embedding = torch.cat([seen.embedding[:, 1:], last_embedding], 1)
    prediction = model.predict(deter, stoch, seen.embedding, before, chunk.actions)
    dynamics, representation = balanced_kl(posterior, prior, config.free_nats)

    # Behind the end of a game nothing is observed: there the reward head reads what imagination would give it. The
    # continue head reads nothing else anywhere, or it would know an end by the kind of its inputs.
    imagined = _imagine_some(model, chunk, seen, deter, prior, config.continue_steps)
    at_end = (happened - exists).unsqueeze(-1) > 0
    features = torch.where(at_end, imagined.features[:, -1:], model.join_features(deter, stoch, embedding))

    terms = {
        "reconstruction": prediction.loss(target) * exists,
        "dynamics": dynamics * exists,
        "representation": representation * exists,
        "reward": model.reward_loss(features, chunk.rewards) * happened,
        "continue": model.continue_loss(imagined.features, 1.0 - imagined.terminated) * imagined.weights,
    }
    masks = dict.fromkeys(("reconstruction", "dynamics", "representation"), exists)
    masks |= {"reward": happened, "continue": imagined.weights}
    if config.open_loop > 0:
        terms["open_loop"], masks["open_loop"] = open_loop_loss(
            model, seen, chunk, config.open_loop_starts, config.open_loop_steps
        )
    assert terms.keys() == masks.keys()
    assert terms.keys() <= SCALES.keys()
    return Losses(terms, masks)


class _Imagined(NamedTuple):
    """Some steps of each chunk, imagined one step ahead: M at random, and the last.

    Args:
        features: (B, M + 1, F), of the states after them.
        terminated: (B, M + 1), 1.0 where the game ended.
        weights: (B, M + 1): those at random stand for all before the last; 0.0 where they are none of these.
    """

    features: Tensor
    terminated: Tensor
    weights: Tensor


def _imagine_some(
    model: WorldModel, chunk: Chunk, seen: Observed, deter: Tensor, prior: Tensor, count: int
) -> _Imagined:
    batch, length = chunk.actions.shape
    device = chunk.actions.device
    rows = torch.arange(batch, device=device).unsqueeze(1)
    last = chunk.happened.sum(1, keepdim=True).long() - 1
    steps = torch.cat([integers(length - 1, (batch, count), device), last], 1)
    deter, stoch = deter[rows, steps], model.rssm.draw(prior[rows, steps], True)
    with torch.no_grad():
        before, embedding = chunk.stacks[rows, steps], seen.embedding[rows, steps]
        stack = model.predict(deter, stoch, embedding, before, chunk.actions[rows, steps]).mode()
    features = model.join_features(deter, stoch, model.encoder(stack))
    weights = (steps < last) * ((length - 1) / count)
    weights[:, -1] = 1.0
    return _Imagined(features, chunk.terminated[rows, steps], weights)


def open_loop_loss(
    model: WorldModel, seen: Observed, chunk: Chunk, starts: int, horizon: int = HORIZON
) -> tuple[Tensor, Tensor]:
    """Imagine some steps (six) with the recorded actions from random steps of each chunk and score what is decoded.

    The stack that the model feeds itself is its own mode (whole pixels under the discrete likelihood), as in
    evaluation. They are scored in one call, when all of them are known.

    Returns:
        The reconstruction loss (B, S * H) of each imagined step and the mask of those that exist.
    """
    batch, length = chunk.actions.shape
    device = chunk.actions.device
    start = integers(length - horizon + 1, (batch, starts), device)
    rows = torch.arange(batch, device=device).unsqueeze(1)
    state = seen.states[rows, start].map(lambda part: part.flatten(0, 1))
    embedding = seen.embedding[rows, start].flatten(0, 1)
    steps = start.unsqueeze(-1) + torch.arange(horizon, device=device)  # (B, S, H)
    rows = rows.unsqueeze(-1)
    actions = chunk.actions[rows, steps].flatten(0, 1)
    targets = chunk.stacks[rows, steps + 1].flatten(0, 1)
    exists = chunk.next_exists[rows, steps].flatten(1)
    # a mode of whole outcomes has no gradient: the decoder's is then that of the scoring alone
    through_stacks = torch.is_grad_enabled() and model.decoder.differentiable
    parts: list[tuple[Tensor, ...]] = []
    # not WorldModel.unroll: what is decoded on the way is only fed back, mostly without a gradient, and the last stack
    # not at all; the predictions that are scored are made from all steps at once
    for k in range(horizon):
        action = actions[:, k]
        embedding = model.encoder(state.stack) if k else embedding
        deter, stoch, _ = model.imagine_latent(state, action, embedding=embedding)
        parts.append((deter, stoch, embedding, state.stack))
        if k + 1 < horizon:
            with torch.set_grad_enabled(through_stacks):
                state = State(deter, stoch, model.predict(deter, stoch, embedding, state.stack, action).mode())
    deter, stoch, embedding, before = (torch.stack(part, 1) for part in zip(*parts, strict=True))
    loss = model.predict(deter, stoch, embedding, before, actions).loss(targets)
    return loss.view(batch, -1) * exists, exists
