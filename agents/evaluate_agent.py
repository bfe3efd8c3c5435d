"""Score a run's agent: real games, a dream to look at, and the heads that it learned from."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from agents.checkpoint import load_agent
from agents.games_config import EvaluateAgentConfig
from agents.play.dream_gif import write_dream
from agents.play.imagined_vs_real import Comparison, imagined_against_real
from agents.play.moments import make_moments
from agents.play.record import games_file, identified, merged, named_by
from agents.play.scores import GAMES_FILE, POLICIES, WAYS, Series, make_policy, score_agent
from agents.report.table import format_events, format_games, format_imagined
from agents.report_run import report_agent
from rssm.config import HORIZON, EnvConfig
from rssm.config.game import check_goes_back
from rssm.data.dataset import Dataset
from rssm.errors import UserError
from rssm.evaluation.head_scores import score_heads
from rssm.evaluation.provenance import describe_data
from rssm.game import Game
from rssm.jobs.report import REPORT_FILE
from rssm.jobs.run_results import RESULT_FILE
from rssm.seeds import Stream, derived_seed
from rssm.storage.files import write_json
from rssm.storage.folder_lock import locked
from rssm.system.device import pick_device, set_threads
from rssm.weights import run_and_results


def evaluate_agent(config: EvaluateAgentConfig) -> None:
    """Play real games with a run's agent, print the scores, write them as JSON and write ``media/dream.gif``.

    Game and seed are the run's own unless told otherwise; see :class:`agents.games_config.EvaluateAgentConfig` for
    which file the scores go into.

    Raises:
        BusyError: another process writes into the run's folder.
        UserError: the run or the data set cannot be read, or the game cannot do what is asked of it.
    """
    set_threads(config.threads)
    run, out = run_and_results(config.run)
    with locked(out):
        _evaluate(config, run, out)


def _evaluate(config: EvaluateAgentConfig, run: Path, out: Path) -> None:
    model, agent, trained = load_agent(run, pick_device(config.device))
    data = Dataset.open(config.data) if config.data else None
    # to the game's end, however early the run's own games were stopped
    own = replace(trained.env, max_episode_steps=EnvConfig().max_episode_steps)
    env = _other_game(config, own, model.game)
    own_seed = derived_seed(trained.seed, Stream.FINAL_EVALUATION)
    seed = own_seed if config.seed == -1 else config.seed
    policies = [name for name in WAYS if getattr(config, name)] or list(POLICIES)
    file = Path(config.json) if config.json else games_file(out, env, seed, own, own_seed)
    try:
        check_goes_back("states", config.states, model.game)
    except ValueError as error:
        raise UserError(str(error)) from None
    moments = make_moments(config.states, agent, env, seed)
    series = Series(env, config.games, seed, config.rollouts)
    scores = score_agent(model, agent, policies, series, moments, config.workers)
    result = identified(scores, run)
    print(format_games(result))
    if moments is not None:
        result["imagined"] = _imagined(imagined_against_real(model, agent, moments, env, seed), model.game)
        print(f"\n{format_imagined(result['imagined'])}")
    if data is not None:
        result["events"] = score_heads(model, data) | {"data": describe_data(data, "other")}
        print(f"\n{format_events(result['events'], config.data)}")
    write_json(file, result if config.json else merged(file, result))
    print(f"\nscores: {file}")
    if file == out / GAMES_FILE:
        report_agent(run, out, out / RESULT_FILE, out / REPORT_FILE, trained)
        print(f"report: {out / REPORT_FILE}")
    gif = out / "media" / f"{'-'.join(['dream', *named_by(asdict(own), asdict(env))])}.gif"
    if write_dream(gif, model, make_policy(model, agent, policies[0], config.rollouts), env, seed):
        print(f"{gif}: a real game and what the agent dreams of it")


def _imagined(compared: Comparison, game: Game) -> dict[str, Any]:
    """The comparison's scalars, and the last step's error of each feature, px²."""
    features = dict(zip(game.layout.features, compared.by_feature(HORIZON - 1).tolist(), strict=True))
    return {"moments": len(compared.moments), "features": features, **compared.metrics}


def _other_game(config: EvaluateAgentConfig, own: EnvConfig, game: Game) -> EnvConfig:
    """The run's own game with what is asked to be another way.

    Raises:
        UserError: the game has no such setting.
    """
    asked = {
        "sticky": ("repeat_action_probability", config.sticky, -1.0),
        "noops": ("noop_max", config.noops, -1),
        "enemy": ("enemy", config.enemy, "own"),
    }
    changes: dict[str, Any] = {}
    for key, (setting, value, nothing) in asked.items():
        if value != nothing:
            if f"env.{setting}" in game.idle:
                raise UserError(f"{key}: does nothing in {game.env_id}; leave it out")
            changes[setting] = value
    return replace(own, **changes)
