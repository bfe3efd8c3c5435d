"""The workspace and the report in wandb as code: the same charts as the pictures, with several lines each.

Needs the extra ``dashboard``; describing them needs no account and no network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rssm.config import HORIZON, DashboardConfig
from rssm.dashboard.names import (
    FINAL_KEY,
    IMAGINED,
    REAL_STEPS,
    SECTIONS,
    SYSTEM,
    SYSTEM_KEYS,
    UPDATES,
    picture_key,
    shown,
)
from rssm.dashboard.pictures import HORIZON_CHART, PAGE, chart_key
from rssm.dashboard.questions import Question, agent_questions, learning_questions, world_model_questions
from rssm.errors import UserError
from rssm.game import load_game

#: what a reader looks at first: animation and paths, then the charts as pictures
_GAME = ("open_loop", "paths", "worst_windows")
#: columns of the table of runs: final numbers
_COLUMNS = (
    f"openloop/mse_k{HORIZON - 1}",
    f"openloop/median_k{HORIZON - 1}",
    "real/greedy_score",
    "real/sampled_score",
)
_WORKSPACE, _REPORT = "imagined vs real", "Imagined against real"


def make_dashboard(config: DashboardConfig) -> None:
    """Save workspace and report in wandb and print where they are, or only print what they are made of, as JSON.

    Raises:
        UserError: the extra is missing, there is no key, or wandb refuses.
    """
    questions = [*world_model_questions(load_game(config.env_id)), *agent_questions(), *learning_questions()]
    if config.dry_run:
        workspace, report = _workspace(config, questions), _report(config, questions)
        print(
            json.dumps({"workspace": _described(workspace), "report": _described(report)}, indent=1, ensure_ascii=False)
        )
        return
    import wandb

    if not wandb.login(prompt=False):
        raise UserError(
            "make_dashboard: needs an account: run `wandb login` or set WANDB_API_KEY; --dry-run shows it without"
        )
    try:
        if not config.entity:
            config = replace(config, entity=wandb.Api().default_entity or "")
        for made in (_workspace(config, questions), _report(config, questions)):
            made.save()
            print(made.url)
    except (wandb.Error, ValueError) as error:
        raise UserError(f"make_dashboard: {' '.join(str(error).split())}") from error


def _library() -> tuple[Any, Any]:
    """The two modules of wandb-workspaces."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    try:
        import wandb_workspaces.reports.v2 as reports
        import wandb_workspaces.workspaces as workspaces
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "wandb_workspaces":
            raise
        raise UserError(
            "make_dashboard: wandb-workspaces is missing; expected: pip install 'pong-rssm[dashboard]'"
        ) from None
    return workspaces, reports


def _workspace(config: DashboardConfig, questions: Sequence[Question]) -> Any:
    workspaces, _ = _library()
    sections = [
        workspaces.Section(
            name=name,
            panels=_panels(name, questions),
            is_open=name == IMAGINED,
            panel_settings=workspaces.SectionPanelSettings(x_axis=UPDATES),
        )
        for name in SECTIONS
    ]
    return workspaces.Workspace(
        entity=config.entity,
        project=config.project,
        name=_WORKSPACE,
        sections=sections,
        settings=workspaces.WorkspaceSettings(x_axis=UPDATES, group_by_prefix="first"),
        runset_settings=workspaces.RunsetSettings(
            groupby=[workspaces.Metric("Group")],
            pinned_columns=[f"summary:{FINAL_KEY}{name}" for name in _COLUMNS],
        ),
    )


def _report(config: DashboardConfig, questions: Sequence[Question]) -> Any:
    _, reports = _library()
    runs = reports.Runset(entity=config.entity, project=config.project, name="all runs", groupby=["Group"])
    blocks: list[Any] = [
        reports.P(
            "Six-step predictions of a world model, and the dreams of the agents that learn in it, held against the "
            "real game. Steps are called k = 0 to 5; errors are squared pixels over all 56 values of an observation."
        )
    ]
    for name in SECTIONS:
        blocks += [reports.H2(name[2:]), reports.PanelGrid(runsets=[runs], panels=_panels(name, questions))]
    return reports.Report(
        project=config.project,
        entity=config.entity,
        title=_REPORT,
        description="World models and agents, imagined against real.",
        blocks=blocks,
        width="fluid",
    )


def _panels(section: str, questions: Sequence[Question]) -> list[Any]:
    """The panels of a section; what agents learn is shown over both axes."""
    _, reports = _library()
    panels = []
    agents = {question.name for question in agent_questions()}
    for question in questions:
        axes = (REAL_STEPS, UPDATES) if question.name in agents else (UPDATES,)
        for axis in axes if question.section == section else ():
            panels.append(
                reports.LinePlot(
                    title=f"{question.name}: {question.title}",
                    x=axis,
                    y=[shown(metric).key for metric in question.lines],
                    title_x="real steps" if axis == REAL_STEPS else "updates",
                    log_y=question.log,
                )
            )
    if section == IMAGINED:
        charts = [chart_key(HORIZON_CHART), *(chart_key(q.name) for q in questions if q.section == IMAGINED), PAGE]
        charts += ["final_error_by_step", "final_real_imagined", "final_dream"]
        media = [reports.MediaBrowser(title=name, media_keys=[picture_key(name)]) for name in _GAME]
        panels = [*media, *panels, reports.MediaBrowser(title="charts", media_keys=[*map(picture_key, charts)])]
    if section == SYSTEM:
        panels += [reports.LinePlot(title=key.partition("/")[2], x=UPDATES, y=[key]) for key in SYSTEM_KEYS]
    for place, panel in enumerate(panels):
        panel.layout = reports.Layout(x=place % 3 * 8, y=place // 3 * 6, w=8, h=6)
    return panels


def _described(made: Any) -> Any:
    """What would be sent to wandb."""
    return json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))
