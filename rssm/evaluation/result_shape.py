"""What ``openloop.json`` holds, as far as anything reads it: older results lack parts, and none has them otherwise."""

from __future__ import annotations

from rssm.config import HORIZON
from rssm.evaluation.survival import MARKS
from rssm.shape import ANYTHING, COUNT, NUMBER, TEXT, ListOf, MapOf, Maybe, Record, Shape, Unless

#: a value for each step
STEPS = ListOf(NUMBER, HORIZON)
#: a quotient for each step, null where it was divided by nothing
RATIOS = ListOf(Maybe(NUMBER), HORIZON)
ERRORS = Record(
    {"mean": STEPS, "median": STEPS, "p90": STEPS}, {"ci95": ListOf(ListOf(NUMBER, 2), HORIZON), "frame_mse": ANYTHING}
)
EVENTS = MapOf(Record({"windows": COUNT, "mean": STEPS}, {"median": STEPS}))
#: what a result says of its data
DATA = Record({}, {"sha256": TEXT, "role": TEXT, "folder": TEXT, "games": COUNT, "steps": COUNT})
#: of which data and weights a result is; :func:`rssm.evaluation.provenance.lookup` says what an older one lacks
PROTOCOL = Record(
    {},
    {
        "steps": COUNT,
        "prediction": TEXT,
        "episodes": COUNT,
        "code": TEXT,
        "data": DATA,
        "settings": MapOf(ANYTHING),
        "model": Maybe(Record({}, {"sha256": TEXT})),
        "trained_on": Maybe(Record({}, {"sha256": TEXT})),
        "games_trained_on": Maybe(COUNT),
    },
)
_START = Unless("skipped", Record({"floor": STEPS, "model": STEPS, "ratio": RATIOS}))
_RIGHT: Shape = Record({"median": NUMBER, "share": Record({str(mark): NUMBER for mark in MARKS})})
_DOUBT: dict[str, Shape] = {
    "spread": STEPS,
    "error": STEPS,
    "ratio": RATIOS,
    "outside": STEPS,
    "surprise": Maybe(STEPS),
}
#: parts that only newer results have
_FURTHER: dict[str, Shape] = {
    "players": Unless(
        "skipped",
        Record(
            {
                "players": MapOf(
                    Record(
                        {"games": COUNT, "mse": Record({"mean": STEPS}), "ratio": RATIOS, "events": EVENTS},
                        {"start": _START, "after_start": Record({"mean": STEPS, "ratio": RATIOS})},
                    )
                ),
                "worst": Record({"player": TEXT}),
            }
        ),
    ),
    "survival": Unless(
        "skipped", Record({"rollouts": COUNT, "steps": COUNT, "within_2px": _RIGHT, "within_12px": _RIGHT})
    ),
    "calibration": Unless(
        "skipped",
        Record(
            {
                "windows": COUNT,
                "samples": COUNT,
                "coverage": MapOf(STEPS),
                "events": MapOf(Record({"ratio": RATIOS})),
                **_DOUBT,
            }
        ),
    ),
}
RESULT = Record(
    {
        "protocol": PROTOCOL,
        "windows": COUNT,
        "mse": ERRORS,
        "baselines": MapOf(ERRORS),
        "events": MapOf(Record({"windows": COUNT, "mean": STEPS, "median": STEPS})),
        "start": _START,
        "off_policy": Unless("skipped", Record({"ratio": RATIOS, "same_starts": Record({"ratio": RATIOS})})),
        "floor": Unless("skipped", Record({"ratio": RATIOS, "mean": STEPS, "after_start": Record({"ratio": RATIOS})})),
    },
    _FURTHER,
)
