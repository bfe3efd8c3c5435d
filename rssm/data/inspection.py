"""What is in a data set, in a page of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rssm.config import InspectConfig
from rssm.data.dataset import Dataset
from rssm.data.to_minari import export_minari
from rssm.errors import UserError

_BAR = 40


def inspect_data(config: InspectConfig) -> None:
    """Print what is in a data set, and write the animation and the Minari data set that are asked for.

    Raises:
        UserError: the data set is damaged, has no such episode, or Minari is missing or has that name already.
    """
    data = Dataset.open(config.data)
    print(describe(data))
    if config.gif:
        if config.episode >= len(data.episodes):
            raise UserError(f"episode: expected 0 to {len(data.episodes) - 1}, got {config.episode}")
        frames = data.episode(config.episode).features[: config.steps]
        if not data.game.animate(Path(config.gif), frames):
            raise UserError(f"gif: expected a game that has a picture, {data.game.env_id} has none")
        print(f"{config.gif}: the first {len(frames)} steps of game {config.episode}")
    if config.minari:
        games = export_minari(data, config.minari)
        print(f"{config.minari}: {games} games; minari.load_dataset({config.minari!r}) opens it")


def describe(data: Dataset) -> str:
    """Size, game, player, lengths, scores and actions of a data set that was opened, and with that checked."""
    lengths = np.array([rows.stop - rows.start for rows in data.episodes])
    ended = np.array([bool(data.terminated[rows.stop - 1]) for rows in data.episodes])
    lines = [
        f"{data.path}: {len(data):,} agent steps in {len(lengths)} games; all checksums fit",
        f"game     {_game(data)}",
        f"player   {_settings(data.meta['policy'])}, seed {data.meta['seed']}",
        f"lengths  {_spread(lengths)} steps; {ended.sum()} games ended, {(~ended).sum()} were cut",
        f"points   {int((data.reward > 0).sum()):,} for the player, {int((data.reward < 0).sum()):,} for the enemy",
    ]
    if ended.any():
        scores = np.array([data.reward[rows].sum() for rows in data.episodes])[ended]
        lines.append(f"scores   {_spread(scores, '+.0f')} (player less enemy, games that ended)")
    names = data.game.layout.actions
    counts = np.bincount(data.action, minlength=len(names))
    lines.append("actions")
    for name, count in zip(names, counts, strict=True):
        share = count / len(data)
        bar = "#" * round(_BAR * count / counts.max())
        lines.append(f"  {name:<10} {share:6.1%} {bar}".rstrip())
    return "\n".join(lines)


def _game(data: Dataset) -> str:
    if data.env is None:
        return "imported: its settings are not known, it cannot be replayed"
    env, idle = data.env, data.game.idle
    said = {
        "frameskip": f"{env.frameskip} console frames a step",
        "repeat_action_probability": f"sticky {env.repeat_action_probability:g}",
        "noop_max": f"0 to {env.noop_max} no-ops",
        "enemy": f"{env.enemy} enemy",
        "stack": f"stacks of {env.stack}",
        "max_episode_steps": f"at most {env.max_episode_steps:,} steps",
    }
    return ", ".join([env.id, *(words for key, words in said.items() if f"env.{key}" not in idle)])


def _settings(policy: dict[str, object]) -> str:
    return ", ".join(str(value) if key == "name" else f"{key} {value}" for key, value in policy.items())


def _spread(values: np.ndarray, form: str = ",.0f") -> str:
    return f"{values.min():{form}} to {values.max():{form}}, mean {values.mean():{form}}"
