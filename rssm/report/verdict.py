"""What an evaluation comes to, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rssm.numbers import number, short


def verdict(result: Mapping[str, Any]) -> str:
    """The model at the last step: its error, beside repeating the last frame and, where measured, the least possible.

    Args:
        result: what ``openloop.json`` holds.
    """
    mse, data = result["mse"], result["protocol"]["data"]
    mean, (low, high) = mse["mean"][-1], mse["ci95"][-1]
    persistence = result["baselines"]["persistence"]["mean"][-1]
    times, side = against(persistence, mean)
    judged = f"{times} {side} the error of repeating the last frame"
    if side == "above":
        judged += ", so it is worse than no model"
    floor = result.get("floor", {}).get("ratio", [None])[-1]
    least = "" if floor is None else f", and {short(floor)}× the least error that is possible"
    return (
        f"On {data['role']} games the prediction {len(mse['mean'])} steps ahead (k = {len(mse['mean']) - 1}) is off by "
        f"{short(mean)} px² on average (95 % interval {short(low)} to {short(high)}): {judged}{least}."
    )


def against(reference: float, error: float) -> tuple[str, str]:
    """How an error compares with a reference, never as "0.8 times below": how many times, and in which direction."""
    if error > reference:
        return times(error, reference), "above"
    return times(reference, error), "below"


def times(above: float, below: float) -> str:
    """How many times ``below`` goes into ``above``, as text."""
    quotient = above / below if below else math.inf
    return "–" if math.isnan(quotient) else f"{number(quotient)}×"
