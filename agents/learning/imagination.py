"""Trajectories that the world model imagines under the policy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.learning.actor import sample
from agents.learning.agent import Agent
from agents.learning.inputs import Seen, agent_inputs, see, world_features
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.protocols import Prediction


@dataclass(frozen=True)
class Trajectories:
    """N imagined trajectories of H steps from S starts: one from each, or one for each of A moves (N = S A).

    What is read by networks is kept as rows, each state once: first the S starts, then the N states after the first
    action, then those after the second, and so on. :meth:`by_step` gives what was made of the rows to the trajectories.

    Args:
        inputs: (S + H N, F), of the starts and of the imagined states; no gradient.
        log_probs: (S + (H - 1) N, A), the actor's, of the states before each action; they carry gradients to it where
            :func:`imagine` was told so.
        actions: (N, H) int64, drawn from the policy but for first moves that were given.
        reward: (N, H), points, expected for each action.
        continuation: (N, H), probability that the game goes on after each action.
        surprise: (N, H), nats, -ln p of the stack that was drawn after each action; its expectation is the entropy of
            what the model believes to come next.
        end: State (N,), the last one imagined.
    """

    inputs: Tensor
    log_probs: Tensor
    actions: Tensor
    reward: Tensor
    continuation: Tensor
    surprise: Tensor
    end: State

    @property
    def starts(self) -> int:
        """S."""
        trajectories, horizon = self.actions.shape
        return len(self.inputs) - trajectories * horizon

    @property
    def before(self) -> Tensor:
        """(S + (H - 1) N, F), the inputs of the states before each action."""
        return self.inputs[: len(self.inputs) - len(self.actions)]

    def by_step(self, rows: Tensor) -> Tensor:
        """What was made of the rows, (S + k N, ...), for each trajectory and step: (N, k + 1, ...)."""
        first = rows[: self.starts]
        trajectories = len(self.actions)
        if trajectories > self.starts:
            first = first.repeat_interleave(trajectories // self.starts, 0)
            rows = torch.cat([first, rows[self.starts :]])
        return rows.unflatten(0, (-1, trajectories)).transpose(0, 1)

    def survivors(self) -> State:
        """State (M,), the ends of those trajectories in which the game went on, drawn by the predicted continuation."""
        chance = self.continuation.prod(1)
        return self.end[torch.rand_like(chance) < chance]


@torch.no_grad()
def imagine(
    model: WorldModel,
    agent: Agent,
    start: State,
    horizon: int,
    first: Tensor | None = None,
    *,
    gradients: bool = False,
) -> Trajectories:
    """Roll the world model forward under the sampled policy.

    Every stack is looked at once, for the policy and the next step alike, and the actor is run once on each state, for
    the action and for what it learns alike.

    Args:
        model: the world model.
        agent: whose actor chooses.
        start: State (S,); those that are :class:`agents.learning.inputs.Seen` are not looked at again.
        horizon: H, agent steps.
        first: (S, A) int64, actions to begin with, each in a trajectory of its own; None draws one per start.
        gradients: whether the log-probabilities carry gradients to the actor.
    """
    seen = start if isinstance(start, Seen) else see(model, start)
    rows, log_probs, actions, surprise = [seen.inputs], [], [], []

    def said(inputs: Tensor) -> Tensor:
        with torch.set_grad_enabled(gradients):
            log_probs.append(agent.actor(inputs))
        return log_probs[-1].detach()

    def policy(state: State) -> Tensor:
        return sample(said(agent_inputs(model, state)))

    def draw(prediction: Prediction) -> Tensor:
        stack, unlikely = prediction.sample_with_loss()
        surprise.append(unlikely)
        return stack

    def look(state: State) -> Seen:
        seen = see(model, state)
        rows.append(seen.inputs)
        return seen

    if first is None:
        moves = policy(seen)
    else:
        said(seen.inputs)  # of each start once
        moves = first.flatten()
        seen = seen.map(lambda part: part.repeat_interleave(first.shape[1], 0))
    for step in model.unroll(seen, policy, horizon, first=moves, draw=draw, look=look):
        actions.append(step.action)
    inputs = torch.cat(rows)
    after = world_features(model, inputs[len(rows[0]) :])

    def by_step(values: Tensor) -> Tensor:
        return values.unflatten(0, (horizon, -1)).transpose(0, 1)

    with torch.set_grad_enabled(gradients):
        joined = torch.cat(log_probs)
    return Trajectories(
        inputs=inputs,
        log_probs=joined,
        actions=torch.stack(actions, 1),
        reward=by_step(model.reward(after)),
        continuation=by_step(model.continuation(after)),
        surprise=torch.stack(surprise, 1),
        end=step.state,
    )
