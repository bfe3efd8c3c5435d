"""Write the page about a run, of a world model or of an agent, from what lies in its folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from agents.checkpoint import AGENT_FILE
from agents.config import ONLINE_PRESET, AgentConfig
from agents.play.record import read_curve, read_games
from agents.play.scores import GAMES_FILE
from agents.report.report import write_agent_report
from agents.report.verdict import verdict
from agents.show_config import ReportConfig
from rssm.config import WorldModelConfig
from rssm.config.presets import find_preset, preset_folder
from rssm.config.yaml_file import build, load_config, read_settings
from rssm.errors import UserError
from rssm.evaluation.kept_windows import read_windows, windows_file
from rssm.game import load_game
from rssm.jobs.report import REPORT_FILE, read_result, report_run
from rssm.jobs.run_results import RESULT_FILE, settings_file
from rssm.report.about import Run
from rssm.report.history import read_history
from rssm.tracking.metrics_file import METRICS_FILE
from rssm.training.checkpoint import TRAINER_FILE, load_trainer
from rssm.training.run_folder import CONFIG_FILE
from rssm.weights import find_run, results_folder


def report(config: ReportConfig) -> None:
    """Write the page, and print its verdict and where it is.

    Raises:
        UserError: the run is not there, or a file in it cannot be read.
    """
    run = find_run(config.run)
    results = results_folder(run)
    result = results / config.result
    path = Path(config.out) if config.out else results / _page_name(config.result)
    if (run / AGENT_FILE).is_file():
        if config.result != RESULT_FILE:
            read_result(result)  # who names one wants it
        said = report_agent(run, results, result, path, load_config(run / CONFIG_FILE, AgentConfig))
    else:
        settings = settings_file(run)
        if not settings.is_file():
            raise UserError(f"{run}: expected the folder of a run with a {CONFIG_FILE}")
        said = report_run(run, result, path, load_config(settings, WorldModelConfig), settings)
    print(said)
    print(f"report: {path} ({path.stat().st_size / 1e6:.2f} MB)")


def report_agent(run: Path, results: Path, result: Path, path: Path, trained: AgentConfig) -> str:
    """Write the page of an agent's run; returns its verdict.

    Args:
        run: folder of the run.
        results: folder of its games and evaluations; the run's own, but for shipped weights.
        result: file of its world model's evaluation, which need not be there.
        path: of the page.
        trained: the run's settings.

    Raises:
        UserError: a file cannot be read.
    """
    games = read_games(results / GAMES_FILE) if (results / GAMES_FILE).is_file() else None
    scored = read_result(result) if result.is_file() else None
    state = load_trainer(run / TRAINER_FILE) if (run / TRAINER_FILE).is_file() else {}
    write_agent_report(
        path,
        run=Run(
            run.resolve().name,
            asdict(trained),
            asdict(_defaults(trained.online)),
            f"python scripts/train_agent.py --config {run / CONFIG_FILE} --run {run}-again",
            state.get("seconds"),
        ),
        game=load_game(trained.env.id),
        games=games,
        curve=read_curve(run),
        history=read_history(run / METRICS_FILE) if (run / METRICS_FILE).is_file() else None,
        result=(scored, _no_result(run, result)),
        windows=(None, "") if scored is None else read_windows(windows_file(result), scored["protocol"]),
        spent=state.get("spent", {}),
    )
    return "no games were played yet" if games is None else verdict(games)


def _defaults(online: bool) -> AgentConfig:
    """What a run has where nothing is said: online runs build on a preset."""
    if not online:
        return AgentConfig()
    job = "train_agent"
    return build(AgentConfig, read_settings(find_preset(ONLINE_PRESET, job), AgentConfig, preset_folder(job)))


def _page_name(result: str) -> str:
    """``report.html``, and ``report-NAME.html`` of ``openloop-NAME.json``."""
    stem = Path(result).stem
    own, name = Path(RESULT_FILE).stem, Path(REPORT_FILE)
    return REPORT_FILE if stem == own else f"{name.stem}-{stem.removeprefix(f'{own}-')}{name.suffix}"


def _no_result(run: Path, result: Path) -> str:
    return (
        f"there is no {result.name}: python scripts/evaluate.py --run {run} --data DATA scores it, and "
        f"python scripts/report.py --run {run} --result openloop-DATA.json takes that up"
    )
