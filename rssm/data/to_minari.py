"""A data set in the format of Minari (Younis et al. 2024), which offline learners of other libraries read."""

from __future__ import annotations

import copy
import warnings

import gymnasium
import numpy as np

from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode, to_observation
from rssm.errors import UserError

_DESCRIPTION = (
    "Stacks of the four newest frames (pong-rssm). The observation after the last action of "
    "a game was not recorded: where the game ended the last stack is repeated, where it was cut the last step is left "
    "out."
)


def export_minari(data: Dataset, name: str) -> int:
    """Write a data set under a name among Minari's own; the number of games that were written.

    A game that was cut after its first step has no whole transition and is left out.

    Raises:
        UserError: Minari is not installed, does not take the name, has it already, or there is nothing to write.
    """
    try:
        import minari
        from minari.data_collector import EpisodeBuffer
    except ImportError:
        raise UserError("minari: the package is missing; expected: pip install 'pong-rssm[minari]'") from None
    try:
        minari.dataset.minari_dataset.parse_dataset_id(name)
    except (TypeError, ValueError):
        raise UserError(f"minari: expected a name such as pong/tracking-v0, with a version, got {name}") from None
    if name in minari.list_local_datasets():
        raise UserError(f"minari: {name} is there already; expected another name or version")
    buffers: list[EpisodeBuffer] = []
    for index in range(len(data.episodes)):
        episode = data.episode(index)
        seen = to_observation(stack_episode(np.asarray(episode.features), data.game.layout.stack))
        steps = len(episode) if episode.terminated else len(episode) - 1
        if steps == 0:
            continue
        ends = np.zeros((2, steps), np.bool_)
        ends[0 if episode.terminated else 1, -1] = True
        buffers.append(
            EpisodeBuffer(
                id=len(buffers),
                seed=episode.seed,
                observations=np.concatenate([seen, seen[-1:]])[: steps + 1],
                actions=np.asarray(episode.action[:steps], np.int64),
                rewards=np.asarray(episode.reward[:steps], np.float64),
                terminations=ends[0],
                truncations=ends[1],
            )
        )
    if not buffers:
        raise UserError(f"{data.path}: expected a game of at least two steps to export")
    spec = _spec(data)
    env = data.game.make_env(data.env or EnvConfig(id=data.game.env_id))
    env.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses an author and an address, which are the user's to give
        minari.create_dataset_from_buffers(
            dataset_id=name,
            buffer=buffers,
            env=spec,
            eval_env=spec,
            observation_space=env.observation_space,
            action_space=env.action_space,
            algorithm_name=data.meta["policy"].get("name"),
            description=_DESCRIPTION,
        )
    return len(buffers)


def _spec(data: Dataset) -> gymnasium.envs.registration.EnvSpec | None:
    """The real game that the data are of; None where gymnasium alone could not make it again."""
    if data.env is None or data.env.enemy != "normal":
        return None
    spec = copy.deepcopy(gymnasium.spec(data.env.id))
    settings = {key: value for key, value in data.meta["env"].items() if key != "enemy"}
    spec.max_episode_steps = settings.pop("max_episode_steps")
    spec.kwargs = spec.kwargs | settings
    return spec
