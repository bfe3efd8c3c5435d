"""The whole job: a world model and real steps, training in imagination, real games."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import torch

from agents.checkpoint import AGENT_FILE
from agents.config import AgentConfig
from agents.learning.actor import allowed_actions
from agents.learning.agent import Agent
from agents.learning.inputs import inputs_size
from agents.learning.learner import Learner
from agents.learning.memory import refuse_training
from agents.online.experience import Experience, Offline
from agents.online.online import Online
from agents.online.world_trainer import WorldTrainer
from agents.play.dream_gif import write_dream
from agents.play.imagined_vs_real import alarm, imagined_against_real
from agents.play.moments import make_moments
from agents.play.record import CURVE_FILE, identified
from agents.play.scores import GAMES_FILE, PLANNED, POLICIES, WAYS, Series, score_agent
from agents.report.table import format_games
from agents.report.verdict import verdict
from agents.report_run import report_agent
from agents.trainer import GROWING, AgentTrainer
from rssm.config import WorldModelConfig
from rssm.config.rerun import command_of
from rssm.config.yaml_file import load_config
from rssm.data.dataset import Dataset
from rssm.errors import UserError
from rssm.game import load_game
from rssm.jobs.report import REPORT_FILE
from rssm.jobs.run_results import RESULT_FILE
from rssm.seeds import Stream, derived_seed
from rssm.storage.files import write_json
from rssm.storage.folder_lock import locked
from rssm.system.device import pick_device, seeded, set_threads
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.tracking.tracker import Tracker
from rssm.tracking.wandb_run import About, refuse_without_key
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.training.muon import name_of, pick_precision
from rssm.training.run_folder import CONFIG_FILE, Claim


def train_agent(config: AgentConfig) -> None:
    """Train an agent offline or online, score it in real games and write the run's folder.

    Raises:
        BusyError: another process writes into the run's folder.
        UserError: the run's folder belongs to another configuration, or the world model, data or settings do not fit.
    """
    refuse_without_key(config.log)
    device = pick_device(config.device)
    set_threads(config.threads, 2 if config.online else 1)
    run, game = Path(config.run), load_game(config.env.id, config.env.stack)
    refuse_training(config, game, device)
    with ExitStack() as stack:
        stack.enter_context(locked(run))
        claim = Claim(run, config, GROWING)
        experience: Experience
        if config.online:
            trainer = stack.enter_context(WorldTrainer(config.world.workers))
            experience = Online(run, config, trainer, device)
            size = inputs_size(config.model, game)
        else:
            experience = open_offline(config, device)
            size = inputs_size(experience.model.config, game)
        with seeded(derived_seed(config.seed, Stream.AGENT_WEIGHTS), device):
            agent = Agent(config.actor_critic, size, game).to(device)
        learner = Learner(agent, config.imagination, config.train, experience.updates)
        training = AgentTrainer(run, config, learner, experience, device, claim)
        with Tracker(run, config.log, asdict(config), training.update or None, _about(config)) as tracker:
            _announce(config, experience, device)
            training.train(tracker)
            spent = training.spent
            print(f"trained {training.update:,} updates in {spent.total:.0f} s: {spent}; playing", file=sys.stderr)
            _finish(run, config, training, tracker)


def _about(config: AgentConfig) -> About:
    kind = "online" if config.online else "offline"
    tags = [config.env.id, f"{kind} agent", *(["sticky actions"] if config.env.repeat_action_probability else [])]
    first = {} if config.online else {"world-model": config.world_model}
    command = command_of("scripts/train_agent.py", config, ("log", "device", "threads", "world_model"), first)
    return About("train_agent", config.seed, tags, command, real_steps=config.online)


def open_offline(config: AgentConfig, device: torch.device) -> Offline:
    """The frozen world model of ``config.world_model`` and the real steps to imagine from.

    Raises:
        UserError: they cannot be read, or the data are of another game than ``config.env``.
    """
    run = Path(config.world_model)
    if not (run / CONFIG_FILE).is_file():
        raise UserError(
            f"world_model: expected the folder of a world model's run, {run} has no {CONFIG_FILE}; "
            "scripts/train_wm.py makes one"
        )
    model = load_model(run / MODEL_FILE, device)
    if model.game.env_id != config.env.id:
        raise UserError(f"env.id: expected {model.game.env_id}, as the world model in {run}, got {config.env.id}")
    data = Dataset.open(config.data or load_config(run / CONFIG_FILE, WorldModelConfig).data.train)
    for key in ("id", "frameskip", "repeat_action_probability") if data.env is not None else ():
        found, wanted = getattr(data.env, key), getattr(config.env, key)
        if found != wanted:
            raise UserError(f"env.{key}: expected {found}, as in the data set {data.path}, got {wanted}")
    return Offline(model, data, config.train.updates)


def _announce(config: AgentConfig, experience: Experience, device: torch.device) -> None:
    if not config.online:
        print(f"offline: {experience.env_steps:,} real steps, none to come", file=sys.stderr)
        return
    world, play, dreams = config.world, config.play, config.imagination
    trained = world.batch_size * world.chunk_length / world.steps_per_update
    moves = len(allowed_actions(config.actor_critic, load_game(config.env.id)))
    imagined = dreams.trajectories(moves) * dreams.horizon / play.steps_per_update
    print(
        f"online: up to {config.env_steps:,} real steps, {play.random_steps:,} of them random play; evaluation games "
        f"are not counted\nreplay ratio: for each real step the world model is trained on {trained:.0f} steps, and the "
        f"agent on {imagined:.0f} imagined ones",
        file=sys.stderr,
    )
    print(f"Muon computes in {name_of(pick_precision(world.muon_precision, device))}", file=sys.stderr)


def _finish(run: Path, config: AgentConfig, training: AgentTrainer, tracker: Tracker) -> None:
    """The end of a run: ``games.json``, ``media/dream.gif``, all of it logged, and what came of it for a person."""
    model, agent = training.experience.model, training.learner.agent
    seed = derived_seed(config.seed, Stream.FINAL_EVALUATION)
    settings = config.evaluation
    moments = make_moments(settings.states, agent, config.env, seed)
    series = Series(config.env, settings.final_games, seed)
    result = score_agent(model, agent, list(POLICIES), series, moments, settings.workers)
    if settings.planned_games:
        result |= score_agent(model, agent, [PLANNED], replace(series, games=settings.planned_games))
    write_json(run / GAMES_FILE, identified(result, run))
    write_json(run / CURVE_FILE, {"points": [*training.curve, training.point(result)]})
    summary = {f"real/{name}_score": result[name]["mean"] for name in WAYS if name in result}
    if moments is not None:
        summary |= imagined_against_real(model, agent, moments, config.env, seed).metrics
    gif = run / "media" / "dream.gif"
    drawn = write_dream(gif, model, agent.policy(model, greedy=True), config.env, seed)
    if drawn:
        tracker.show({"final_dream": gif}, training.update, training.experience.env_steps)
    tracker.summary({"env_steps": float(training.experience.env_steps)} | summary, training.update)
    report_agent(run, run, run / RESULT_FILE, run / REPORT_FILE, config)
    tracker.keep("model", [run / name for name in (AGENT_FILE, MODEL_FILE, CONFIG_FILE)])
    tracker.keep("results", [run / name for name in (GAMES_FILE, CURVE_FILE, METRICS_FILE, REPORT_FILE)])
    said = alarm(summary)
    print(f"{format_games(result)}\n" + (f"\nNote: {said}.\n" if said else ""))
    print(f"After {training.experience.env_steps:,} real steps and {training.update:,} updates of the agent:")
    print(f"{verdict(result)}\n")
    print(f"{run / GAMES_FILE}: every game's score\n{run / CURVE_FILE}: the scores along the training")
    if drawn:
        print(f"{gif}: a real game and what the agent dreams of it")
    print(f"{run / REPORT_FILE}: all of it as a page")
    print(f"{run / AGENT_FILE}, {run / MODEL_FILE}: the agent and its world model")
    if not settings.planned_games:
        print(f"next: python scripts/evaluate_agent.py --run {run} --planned")
