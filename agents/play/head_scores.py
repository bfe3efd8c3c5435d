"""Whether the reward head sees the few steps that matter: points won and points lost.

Such steps are rare (about 1.3 in 100), so that a head which never predicts one is right nearly always. Precision and
recall say what accuracy hides.

The continue head is not scored. A match ends at 21 points, and everything that the model reads is free of the absolute
scores on purpose (they do not move the game, and leave the range of the data as soon as an agent plays well): all that
the head can learn is that about one point in forty is the last, so it never predicts an end. An agent loses nothing by
it: what its policy reads is free of the scores as well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from torch import Tensor

from rssm.config import HORIZON
from rssm.data.dataset import Dataset
from rssm.data.episode import Episode
from rssm.data.frames import stack_episode
from rssm.model.state import State
from rssm.model.world_model import Observed, WorldModel
from rssm.progress import track

#: in the order of the head's answers
EVENTS = ("point_won", "point_lost")

Flags = npt.NDArray[np.bool_]


def score_events(model: WorldModel, dataset: Dataset) -> dict[str, dict[str, dict[str, float | None]]]:
    """Precision and recall of the reward head on recorded games that the model was not trained on.

    An event is predicted where the expected reward is over half a point; it must be predicted for its very step.
    Latents and frames take their modes.

    Args:
        model: the world model.
        dataset: recorded games.

    Returns:
        for ``observed`` (the head reads filtered states of the real game; only behind its end there is none, and the
        state is imagined) and ``imagined`` (it reads states up to six steps ahead of the real game), and each of
        :data:`EVENTS`: the number of ``events``, of those ``predicted``, ``precision`` and ``recall``; None where
        nothing was predicted or nothing happened.
    """
    parts: dict[str, list[tuple[Flags, Flags]]] = {"observed": [], "imagined": []}
    for index in track(range(len(dataset.episodes)), "events", "episodes"):
        episode = dataset.episode(index)
        truth = _truth(episode)
        seen, actions = _observe(model, episode)
        parts["observed"].append((_observed(model, seen, actions), truth))
        # windows that end with the game, so that its end is one of the imagined steps
        starts = np.arange(len(episode) % HORIZON, len(episode), HORIZON)
        imagined = _imagined(model, seen, actions, torch.from_numpy(starts))
        parts["imagined"].append((imagined, truth[len(episode) % HORIZON :]))
    return {
        name: _counts(*(np.concatenate(flags) for flags in zip(*both, strict=True))) for name, both in parts.items()
    }


def _truth(episode: Episode) -> Flags:
    """(L, 2): what each action of the episode brought."""
    return np.stack([episode.reward > 0, episode.reward < 0], axis=-1)


@torch.no_grad()
def _observe(model: WorldModel, episode: Episode) -> tuple[Observed, Tensor]:
    """The episode as the model filters it, and its actions (L,)."""
    device = next(model.parameters()).device
    stacks = torch.from_numpy(stack_episode(np.array(episode.features), model.game.layout.stack)).to(device)
    actions = torch.from_numpy(episode.action.astype(np.int64)).to(device)
    is_first = torch.ones(1, dtype=torch.bool, device=device)
    return model.observe(stacks[None], actions[None], is_first, sample=False), actions


@torch.no_grad()
def _observed(model: WorldModel, seen: Observed, actions: Tensor) -> Flags:
    """(L, 2): what the head says of each action from the filtered state after it."""
    behind, _, _ = model.imagine_step(seen.states[:, -1], actions[-1:], sample=False)
    features = torch.cat([model.features(seen.states[0, 1:]), model.features(behind)])
    return _say(model, features)


@torch.no_grad()
def _imagined(model: WorldModel, seen: Observed, actions: Tensor, starts: Tensor) -> Flags:
    """(6 W, 2): what the head says of the six actions from each of starts (W,)."""
    ahead = starts.unsqueeze(-1) + torch.arange(HORIZON)
    states: State = model.imagine(seen.states[0, starts], actions[ahead], sample=False).states
    return _say(model, rearrange(model.features(states), "w k f -> (w k) f"))


def _say(model: WorldModel, features: Tensor) -> Flags:
    reward = model.reward(features)
    said: Flags = torch.stack([reward > 0.5, reward < -0.5], -1).cpu().numpy()
    return said


def _counts(said: Flags, truth: Flags) -> dict[str, dict[str, float | None]]:
    result: dict[str, dict[str, Any]] = {}
    for column, name in enumerate(EVENTS):
        events, predicted = int(truth[:, column].sum()), int(said[:, column].sum())
        right = int((said[:, column] & truth[:, column]).sum())
        result[name] = {
            "events": events,
            "predicted": predicted,
            "precision": right / predicted if predicted else None,
            "recall": right / events if events else None,
        }
    return result
