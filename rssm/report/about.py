"""What a page is of: data, weights, code, machine, time, and the settings that are not as by default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rssm.config.yaml_file import flat_settings
from rssm.numbers import DASH, number
from rssm.report import page


@dataclass(frozen=True)
class Run:
    """What a run's folder says of itself.

    Attributes:
        name: of the run.
        config: all settings.
        defaults: the same as they are by default.
        command: what makes it again.
        seconds: how long it was trained; None where that is not recorded.
    """

    name: str
    config: Mapping[str, Any]
    defaults: Mapping[str, Any]
    command: str
    seconds: float | None


#: settings that change no result, and say where things lie
_UNSAID = ("run", "device", "threads", "workers", "log")


def about(run: Run, facts: Mapping[str, str]) -> str:
    """The facts, what differs from the defaults, the command, and all settings folded up."""
    changed = list(_changed(run))
    differing = page.table(
        ["setting", "here", "by default"],
        {key: [_text(here), _text(default)] for key, here, default in changed},
        "words",
    )
    whole = page.code("\n".join(f"{key}: {value}" for key, value in flat_settings(dict(run.config))))
    return (
        page.facts((name, value) for name, value in facts.items())
        + "<h3>Settings that differ from the default</h3>"
        + (differing if changed else page.paragraph("None."))
        + "<h3>Do it again</h3>"
        + page.code(run.command)
        + page.details("All settings", whole)
    )


def result_facts(protocol: Mapping[str, Any]) -> dict[str, str]:
    """What a result says of its data, weights, code and machine."""
    data, model = protocol["data"], protocol.get("model", {})
    trained = protocol.get("trained_on")
    shared = protocol.get("games_trained_on")
    known = (
        "whether the model was trained on some of these games is not known"
        if shared is None
        else (f"{shared} of these games were trained on" if shared else "none of these games was trained on")
    )
    facts = {
        "Scored on": f"{data['folder']}: {data['games']:,} {data['role']} games, {data['steps']:,} steps; {known}",
        "Its checksum": data["sha256"],
        "Its player and game": f"{settings_text(data['player'])}; {settings_text(data['env'] or {'imported': 'yes'})}",
        "Seed of these games": str(data["seed"]),
        "Trained on": "not recorded" if trained is None else f"{trained['folder']}, {trained['sha256']}",
        "Weights": model.get("sha256", "not recorded"),
        "Updates": number(model.get("update")),
        "Seed of the training": _text(model.get("seed")),
        "Prediction": f"{protocol['prediction']}; {settings_text(protocol['settings'])}",
        "Scored by code of": protocol["code"],
        "Scored on processor": protocol.get("processor", "not recorded"),
    }
    return facts


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it."""
    if seconds is None:
        return "not recorded"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _changed(run: Run) -> Iterator[tuple[str, Any, Any]]:
    default = dict(flat_settings(dict(run.defaults)))
    for key, value in flat_settings(dict(run.config)):
        if value != default.get(key) and not {key, key.partition(".")[0]} & set(_UNSAID):
            yield key, value, default.get(key)


def settings_text(values: Mapping[str, Any]) -> str:
    """Names and values in one line."""
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items())


def _text(value: Any) -> str:
    return DASH if value is None or value == "" else str(value)
