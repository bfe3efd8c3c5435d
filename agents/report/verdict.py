"""How a run of an agent ended, in the few lines that a person reads last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.play.scores import WAYS
from rssm import ENV_ID
from rssm.game import load_game


def verdict(result: Mapping[str, Any]) -> str:
    """What real games say of an agent, in a sentence for each way to play them.

    Args:
        result: as :func:`agents.play.scores.score_agent` gives it.

    Returns:
        lines without a last newline; two standard errors from 0 make a mean score a win or a loss, where games can be
        won.
    """
    lines = []
    won = load_game(result.get("env", {}).get("id", ENV_ID)).won
    for name in WAYS:
        if name in result:
            games = result[name]
            mean, error = games["mean"], games["standard_error"]
            if not won:
                lines.append(f"{name}: {mean:.1f} ± {error:.1f} a game, in {games['games']} games")
                continue
            verb = "wins" if mean > 2 * error else "loses" if mean < -2 * error else "is about even"
            lines.append(
                f"{name}: the agent {verb}, {mean:+.1f} ± {error:.1f} points a game; "
                f"{games['wins']:.0f} of {games['games']} games won"
            )
    return "\n".join(lines)
