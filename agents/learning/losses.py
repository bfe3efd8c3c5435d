"""What actor and critic are trained on (DreamerV3, section "Actor critic learning")."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.learning.actor import entropy, log_prob, uniformity
from agents.learning.agent import Agent
from agents.learning.imagination import Trajectories
from agents.learning.move_search import compared, search_loss
from agents.learning.returns import Targets, lambda_returns


def targets(agent: Agent, dreams: Trajectories, value: Tensor) -> Targets:
    """Targets of the trajectories, given the value (N, H + 1) of every state."""
    config = agent.config
    reward = dreams.reward
    if config.surprise_penalty:
        doubtful = (dreams.surprise - config.surprise_free).clamp(min=0.0)
        # less the mean, so that the values stay what they are called: points
        reward = reward - config.surprise_penalty * (doubtful - doubtful.mean())
    returns = lambda_returns(reward, dreams.continuation, value, config.discount, config.lam)
    going_on = torch.cumprod(config.discount * dreams.continuation[:, :-1], 1)
    weight = torch.cat([torch.ones_like(reward[:, :1]), going_on], 1)
    return Targets(returns, value[:, :-1], weight)


def actor_loss(
    agent: Agent, log_probs: Tensor, actions: Tensor, target: Targets, entropy_scale: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE with normalised advantages and a bonus for a policy that is not certain (DreamerV3, equation 6, there
    its entropy); the loss is a scalar.

    Args:
        agent: the agent.
        log_probs: (N, H, 6), the policy in the states before each action.
        actions: (N, H) int64.
        target: what came of them.
        entropy_scale: of the bonus.

    Returns:
        the loss and what to log of it.
    """
    advantage = (target.returns - target.value) / agent.normalizer.scale
    chosen, spread = log_prob(log_probs, actions), entropy(log_probs)
    bonus = spread if agent.config.bonus == "entropy" else uniformity(log_probs, agent.actor.allowed)
    loss = -(target.weight * (advantage * chosen + entropy_scale * bonus)).mean()
    return loss, {"actor": loss, "entropy": spread.mean(), "advantage_size": advantage.abs().mean()}


def critic_loss(agent: Agent, logits: Tensor, target: Tensor, slow: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy to the returns and, by ``slow_scale``, to the moving average's value; a scalar, in nats.

    Args:
        agent: the agent.
        logits: (..., K), the critic's.
        target: (...), returns in points.
        slow: (...), the value of the critic's moving average, in points.
        weight: (...).
    """
    loss = agent.critic.loss(logits, target)
    if agent.config.slow_scale > 0:
        loss = loss + agent.config.slow_scale * agent.critic.loss(logits, slow)
    return (weight * loss).mean()


def agent_loss(
    agent: Agent, dreams: Trajectories, entropy_scale: float, search_scale: float = 0.0, *, tried: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of all losses; also takes the returns into the agent's range.

    Returns and advantages are made of the values of the critic's moving average (DreamerV2, section "Critic learning").
    DreamerV3 takes the critic's own and holds the critic back by its average instead, which learns several times slower
    here; with neither, values and returns chase each other (docs/tries.md).

    Args:
        agent: the agent.
        dreams: N imagined trajectories, with gradients to the actor.
        entropy_scale: of the bonus.
        search_scale: of :func:`agents.learning.move_search.search_loss`, which is a loss of one step in H.
        tried: whether every move was tried first (:func:`agents.learning.move_search.every_move`), instead of one
            that was drawn.

    Returns:
        the loss and what to log of it, as the policy would meet it: losses, entropy (nats), returns, values, imagined
        reward (points).
    """
    slow = dreams.by_step(agent.slow_value(dreams.inputs))
    target = targets(agent, dreams, slow)
    agent.normalizer.update(target.returns)
    log_probs, share, returns = dreams.by_step(dreams.log_probs), torch.ones_like(target.weight[:, :1]), target.returns
    if tried:
        rollouts = len(dreams.actions) // dreams.starts // len(agent.actor.allowed)
        target = compared(agent, log_probs[:, 0], dreams.actions[:, 0], target, rollouts)
        share = target.weight[:, :1]
    policy, metrics = actor_loss(agent, log_probs, dreams.actions, target, entropy_scale)
    if tried and search_scale:
        metrics["search"] = search_loss(agent, dreams.log_probs[: dreams.starts], target)
        policy = policy + search_scale * metrics["search"] / dreams.actions.shape[1]
    logits = dreams.by_step(agent.critic(dreams.before))
    critic = critic_loss(agent, logits, returns, slow[:, :-1], target.weight)
    metrics |= {
        "critic": critic,
        "return_range": agent.normalizer.scale,
        "value": (share * slow[:, :-1]).mean(),
        "return": (share * returns).mean(),
        "imagined_reward": (share * dreams.reward).sum(1).mean(),
        "imagined_end": (share * (1.0 - dreams.continuation)).sum(1).mean(),
        "surprise": (share * dreams.surprise).mean(),
    }
    return policy + critic, {f"train/{name}": value.detach() for name, value in metrics.items()}
