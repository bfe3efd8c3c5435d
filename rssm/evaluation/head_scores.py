"""Whether the reward and continue heads see the few steps that matter: points won, points lost, and a game's end.

Such steps are rare (about 1.3 in 100 in Pong), so that a head which never predicts one is right nearly always.
Precision and recall say what accuracy hides.

In Pong the continue head cannot see an end coming. A match ends at 21 points, and everything that the model reads is
free of the absolute scores on purpose (they do not move the game, and leave the range of the data as soon as an agent
plays well): all that the head can learn is that about one point in forty is the last. An agent loses nothing by it:
what its policy reads is free of the scores as well. Where a game ends by what is seen, as CartPole does, it counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from torch import Tensor

from rssm.arrays import ErrorArray
from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.data.frames import stack_episode
from rssm.model.state import State
from rssm.model.world_model import Observed, WorldModel
from rssm.progress import track

#: what the heads are to see: the first two are the reward head's, the last the continue head's
EVENTS = ("point_won", "point_lost", "end")

Flags = npt.NDArray[np.bool_]


def score_heads(model: WorldModel, dataset: Dataset) -> dict[str, dict[str, dict[str, float | None]]]:
    """Precision and recall of the reward and continue heads on recorded games that the model was not trained on.

    An event is predicted where the expected reward is over half a point, or an end likelier than going on; it must be
    predicted for its very step. Latents and frames take their modes.

    Args:
        model: the world model.
        dataset: recorded games.

    Returns:
        for ``observed`` (the head reads filtered states of the real game; only behind its end there is none, and the
        state is imagined) and ``imagined`` (it reads states up to six steps ahead of the real game), and each of
        :data:`EVENTS`: the number of ``events``, of those ``predicted``, ``precision`` and ``recall``, and what the
        head said on average ``there`` and ``elsewhere`` (points won or lost; an end's probability), and for ``end``
        also ``at_points``: what it said on average where a point was made and the game went on. If points alone can
        be its last steps, that should be the share of them that are. None where nothing was predicted or nothing
        happened.
    """
    parts: dict[str, list[tuple[ErrorArray, Flags]]] = {"observed": [], "imagined": []}
    for index in track(range(len(dataset.episodes)), "heads", "episodes"):
        episode = dataset.episode(index)
        truth = _truth(episode)
        seen, actions = _observe(model, episode)
        parts["observed"].append((_observed(model, seen, actions), truth))
        # windows that end with the game, so that its end is one of the imagined steps
        starts = np.arange(len(episode) % HORIZON, len(episode), HORIZON)
        imagined = _imagined(model, seen, actions, torch.from_numpy(starts))
        parts["imagined"].append((imagined, truth[len(episode) % HORIZON :]))
    return {
        name: _counts(np.concatenate([said for said, _ in both]), np.concatenate([truth for _, truth in both]))
        for name, both in parts.items()
    }


def _truth(episode: Episode) -> Flags:
    """(L, 3): what each action of the episode brought."""
    ends = np.arange(len(episode)) == len(episode) - 1
    return np.stack([episode.reward > 0, episode.reward < 0, ends & episode.terminated], axis=-1)


@torch.no_grad()
def _observe(model: WorldModel, episode: Episode) -> tuple[Observed, Tensor]:
    """The episode as the model filters it, and its actions (L,)."""
    device = next(model.parameters()).device
    stacks = torch.from_numpy(stack_episode(np.array(episode.features), model.game.layout.stack)).to(device)
    actions = torch.from_numpy(episode.action.astype(np.int64)).to(device)
    is_first = torch.ones(1, dtype=torch.bool, device=device)
    return model.observe(stacks[None], actions[None], is_first, sample=False), actions


@torch.no_grad()
def _observed(model: WorldModel, seen: Observed, actions: Tensor) -> ErrorArray:
    """(L, 3): what the heads say of each action from the filtered state after it."""
    behind, _, _ = model.imagine_step(seen.states[:, -1], actions[-1:], sample=False)
    features = torch.cat([model.features(seen.states[0, 1:]), model.features(behind)])
    return _say(model, features)


@torch.no_grad()
def _imagined(model: WorldModel, seen: Observed, actions: Tensor, starts: Tensor) -> ErrorArray:
    """(6 W, 3): what the heads say of the six actions from each of starts (W,)."""
    ahead = starts.unsqueeze(-1) + torch.arange(HORIZON)
    states: State = model.imagine(seen.states[0, starts], actions[ahead], sample=False).states
    return _say(model, rearrange(model.features(states), "w k f -> (w k) f"))


def _say(model: WorldModel, features: Tensor) -> ErrorArray:
    """(N, 3): points won, points lost, and the probability of an end."""
    reward = model.reward(features)
    said: ErrorArray = torch.stack([reward, -reward, 1.0 - model.continuation(features)], -1).double().cpu().numpy()
    return said


def _counts(said: ErrorArray, truth: Flags) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, Any]] = {}
    for column, name in enumerate(EVENTS):
        there, value = truth[:, column], said[:, column]
        events, predicted = int(there.sum()), int((value > 0.5).sum())
        right = int((there & (value > 0.5)).sum())
        result[name] = {
            "events": events,
            "predicted": predicted,
            "precision": right / predicted if predicted else None,
            "recall": right / events if events else None,
            "there": float(value[there].mean()) if events else None,
            "elsewhere": float(value[~there].mean()) if events < len(there) else None,
        }
    goes_on = truth[:, :2].any(1) & ~truth[:, 2]
    result["end"]["at_points"] = float(said[goes_on, 2].mean()) if goes_on.any() else None
    return result
