"""A trained world model for others to build on: load it, look ahead with it, score it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from rssm.arrays import FloatArray
from rssm.config import EvalConfig, WorldModelConfig
from rssm.config.yaml_file import load_config
from rssm.data.dataset import Dataset
from rssm.data.frames import to_observation, to_stack
from rssm.errors import ShapeError
from rssm.evaluation import openloop
from rssm.evaluation.model_predictor import WorldModelPredictor
from rssm.layout import Layout
from rssm.model.futures import expected_stacks
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.system.device import pick_device, seeded
from rssm.training.checkpoint import MODEL_FILE, load_model
from rssm.training.run_folder import CONFIG_FILE
from rssm.weights import WORLD_MODEL_CONFIG, find_run

#: numpy in, numpy out; a tensor in, a tensor out
Array = TypeVar("Array", bound=FloatArray | Tensor)


class Model:
    """A trained world model.

    Observations are stacks of raw values, as the environment gives them (Pong's of 56): F features in each of S
    frames (Pong's four), ``feature * S + frame``, the newest frame last. Everything may have a leading dimension B, or
    none; numpy arrays (or lists) give numpy arrays, tensors give tensors on the model's device.

    Args:
        world_model: the module, in evaluation mode.
        run: folder of the run that it is from; None for none.
    """

    def __init__(self, world_model: WorldModel, run: Path | None = None) -> None:
        self.world_model, self.run = world_model.eval(), run

    @property
    def device(self) -> torch.device:
        return next(self.world_model.parameters()).device

    @property
    def layout(self) -> Layout:
        """Names of the features and the actions, and the sizes that follow from them."""
        return self.world_model.game.layout

    def predict(
        self, stack: Array, actions: Array | Sequence[int], *, first: bool = False, samples: int = 0, seed: int = 0
    ) -> Array:
        """The stacks that follow one observation, whose past is unknown, under given actions.

        Args:
            stack: (F * S,) or (B, F * S).
            actions: (K,) or (B, K), one whole number for each step ahead, from 0 to the last action.
            first: whether the observation is an episode's first.
            samples, seed: as in :meth:`imagine`.

        Returns:
            (K, F * S) or (B, K, F * S), raw units.

        Raises:
            ShapeError: an array of another shape or type; the line names what was expected.
        """
        seen = self._observations("stack", stack, "({0},) or (B, {0})", (1, 2))
        single = seen.ndim == 1
        state = self._observe(seen.view(-1, 1, seen.shape[-1]), None, first)
        return self._imagine(state, self._actions(actions, single, len(state.deter)), single, samples, seed, stack)

    def observe(self, stacks: Array, actions: Array | Sequence[int], *, first: bool = True) -> State:
        """The state after a piece of a real game, to :meth:`imagine` from.

        Args:
            stacks: (T, F * S) or (B, T, F * S).
            actions: (T - 1,) or (B, T - 1), the action taken after each observation but the last one.
            first: whether the piece begins with an episode's first observation.

        Raises:
            ShapeError: an array of another shape or type; the line names what was expected.
        """
        real = self._observations("stacks", stacks, "(T, {0}) or (B, T, {0})", (2, 3))
        single = real.ndim == 2
        real = real.view(-1, *real.shape[-2:])
        return self._observe(real, self._actions(actions, single, len(real), real.shape[1] - 1), first)

    def imagine(
        self, state: State, actions: Array | Sequence[int], *, samples: int = 0, seed: int = 0
    ) -> FloatArray | Tensor:
        """What follows from an observed state under given actions.

        Args:
            state: of :meth:`observe`.
            actions: (K,) or (B, K), one whole number for each step ahead, from 0 to the last action.
            samples: futures whose mean is the prediction; 0 predicts the mode, which nothing random decides.
            seed: of the sampled futures.

        Returns:
            (K, F * S) or (B, K, F * S), raw units.

        Raises:
            ShapeError: an array of another shape or type; the line names what was expected.
        """
        count = len(state.deter)
        single = count == 1 and np.ndim(actions) == 1
        return self._imagine(state, self._actions(actions, single, count), single, samples, seed, actions)

    @torch.no_grad()
    def _observe(self, observations: Tensor, actions: Tensor | None, first: bool) -> State:
        """State (B,) after observations (B, T, F * S) and actions (B, T - 1)."""
        count, steps = observations.shape[:2]
        # the action after the last observation is not yet chosen; no state up to there depends on it
        taken = torch.zeros(count, steps, dtype=torch.int64, device=self.device)
        if actions is not None:
            taken[:, :-1] = actions
        is_first = torch.full((count,), first, device=self.device)
        stacks = to_stack(observations, self.layout.stack)
        return self.world_model.observe(stacks, taken, is_first, sample=False).states[:, -1]

    @torch.no_grad()
    def _imagine(self, state: State, actions: Tensor, single: bool, samples: int, seed: int, like: Any) -> Any:
        """Observations (B, K, F * S) or (K, F * S) that follow states (B,) under actions (B, K); of ``like``'s kind."""
        if samples < 0:
            raise ShapeError(f"samples: expected 0 (the mode) or more, got {samples}")
        with seeded(seed, self.device):
            observations = to_observation(expected_stacks(self.world_model, state, actions, samples))
        observations = observations[0] if single else observations
        return observations if isinstance(like, Tensor) else observations.cpu().numpy()

    def _observations(self, name: str, observations: Any, shapes: str, dimensions: tuple[int, int]) -> Tensor:
        """Observations of one of the shapes, where ``{0}`` stands for their size."""
        size, features, frames = self.layout.obs_size, self.layout.num_features, self.layout.stack
        shapes = shapes.format(size)
        array = self._tensor(name, observations, f"an array of shape {shapes}")
        if array.ndim not in dimensions or array.shape[-1] != size or array.numel() == 0:
            raise ShapeError(
                f"{name}: expected shape {shapes}, {frames} frames of {features} features, feature * {frames} + "
                f"frame; got {tuple(array.shape)}"
            )
        if not array.isfinite().all():
            raise ShapeError(f"{name}: expected finite numbers")
        return array.to(torch.float32)

    def _actions(self, actions: Any, single: bool, count: int, steps: int | None = None) -> Tensor:
        """Actions (B, K) int64."""
        length = "K" if steps is None else str(steps)
        shape = f"({length},)" if single else f"({count}, {length})"
        array = self._tensor("actions", actions, f"whole numbers of shape {shape}")
        if single:
            array = array.unsqueeze(0)
        fits = array.ndim == 2 and len(array) == count
        if not fits or array.shape[1] != (steps if steps is not None else max(1, array.shape[1])):
            raise ShapeError(
                f"actions: expected shape {shape}, got {tuple(array.shape[1:] if single else array.shape)}"
            )
        if array.shape[1] == 0:
            return array.to(torch.int64)
        if array.is_floating_point() or array.is_complex() or array.dtype == torch.bool:
            raise ShapeError(f"actions: expected whole numbers, got {array.dtype}")
        wrong = array[(array < 0) | (array >= self.layout.num_actions)]
        if len(wrong):
            raise ShapeError(f"actions: expected numbers from 0 to {self.layout.num_actions - 1}, got {int(wrong[0])}")
        return array.to(torch.int64)

    def _tensor(self, name: str, values: Any, expected: str) -> Tensor:
        try:
            return torch.as_tensor(values if isinstance(values, Tensor) else np.asarray(values), device=self.device)
        except (TypeError, ValueError):
            raise ShapeError(f"{name}: expected {expected}, got {type(values).__name__}") from None


def load(run_or_name: str | Path = "", device: str = "auto") -> Model:
    """A trained world model.

    Args:
        run_or_name: folder of a run (an agent's holds its world model), a ``.safetensors`` file, or the name of a
            folder below ``runs/`` or of weights that come with the installation; empty takes the shipped ones.
        device: ``auto`` takes an accelerator if there is one.

    Raises:
        UserError: there is no such model; names the nearest.
        CheckpointError: the file is damaged, or was made for something else.
    """
    given = Path(run_or_name)
    path = given if given.is_file() else find_run(run_or_name) / MODEL_FILE
    run = path.parent if (path.parent / CONFIG_FILE).is_file() else None
    return Model(load_model(path, pick_device(device)), run)


def evaluate(model: Model | str | Path, data: Dataset | str | Path, config: EvalConfig | None = None) -> dict[str, Any]:
    """The open-loop error of a world model on a data set; see :func:`rssm.evaluation.openloop.evaluate`.

    Args:
        model: a model, or what :func:`load` takes.
        data: a data set or its folder.
        config: the protocol's settings; None takes those of the model's run, or the defaults where there is none.

    Returns:
        what ``openloop.json`` holds.

    Raises:
        UserError: model or data cannot be read, or there is no window to score.
    """
    model = model if isinstance(model, Model) else load(model)
    dataset = data if isinstance(data, Dataset) else Dataset.open(data)
    if config is None:
        config = _run_s_settings(model.run)
    predictor = WorldModelPredictor(model.world_model, config.samples, config.seed)
    return openloop.evaluate(predictor, dataset, config, predictor.description)


def _run_s_settings(run: Path | None) -> EvalConfig:
    if run is None:
        return EvalConfig()
    if (run / WORLD_MODEL_CONFIG).is_file():
        return load_config(run / WORLD_MODEL_CONFIG, WorldModelConfig).eval
    if (run / "agent.safetensors").is_file():  # an agent's run has no settings of this evaluation
        return EvalConfig()
    return load_config(run / CONFIG_FILE, WorldModelConfig).eval
