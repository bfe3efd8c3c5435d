"""How a run of an agent ended, in the few lines that a person reads last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.play.scores import WAYS


def verdict(result: Mapping[str, Any]) -> str:
    """What real games say of an agent, in a sentence for each way to play them.

    Args:
        result: as :func:`agents.play.scores.score_agent` gives it.

    Returns:
        lines without a last newline; two standard errors from 0 make a mean score a win or a loss.
    """
    lines = []
    for name in WAYS:
        if name in result:
            games = result[name]
            mean, error = games["mean"], games["standard_error"]
            verb = "wins" if mean > 2 * error else "loses" if mean < -2 * error else "is about even"
            lines.append(
                f"{name}: the agent {verb}, {mean:+.1f} ± {error:.1f} points a game; "
                f"{games['wins']:.0f} of {games['games']} games won"
            )
    return "\n".join(lines)
