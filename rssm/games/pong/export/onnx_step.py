"""One imagined step as ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from rssm.data.frames import to_observation, to_stack
from rssm.errors import UserError
from rssm.games.pong.features import OBS_SIZE, STACK_SIZE
from rssm.model.state import State
from rssm.model.world_model import WorldModel
from rssm.storage.files import replace_file

INPUTS = ("deter", "stoch", "stack", "action")
OUTPUTS = ("next_deter", "next_stoch", "next_stack", "reward", "continuation")


class MostLikelyStep(nn.Module):
    """The likeliest next step: deter (B, D), stoch (B, S, C), stack (B, 56), action (B,) int64 to the same after it.

    The stack is interleaved here, as the environment shows it.

    Beside them the reward (B,) that the step is expected to earn, points, and the probability (B,) that the game goes
    on.
    """

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, deter: Tensor, stoch: Tensor, stack: Tensor, action: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        state, _, _ = self.model.imagine_step(State(deter, stoch, to_stack(stack, STACK_SIZE)), action, sample=False)
        features = self.model.features(state)
        following = to_observation(state.stack)
        return state.deter, state.stoch, following, self.model.reward(features), self.model.continuation(features)


def write_onnx(path: Path, model: WorldModel) -> None:
    """Write :class:`MostLikelyStep` with a free batch size, atomically.

    Raises:
        UserError: onnx or onnxscript is not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        missing = (error.name or "onnx").partition(".")[0]
        raise UserError(f"onnx: {missing} is missing; expected: pip install 'pong-rssm[onnx]'") from None
    config = model.config
    example = (
        torch.zeros(2, config.deter),
        torch.zeros(2, config.stoch, config.classes),
        torch.zeros(2, OBS_SIZE),
        torch.zeros(2, dtype=torch.int64),
    )
    batch = torch.export.Dim("batch", min=1)
    step = MostLikelyStep(model).eval()
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            step,
            example,
            dynamo=True,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_shapes=tuple({0: batch} for _ in example),
            optimize=True,
            verbose=False,
        )
    assert program is not None
    replace_file(path, lambda temporary: program.save(str(temporary), external_data=False))


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what torch says of packages that are not needed here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
