"""The world model: encoder, RSSM, decoder, reward and continue heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import methodcaller

import torch
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.game import Game
from rssm.model.distributions import two_hot_loss, two_hot_mean
from rssm.model.networks import MLP, start_uniform
from rssm.model.rssm import RSSM
from rssm.model.state import Embedded, State
from rssm.protocols import Prediction, Statistics

#: chooses actions (B,) int64 from a state with leading shape (B,)
Policy = Callable[[State], Tensor]
#: takes a stack (B, F, S) from a prediction with leading shape (B,)
Draw = Callable[[Prediction], Tensor]


@dataclass(frozen=True)
class Observed:
    """A filtered sequence of T steps.

    Args:
        states: State (B, T), with posterior latents and the observed stacks.
        next_deter: (B, D), the deterministic state of the step after the sequence.
        posterior: (B, T, S, C), log-probabilities.
        embedding: (B, T, H).
    """

    states: State
    next_deter: Tensor
    posterior: Tensor
    embedding: Tensor


@dataclass(frozen=True)
class Step:
    """One imagined step.

    Args:
        action: (B,) int64, taken in the state before.
        state: State (B,), after it; its ``stack`` is the predicted one.
        prediction: the distribution over that stack.
        prior: (B, S, C), log-probabilities of the latents.
    """

    action: Tensor
    state: State
    prediction: Prediction
    prior: Tensor


@dataclass(frozen=True)
class Imagined:
    """An imagined trajectory of H steps.

    Args:
        states: State (B, H): the states *after* each action; their ``stack`` is the predicted one.
        actions: (B, H) int64.
        predictions: the H distributions over the stacks, each with leading shape (B,).
        prior: (B, H, S, C), log-probabilities of the latents.
    """

    states: State
    actions: Tensor
    predictions: list[Prediction]
    prior: Tensor


class WorldModel(nn.Module):
    """A Dreamer-style model of a game.

    Args:
        config: sizes and variants.
        game: gives the encoder, the decoder and the actions.
        statistics: of the training data; stored with the model.
        huber_beta: of the Huber likelihood, in standard deviations.
    """

    reward_bins: Tensor

    def __init__(self, config: ModelConfig, game: Game, statistics: Statistics, huber_beta: float = 0.1) -> None:
        super().__init__()
        self.config, self.game, self.statistics, self.huber_beta = config, game, statistics, huber_beta
        self.encoder = game.encoder(config, statistics)
        self.decoder = game.decoder(config, statistics, huber_beta)
        self.rssm = RSSM(config, game.layout.num_actions, self.decoder.reads_stack)
        self.reward_head = start_uniform(MLP(config.feature_size, config.head_hidden, 1, config.bins))
        self.continue_head = start_uniform(MLP(config.feature_size, config.head_hidden, 1, 1))
        bins = torch.linspace(-config.reward_limit, config.reward_limit, config.bins)
        self.register_buffer("reward_bins", bins, persistent=False)

    def observe(
        self, stacks: Tensor, actions: Tensor, is_first: Tensor, *, sample: bool = True, state: State | None = None
    ) -> Observed:
        """Filter real observations.

        Args:
            stacks: (B, T, F, 4), raw units.
            actions: (B, T) int64, the action taken after each observation.
            is_first: (B,) bool, whether the sequence starts with an episode's first observation.
            sample: whether posterior latents are sampled or take their mode.
            state: (B,), a state to go on from, of which only ``deter`` is read: the ``next_deter`` of the sequence
                before; ``is_first`` is then not read.
        """
        embedding = self.encoder(stacks)
        initial = self.rssm.initial(is_first) if state is None else state.deter
        deter, stoch, posterior = self.rssm.observe(initial, embedding, actions, sample)
        return Observed(State(deter[:, :-1], stoch, stacks), deter[:, -1], posterior, embedding)

    def predict(self, deter: Tensor, stoch: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """Decode the stack that follows ``stack`` (..., F, 4) under the next deter (..., D) and stoch (..., S, C).

        embedding (..., H) is the encoder's view of ``stack``, action (...) int64 is what was done in between.
        """
        return self.decoder(torch.cat([deter, stoch.flatten(-2)], -1), embedding, stack, action)

    def imagine_latent(
        self, state: State, action: Tensor, *, embedding: Tensor, sample: bool = True
    ) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`imagine_step` without the stack: the next deter (B, D), stoch (B, S, C) and the prior (B, S, C)."""
        deter = self.rssm.step(state.deter, state.stoch, embedding, action)
        prior = self.rssm.prior(deter)
        return deter, self.rssm.draw(prior, sample), prior

    def imagine_step(
        self, state: State, action: Tensor, *, sample: bool = True, draw: Draw | None = None
    ) -> tuple[State, Prediction, Tensor]:
        """One step ahead of state (B,) under action (B,) int64, from the prior alone.

        Args:
            state: (B,); the stack of one that is :class:`rssm.model.state.Embedded` is not encoded again.
            action: (B,) int64.
            sample: whether the latent is sampled or takes its mode.
            draw: takes the next stack from its prediction; None samples it or takes its mode, as ``sample`` says.

        Returns:
            The next state, whose stack is the one that was drawn, the prediction and the prior's log-probabilities
            (B, S, C).
        """
        embedding = state.embedding if isinstance(state, Embedded) else self.encoder(state.stack)
        deter, stoch, prior = self.imagine_latent(state, action, embedding=embedding, sample=sample)
        prediction = self.predict(deter, stoch, embedding, state.stack, action)
        if draw is None:
            draw = methodcaller("sample" if sample else "mode")
        return State(deter, stoch, draw(prediction)), prediction, prior

    def unroll(
        self,
        state: State,
        policy: Policy,
        horizon: int,
        *,
        first: Tensor | None = None,
        sample: bool = True,
        draw: Draw | None = None,
        look: Callable[[State], State] | None = None,
    ) -> Iterator[Step]:
        """Roll the prior forward from state (B,), step by step; :meth:`imagine` and the agents' imagination go through
        here.

        Args:
            state: (B,), usually an observed one.
            policy: asked for an action at each state.
            horizon: number of steps.
            first: (B,) int64, the action of the first step; None asks the policy for that one too.
            sample, draw: as in :meth:`imagine_step`.
            look: what to make of each new state before it goes on, such as one that is
                :class:`rssm.model.state.Embedded`; the policy is shown what came of it.
        """
        for k in range(horizon):
            action = first if k == 0 and first is not None else policy(state)
            after, prediction, prior = self.imagine_step(state, action, sample=sample, draw=draw)
            state = after if look is None else look(after)
            yield Step(action, after, prediction, prior)

    def imagine(
        self,
        state: State,
        actions: Tensor | Policy,
        horizon: int | None = None,
        *,
        sample: bool = True,
        draw: Draw | None = None,
    ) -> Imagined:
        """Roll the prior forward from state (B,), all steps at once.

        Args:
            state: (B,), usually an observed one.
            actions: (B, H) int64, or a policy that is asked at each state.
            horizon: number of steps under a policy; with given actions it is their number.
            sample, draw: as in :meth:`imagine_step`.

        Raises:
            ValueError: a policy without a horizon, or a horizon that is not the number of given actions.
        """
        if callable(actions):
            if horizon is None:
                raise ValueError("imagine: a policy needs a horizon")
            policy, length = actions, horizon
        else:
            length = actions.shape[1]
            if horizon is not None and horizon != length:
                raise ValueError(f"imagine: horizon {horizon} does not fit {length} given actions")
            given = iter(actions.unbind(1))

            def policy(state: State) -> Tensor:
                return next(given)

        steps = [*self.unroll(state, policy, length, sample=sample, draw=draw)]
        return Imagined(
            State.join([step.state for step in steps], 1),
            torch.stack([step.action for step in steps], 1),
            [step.prediction for step in steps],
            torch.stack([step.prior for step in steps], 1),
        )

    def features(self, state: State) -> Tensor:
        """What an agent reads: (..., D + S C + H), the latent state and the encoded stack, free of absolute scores."""
        return self.join_features(state.deter, state.stoch, self.encoder(state.stack))

    @staticmethod
    def join_features(deter: Tensor, stoch: Tensor, embedding: Tensor) -> Tensor:
        """:meth:`features` from their parts, where the embedding is known."""
        return torch.cat([deter, stoch.flatten(-2), embedding], -1)

    def reward(self, features: Tensor) -> Tensor:
        """Expected reward (...), in points, of the step that led to :meth:`features` (..., D + S C + H)."""
        return two_hot_mean(self.reward_head(features), self.reward_bins)

    def reward_loss(self, features: Tensor, reward: Tensor) -> Tensor:
        """Cross-entropy (...) in nats of the two-hot reward."""
        return two_hot_loss(self.reward_head(features), reward, self.reward_bins)

    def continuation(self, features: Tensor) -> Tensor:
        """Probability (...) that the game goes on after the step that led to :meth:`features`."""
        return torch.sigmoid(self.continue_head(features).squeeze(-1))

    def continue_loss(self, features: Tensor, goes_on: Tensor) -> Tensor:
        """Cross-entropy (...) in nats of goes_on (...), 1.0 or 0.0."""
        logits = self.continue_head(features).squeeze(-1)
        return nn.functional.binary_cross_entropy_with_logits(logits, goes_on, reduction="none")
