"""Settings of the jobs that show a run: playing in its dream, and exporting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rssm.config import Settings, check, setting
from rssm.config.settings import SEEDS, WORKERS

_RUN = (
    "folder of a run of train_wm.py or train_agent.py, or the name of shipped weights; empty takes the shipped ones; "
    "an agent's run brings its agent"
)


@dataclass(frozen=True)
class PlayDreamConfig(Settings):
    """Play Pong inside the world model, the real game beside it.

    Up and down move the paddle, right holds the fire button. m: the agent plays, and you again. Tab: the dream or the
    real game, from the same state. g: the real game as outlines. h: how many steps the dream goes on before it takes up
    the real state again. n: a new game. Space: pause. Full stop: one step. r: record a GIF, and end it. q: leave.
    """

    run: str = setting("", _RUN)
    view: Literal["auto", "window", "terminal"] = setting(
        "auto", "a window (needs pygame-ce) or the terminal; auto: a window where there is a display"
    )
    sample: bool = setting(False, "have the model draw what happens at random; without it the likeliest happens")
    greedy: bool = setting(False, "the agent takes its likeliest action; without it actions are drawn from its policy")
    scale: int = setting(0, "window pixels per pixel of the game; 0 takes what fits the screen", low=0, high=10)
    gifs: str = setting(".", "folder that recordings are written to", filled=True)
    seed: int = setting(0, "of the games and of all that is drawn", low=0, high=SEEDS)
    device: str = setting("cpu", "auto takes an accelerator if there is one", filled=True)
    threads: int = setting(1, "of torch on the CPU; 0 takes the physical cores, four at most", low=0, high=WORKERS)

    def idle(self) -> Mapping[str, str]:
        return {"scale": "in the terminal"} if self.view == "terminal" else {}


@dataclass(frozen=True)
class ExportConfig(Settings):
    """Write a run's world model, and its agent, for other programs."""

    run: str = setting("", _RUN)
    html: str = setting("", "file of a page that plays in any browser, from disk, without a network; empty writes none")
    onnx: str = setting(
        "", "file of one imagined step of the world model as ONNX (needs onnx and onnxscript); empty writes none"
    )
    starts: int = setting(12, "real moments that the page's dreams begin in", low=1, high=1_000)
    seed: int = setting(0, "of these moments", low=0, high=SEEDS)

    def check_together(self) -> None:
        check(bool(self.html or self.onnx), "html: expected --html FILE, --onnx FILE or both; nothing is exported else")

    def idle(self) -> Mapping[str, str]:
        return {} if self.html else dict.fromkeys(("starts", "seed"), "without html")


@dataclass(frozen=True)
class ReportConfig(Settings):
    """Write the page about a run from what lies in its folder; nothing is played, trained or scored anew."""

    run: str = setting("", f"{_RUN}; what is reported of these lies in runs/NAME")
    result: str = setting(
        "openloop.json",
        "file of the world model's evaluation in the run's folder: its own, or one of other data (openloop-NAME.json)",
        filled=True,
    )
    out: str = setting(
        "", "file of the page; empty writes report.html into the run's folder, report-NAME.html for openloop-NAME.json"
    )
