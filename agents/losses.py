"""What actor and critic are trained on (DreamerV3, section "Actor critic learning")."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from agents.actor import entropy, log_prob
from agents.agent import Agent
from agents.imagination import Filtered, Trajectories
from agents.returns import lambda_returns, replay_returns
from rssm.chunks import Chunk


@dataclass(frozen=True)
class Targets:
    """What N imagined trajectories of H steps teach; nothing here carries a gradient.

    Args:
        returns: (N, H), points, lambda-returns of the states before each action.
        value: (N, H), points, the critic's own estimate of them.
        weight: (N, H), discounted probability that the game still goes on there.
    """

    returns: Tensor
    value: Tensor
    weight: Tensor


def targets(agent: Agent, dreams: Trajectories, value: Tensor) -> Targets:
    """Targets of the trajectories, given the critic's value (N, H + 1) of every state."""
    config = agent.config
    returns = lambda_returns(dreams.reward, dreams.continuation, value, config.discount, config.lam)
    going_on = torch.cumprod(config.discount * dreams.continuation[:, :-1], 1)
    weight = torch.cat([torch.ones_like(going_on[:, :1]), going_on], 1)
    return Targets(returns, value[:, :-1], weight)


def actor_loss(agent: Agent, dreams: Trajectories, target: Targets) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE with normalised advantages and an entropy bonus (DreamerV3, equation 6); the loss is a scalar.

    Returns:
        the loss and what to log of it.
    """
    log_probs = agent.actor(dreams.features[:, :-1])
    advantage = (target.returns - target.value) / agent.normalizer.scale
    chosen, bonus = log_prob(log_probs, dreams.actions), entropy(log_probs)
    loss = -(target.weight * (advantage * chosen + agent.config.entropy * bonus)).mean()
    return loss, {"actor": loss, "entropy": bonus.mean(), "advantage_size": advantage.abs().mean()}


def critic_loss(agent: Agent, logits: Tensor, features: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy to the returns and, by ``slow_scale``, to the moving average's value; a scalar, in nats.

    Args:
        agent: the agent.
        logits: (..., K), the critic's.
        features: (..., F), what they were made from.
        target: (...), returns in points.
        weight: (...).
    """
    slow = agent.slow_critic(features)
    loss = agent.critic.loss(logits, target) + agent.config.slow_scale * agent.critic.loss(logits, slow)
    return (weight * loss).mean()


def replay_targets(agent: Agent, filtered: Filtered, chunk: Chunk, imagined: Tensor) -> Tensor:
    """Returns (N,) along the real steps, of the N states that were imagined from.

    The trace of a step is lambda where the real action is the policy's likeliest one, and less in proportion to the
    policy's probability of it.

    Args:
        agent: the agent.
        filtered: the real chunks (B, T), seen by the world model.
        chunk: the same.
        imagined: (N,), points, the lambda-returns that were imagined from these states.
    """
    estimate = torch.zeros_like(chunk.rewards)
    estimate[filtered.starts] = imagined
    estimate[:, -1] = agent.value(filtered.features[:, -1])
    log_probs = agent.actor(filtered.features)
    trace = agent.config.lam * (log_prob(log_probs, chunk.actions) - log_probs.amax(-1)).exp()
    # what follows a chunk's last step is not in the chunk, unless the game was over
    trace = torch.cat([trace[:, :-1], trace[:, -1:] * chunk.terminated[:, -1:]], 1)
    returns = replay_returns(chunk.rewards, 1.0 - chunk.terminated, estimate, trace, agent.config.discount)
    return returns[filtered.starts]


def agent_loss(
    agent: Agent, dreams: Trajectories, filtered: Filtered, chunk: Chunk
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of all losses; also takes the returns into the agent's range.

    Args:
        agent: the agent.
        dreams: N trajectories from ``filtered.starts``, in their order.
        filtered: the real chunks (B, T), seen by the world model.
        chunk: the same.

    Returns:
        the loss and what to log: losses, entropy (nats), returns, values, imagined reward (points).
    """
    logits = agent.critic(dreams.features)
    with torch.no_grad():
        target = targets(agent, dreams, agent.critic.mean(logits))
        agent.normalizer.update(target.returns)
    policy, metrics = actor_loss(agent, dreams, target)
    critic = critic_loss(agent, logits[:, :-1], dreams.features[:, :-1], target.returns, target.weight)
    metrics |= {"critic": critic, "return_range": agent.normalizer.scale}
    loss = policy + critic
    if agent.config.replay_scale > 0:
        with torch.no_grad():
            real = replay_targets(agent, filtered, chunk, target.returns[:, 0])
        replay = critic_loss(agent, logits[:, 0], dreams.features[:, 0], real, torch.ones_like(real))
        loss = loss + agent.config.replay_scale * replay
        metrics |= {"replay_critic": replay, "replay_return": real.mean()}
    metrics |= {
        "value": target.value.mean(),
        "return": target.returns.mean(),
        "imagined_reward": dreams.reward.sum(1).mean(),
        "imagined_end": (1.0 - dreams.continuation).sum(1).mean(),
    }
    return loss, {f"train/{name}": value.detach() for name, value in metrics.items()}
