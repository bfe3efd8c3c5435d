"""How a training went, as charts of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rssm.report import page
from rssm.report.charts import curves, training_curves
from rssm.report.drawing import COLOURS, LEAST, STYLES, Line, to_svg

_NOT_LOSSES = ("learning rate", "gradient norm", "update")
_STEP = "openloop/mse_k"


def training(history: Sequence[Mapping[str, Any]], protocol: Mapping[str, Any]) -> str:
    """The validation's error and the losses over the updates, from the lines of ``metrics.jsonl``."""
    logged = {key.removeprefix(_STEP) for row in history for key in row if key.startswith(_STEP)}
    steps = sorted(int(step) for step in logged)
    errors = {f"{_STEP}{k}": f"mean, k = {k}" for k in steps[:1] + steps[1:][-1:]}
    if steps:
        errors[f"openloop/median_k{steps[-1]}"] = f"median, k = {steps[-1]}"
        errors[f"openloop/persistence_k{steps[-1]}"] = f"persistence, k = {steps[-1]}"
    validation = (
        "Open-loop error of the mode during training, on the validation games: the training data's last ones, which "
        f"are not trained on. The figures above are of another prediction ({protocol['prediction']}) or other games "
        f"({protocol['data']['role']})."
    )
    return _charts(
        history,
        ("validation", errors, "squared error of the mode, validation games, px²", validation),
        ("loss", terms_of(history, "train"), "loss", "The loss and its terms, before scaling."),
    )


def losses(history: Sequence[Mapping[str, Any]]) -> str:
    """The losses of an agent and, where it learned along, of its world model."""
    critic = {key: name for key, name in terms_of(history, "train").items() if name in ("critic", "entropy")}
    expected = {key: name for key, name in terms_of(history, "train").items() if name in ("value", "return")}
    world = terms_of(history, "world")
    charts = _charts(
        history,
        ("critic", critic, "critic's loss and policy's entropy, nats", "What the agent learns by, in imagination."),
        ("world", world, "loss", "The world model's loss and its terms, before scaling."),
    )
    lines = [
        Line(name, points, COLOURS[place], STYLES[place])
        for place, (key, name) in enumerate(expected.items())
        if (points := [(row["update"], row[key]) for row in history if row.get(key) is not None])
    ]
    if lines:
        figure = curves(lines, "value and return in imagination, points", "updates", log=False)
        charts += page.chart(to_svg(figure, "value-return"), "Value and return in imagination", "Mean over the states.")
    return charts or page.missing("metrics.jsonl holds no losses")


def terms_of(history: Sequence[Mapping[str, Any]], family: str) -> dict[str, str]:
    """What was logged of a family of losses: its name by its key."""
    keys = sorted({key for row in history for key in row if key.startswith(f"{family}/")})
    names = {key: key.removeprefix(f"{family}/").replace("_", " ") for key in keys}
    return {key: name for key, name in names.items() if name not in _NOT_LOSSES}


def _charts(history: Sequence[Mapping[str, Any]], *wanted: tuple[str, Mapping[str, str], str, str]) -> str:
    """Charts (id, names of what is drawn by key, title, caption) of what was logged."""
    charts = ""
    for id_, names, title, caption in wanted:
        figure = training_curves(history, names, title)
        if figure is not None:
            charts += page.chart(to_svg(figure, id_), title, f"{caption} Logarithmic, from {LEAST:g}.")
    return charts
