"""The page over all the agents' jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.play.scores import WAYS
from agents.report.along import along_table, mean_curve, steps_to
from agents.report.elsewhere import elsewhere_table
from agents.report.seeds import cells, heads
from rssm import ENV_ID
from rssm.game import load_game
from rssm.numbers import DASH
from rssm.report.tables import markdown

#: points; the page says after how many real steps the mean of the seeds reached them
_GOAL = 18.0


def kind(job: Mapping[str, Any]) -> str:
    """How a job's agents learned."""
    return "online" if job["online"] else "offline"


def table(jobs: Mapping[str, Any], seeds: bool = True) -> tuple[list[str], list[list[Any]]]:
    """Head and rows, a job each; with ``seeds`` also one by one."""
    columns = heads(WAYS) if seeds else list(WAYS)
    head = ["", "learned", "sticky", "real steps", *columns, "games", "training, min"]
    rows = []
    for job in jobs.values():
        row: list[Any] = [job["title"], kind(job), _sticky(job["env"]["repeat_action_probability"]), job["env_steps"]]
        for policy in WAYS:
            scores = job[policy]["seeds"] if policy in job else []
            mean, each = cells(scores)
            row += [f"**{mean}**" if scores else mean, each] if seeds else [mean]
        counts = [str(job[policy]["games"]) for policy in WAYS if policy in job]
        row += [counts[0] if len(set(counts)) == 1 else " / ".join(counts), f"{job['wall_seconds'] / 60:.0f}"]
        rows.append(row)
    return head, rows


def page(jobs: Mapping[str, Any], picture: str) -> str:
    """The page, in Markdown.

    Args:
        jobs: by name, see :func:`agents.report.results.read_job`.
        picture: file of the learning curves.
    """
    lines = [
        "# The agent in real games",
        "",
        "Points made less points lost, in real games to 21 against the console's own player. Every real step that an",
        "agent learned from is in its budget, random play and the world model's data included. Greedy and sampled: the",
        "policy alone. Planned: the same agent, which tries every move in imagination before it makes one. Games: of",
        "each seed; where the policies differ, greedy, sampled and planned.",
        "",
        *markdown(*table(jobs)),
        "",
        *_stopped(jobs),
        f"![score against real steps]({picture})",
        "",
        "Thin: each seed, by the games that were played while it learned, actions drawn from the policy. Strong: the",
        "mean of the seeds.",
        "",
        *_reached(jobs),
        "",
    ]
    for job in jobs.values():
        if len(job.get("along", [])) > 1:
            lines += [f"## {job['title']}: scores along the real steps", "", *markdown(*along_table(job["along"])), ""]
    head, rows = elsewhere_table(jobs)
    if rows:
        lines += ["## In other games than those learned from, without further training", "", *markdown(head, rows), ""]
    lines += [*_published(jobs), "## Made by", ""]
    lines += [
        f"- {job['title']}: `{job['command']}`, played by code of {', '.join(job['code'])}" for job in jobs.values()
    ]
    return "\n".join(lines) + "\n"


def _sticky(probability: float) -> str:
    return f"{probability:g}" if probability else DASH


def _reached(jobs: Mapping[str, Any]) -> list[str]:
    """For each job that has a curve, when its mean reached the goal."""
    lines = []
    for job in jobs.values():
        curve = mean_curve(job["curves"])
        if len(curve) > 1:
            reached = steps_to(curve, _GOAL)
            when = "not reached" if reached is None else f"{reached:,}"
            lines.append(f"- {job['title']}: real steps to a mean of {_GOAL:+.0f}: {when}")
    return lines


def _stopped(jobs: Mapping[str, Any]) -> list[str]:
    """Which games had no end of their own, where that was kept."""
    lines = []
    for job in jobs.values():
        counts = [
            f"{job[way]['stopped']} of {job[way]['games'] * len(job[way]['seeds'])} {way}"
            for way in WAYS
            if "stopped" in job.get(way, {})
        ]
        if counts:
            lines.append(f"- {job['title']}: {', '.join(counts)}")
    if not lines:
        return []
    return [
        "Games that were stopped before their end, by the console or for their length, count as they stood:",
        "",
        *lines,
        "",
    ]


def _published(jobs: Mapping[str, Any]) -> list[str]:
    """What others made of the same games; nothing where nobody is known to have."""
    found = dict.fromkeys(load_game(job["env"].get("id", ENV_ID)).published for job in jobs.values())
    rows = [
        [one.name, _sticky(one.sticky), f"{steps:,}", score, one.protocol, one.source]
        for published in found
        for one in published
        for steps, score in one.scores
    ]
    if not rows:
        return []
    return [
        "## What others published",
        "",
        "All of these read pixels, where the agents above read the objects' features. Scores are means of seeds, with",
        "the standard error where one was given. An agent that learned offline rests on a scripted player's data: it",
        "is no result of 100,000 steps of its own.",
        "",
        *markdown(["", "sticky", "agent steps", "score", "protocol", "source"], rows),
        "",
    ]
