"""What is shown of an agent at each evaluation: its charts, its dreams in a real game, and where they went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from agents.learning.agent import Agent
from agents.play.filtered_games import FilteredGames
from agents.play.imagined_vs_real import Comparison
from rssm.arrays import FloatArray, IntArray
from rssm.config import HORIZON, EnvConfig
from rssm.dashboard.names import REAL_STEPS, UPDATES
from rssm.dashboard.pictures import HORIZON_CHART, over_horizon, over_training, write_charts
from rssm.dashboard.questions import agent_questions, error_unit
from rssm.dashboard.watch import FOLDER, open_loops
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.game import load_game
from rssm.model.world_model import WorldModel
from rssm.numbers import number
from rssm.report.history import read_history
from rssm.seeds import episode_seed
from rssm.system.device import seeded
from rssm.tracking.tracker import Tracker

#: steps of the real game that open loops are drawn in
_STEPS = 160
#: windows whose paths are drawn, at most
_WINDOWS = 6


class AgentWatch:
    """Draws an evaluation of an agent, into ``media/training/`` and for wandb.

    Args:
        run: folder of the run.
        env: the games' settings.
        real_steps: whether charts are over real steps, instead of updates.
    """

    def __init__(self, run: Path, env: EnvConfig, real_steps: bool) -> None:
        self.folder, self.env, self.game = run / "media" / FOLDER, env, load_game(env.id)
        self.axis = REAL_STEPS if real_steps else UPDATES

    def __call__(
        self, tracker: Tracker, update: int, model: WorldModel, agent: Agent, compared: Comparison | None, seed: int
    ) -> None:
        """Show an evaluation that was just logged; ``compared`` is what was imagined in it, and ``seed`` is of the game
        that is played for the animation."""
        if not tracker.draws:
            return
        history = [row for row in read_history(tracker.path) if "real/score" in row or "real/played_score" in row]
        row = history[-1]
        charts = over_training(agent_questions(), history, self.axis)
        if "imagination/error_k0" in row:
            charts = {HORIZON_CHART: over_horizon(row, error_unit(self.game))} | charts
        files = write_charts(self.folder, f"update {update:,}", charts, row)
        loop = self.folder / "open_loop.gif"
        frames, actions = record(model, agent, self.env, seed, _STEPS)
        if self.game.draw_open_loop(loop, *open_loops(WorldModelPredictor(model), frames, actions)):
            files["open_loop"] = loop
        if compared is not None:
            files |= self._paths(compared)
        tracker.show(files, update, row.get(REAL_STEPS))

    def _paths(self, compared: Comparison) -> dict[str, Path]:
        """Windows from the games' first moments, which are drawn at random, and the worst ones."""
        last = np.nan_to_num(compared.error[:, -1], nan=-1.0)
        # in the order of the games, so that they are at about the same places each time
        places = sorted(range(len(last)), key=lambda i: (compared.moments[i].game, compared.moments[i].step))
        some = [places[i] for i in np.linspace(0, len(places) - 1, min(_WINDOWS, len(places))).astype(int)]
        worst = np.argsort(-last, kind="stable")[:_WINDOWS].tolist()
        found = {}
        for name, windows in (("paths", some), ("worst_windows", worst)):
            path = self.folder / f"{name}.png"
            if self.game.draw_paths(path, *_taken(compared, windows)):
                found[name] = path
        return found


def _taken(compared: Comparison, windows: Sequence[int]) -> tuple[FloatArray, FloatArray, list[str]]:
    titles, real = [], compared.real.copy()
    for window in windows:
        moment, error = compared.moments[window], float(compared.error[window, -1])
        # what is behind a game's end is not drawn
        real[window, 1:][np.isnan(compared.error[window])] = np.nan
        says = "the game ends" if np.isnan(error) else f"{number(error)} at k = {HORIZON - 1}"
        titles.append(f"game {moment.game}, step {moment.step}: {says}")
    return real[list(windows)], compared.imagined[list(windows)], titles


@torch.inference_mode()
def record(model: WorldModel, agent: Agent, env: EnvConfig, seed: int, steps: int) -> tuple[FloatArray, IntArray]:
    """Have the sampled policy play a real game.

    Returns:
        frames (L, F) and the actions (L,) after each, of up to so many steps; torch's own generator is left as it was.
    """
    frames, actions = [], []
    with seeded(seed, next(model.parameters()).device):
        policy = agent.policy(model, greedy=False)
        playing = FilteredGames(model, policy, env, [episode_seed(seed, 0)], max_steps=steps)
        while len(playing):
            frames.append(playing.games.stacks[0, :, -1].copy())
            actions.append(int(playing.play(playing.look()).actions[0]))
    return np.stack(frames), np.array(actions, np.int64)
