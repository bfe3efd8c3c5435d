"""What is shown of a world model at each evaluation: its charts, an open loop, and windows it gets right and wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rssm.arrays import FloatArray, IntArray
from rssm.config import HORIZON
from rssm.dashboard.names import REAL_STEPS
from rssm.dashboard.pictures import HORIZON_CHART, over_horizon, over_training, write_charts
from rssm.dashboard.questions import error_unit, world_model_questions
from rssm.data.frames import stack_episode
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.evaluation.validation import Seen, Validation
from rssm.numbers import number
from rssm.report.history import read_history
from rssm.tracking.tracker import Tracker

#: below ``media/``: the pictures of the newest evaluation
FOLDER = "training"
#: open loops in the animation: how many, and steps that are observed and dreamt in each
_LOOPS, _OBSERVED, _DREAMT = 2, 8, 16
#: windows whose paths are drawn, at most
_WINDOWS = 6


class Watch:
    """Draws what the last evaluation saw, into ``media/training/`` and for wandb; a :data:`rssm.training.trainer.Show`.

    Args:
        run: folder of the run.
        validation: the evaluation.
    """

    def __init__(self, run: Path, validation: Validation) -> None:
        self.folder, self.validation = run / "media" / FOLDER, validation
        self.game = validation.data.game

    def __call__(self, tracker: Tracker, update: int) -> None:
        seen = self.validation.seen
        if not tracker.draws or seen is None:
            return
        history = [row for row in read_history(tracker.path) if "openloop/mse_k0" in row]
        row = history[-1]
        charts = {HORIZON_CHART: over_horizon(row, error_unit(self.game))}
        charts |= over_training(world_model_questions(self.game), history)
        files = write_charts(self.folder, f"update {update:,}", charts, row)
        tracker.show(files | self._pictures(seen), update, row.get(REAL_STEPS))

    def _pictures(self, seen: Seen) -> dict[str, Path]:
        """What the game can be drawn as."""
        loop, fixed, worst = (self.folder / name for name in ("open_loop.gif", "paths.png", "worst_windows.png"))
        found = {}
        if self.game.draw_open_loop(loop, *open_loops(seen.predictor, *self._longest())):
            found["open_loop"] = loop
        for name, path, windows in (
            ("paths", fixed, fixed_windows(seen.errors.event)),
            ("worst_windows", worst, np.argsort(-seen.errors.stack[:, -1], kind="stable")[:_WINDOWS]),
        ):
            real, imagined, titles = self._windows(seen, windows)
            if self.game.draw_paths(path, real, imagined, titles):
                found[name] = path
        return found

    def _longest(self) -> tuple[FloatArray, IntArray]:
        episode = self.validation.data.episode(int(np.argmax(self.validation.lengths)))
        return episode.features, episode.action.astype(np.int64)

    def _windows(self, seen: Seen, windows: IntArray) -> tuple[FloatArray, FloatArray, list[str]]:
        """Frames (W, K + 1, F) of some windows, real and imagined, and their titles."""
        errors, real, titles = seen.errors, [], []
        events = list(self.game.events)
        for window in windows.tolist():
            index, start = int(errors.episode[window]), int(errors.start[window])
            real.append(self.validation.data.episode(index).features[start : start + HORIZON + 1])
            error = number(float(errors.stack[window, -1]))
            event = self.game.events[events[errors.event[window]]]
            titles.append(f"game {index}, step {start}: {event}, {error} at k = {HORIZON - 1}")
        frames = np.stack(real)
        return frames, np.concatenate([frames[:, :1], seen.imagined[windows]], axis=1), titles


def fixed_windows(events: IntArray) -> IntArray:
    """Windows to look at in every evaluation: the middle one of each event (N,), a few of them."""
    kinds = np.unique(events)[:_WINDOWS]
    return np.sort(np.array([(which := np.flatnonzero(events == kind))[len(which) // 2] for kind in kinds], np.int64))


def open_loops(
    predictor: WorldModelPredictor, frames: FloatArray, actions: IntArray
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    """Open loops in a game: some steps are observed, each predicted from the one before, and then some are dreamt.

    Args:
        predictor: of the model.
        frames: (L, F) of the game.
        actions: (L,) taken after each of them.

    Returns:
        real frames (T, F), imagined ones, and whether the model had seen the game up to the step before (T,).
    """
    stacks = stack_episode(frames, predictor.model.game.layout.stack)
    longest = min(_OBSERVED + _DREAMT, len(frames) - 1)
    dreamt = max(1, longest * _DREAMT // (_OBSERVED + _DREAMT))
    observed = longest - dreamt
    loops = max(1, min(_LOOPS, (len(frames) - 1) // longest))
    begins = np.linspace(0, len(frames) - 1 - longest, loops).astype(np.int64)
    ahead = np.arange(dreamt)
    turns = begins + observed
    dreams = predictor.predict(stacks, actions, turns, actions[turns[:, None] + ahead])[..., -1]
    seen = begins[:, None] + np.arange(observed)
    steps = predictor.predict(stacks, actions, seen.ravel(), actions[seen.ravel(), None])[:, 0, :, -1]
    imagined = np.concatenate([steps.reshape(loops, observed, -1), dreams], axis=1).reshape(loops * longest, -1)
    real = frames[(begins[:, None] + 1 + np.arange(longest)).ravel()]
    return real, imagined, np.tile(np.arange(longest) < observed, loops)
