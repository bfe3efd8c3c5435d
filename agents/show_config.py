"""Settings of the jobs that show a run: playing in its dream, and exporting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rssm.config import check


@dataclass(frozen=True)
class PlayDreamConfig:
    """Play Pong inside the world model, the real game beside it (``scripts/play.py``).

    Up and down move the paddle, right holds the fire button. m: the agent plays, and you again. Tab: the dream or the
    real game, from the same state. g: the real game as outlines. h: how many steps the dream goes on before it takes up
    the real state again. n: a new game. Space: pause. Full stop: one step. r: record a GIF, and end it. q: leave.

    Args:
        run: folder of a run of train_wm.py or train_agent.py, or the name of shipped weights; empty takes the default
            weights. An agent's run brings its agent.
        view: a ``window`` (needs pygame-ce), the ``terminal``, or ``auto``: a window where there is a display.
        sample: have the model draw what happens at random; without it the likeliest happens.
        greedy: the agent takes its likeliest action; without it actions are drawn from its policy.
        scale: window pixels per pixel of the game; 0 takes what fits the screen.
        gifs: folder that recordings are written to.
        seed: of the games and of all that is drawn.
        device: ``auto`` takes an accelerator if there is one.
        threads: of torch on the CPU; 0 leaves torch's choice.
    """

    run: str = ""
    view: Literal["auto", "window", "terminal"] = "auto"
    sample: bool = False
    greedy: bool = False
    scale: int = 0
    gifs: str = "."
    seed: int = 0
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        check(0 <= self.scale <= 10, f"scale: expected 0 (fits the screen) to 10, got {self.scale}")
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
        check(self.threads >= 0, f"threads: expected 0 (torch's choice) or more, got {self.threads}")


@dataclass(frozen=True)
class ExportConfig:
    """Write a run's world model, and its agent, for other programs (``scripts/export.py``).

    Args:
        run: folder of a run of train_wm.py or train_agent.py, or the name of shipped weights; empty takes the default
            weights. An agent's run brings its agent.
        html: file of a page that plays in any browser, from disk, without a network; empty writes none.
        onnx: file of one imagined step of the world model as ONNX (needs onnx and onnxscript); empty writes none.
        starts: real moments that the page's dreams begin in.
        seed: of these moments.
    """

    run: str = ""
    html: str = ""
    onnx: str = ""
    starts: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        check(bool(self.html or self.onnx), "html: expected --html FILE, --onnx FILE or both; nothing is exported else")
        check(self.starts >= 1, f"starts: expected at least 1, got {self.starts}")
        check(self.seed >= 0, f"seed: expected 0 or more, got {self.seed}")
