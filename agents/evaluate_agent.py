"""Score a run's agent: real games, a dream to look at, and the heads that it learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agents.checkpoint import load_agent
from agents.config import EvaluateAgentConfig
from agents.play.dream_gif import write_dream
from agents.play.head_scores import score_events
from agents.play.scores import GAMES_FILE, PLANNED, PLANNED_FILE, POLICIES, WAYS, make_policy, score_agent
from agents.report.table import format_events, format_games
from rssm.config import EnvConfig
from rssm.data.dataset import Dataset
from rssm.device import pick_device, set_threads
from rssm.files import write_json


def evaluate_agent(config: EvaluateAgentConfig) -> None:
    """Play real games with a run's agent, print the scores, write them as JSON and write ``media/dream.gif``.

    Raises:
        UserError: the run or the data set cannot be read.
    """
    set_threads(config.threads)
    run = Path(config.run)
    model, agent, trained = load_agent(run, pick_device(config.device))
    data = Dataset.open(config.data) if config.data else None
    # to the game's end, however early the run's own games were stopped
    whole = EnvConfig().max_episode_steps
    env = replace(trained.env, repeat_action_probability=config.sticky, max_episode_steps=whole)
    policies = [name for name in WAYS if getattr(config, name)] or list(POLICIES)
    result = score_agent(model, agent, env, policies, config.games, config.seed, config.rollouts)
    print(format_games(result))
    if data is not None:
        result["events"] = score_events(model, data)
        print(f"\n{format_events(result['events'], config.data)}")
    default = run / (PLANNED_FILE if policies == [PLANNED] else GAMES_FILE)
    write_json(Path(config.json) if config.json else default, result)
    gif = run / "media" / "dream.gif"
    write_dream(gif, model, make_policy(model, agent, policies[0], config.rollouts), env, config.seed)
    print(f"\n{gif}: a real game and what the agent dreams of it")
