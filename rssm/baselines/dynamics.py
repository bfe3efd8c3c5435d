"""One step of a deterministic model: from a stack, an action and a memory to the next stack, all normalised."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.baselines.config import NetworkConfig
from rssm.baselines.network import ResidualMLP
from rssm.data.stacks import shift_stack
from rssm.layout import Layout


class StepModel(Protocol):
    """What can be rolled out: first it remembers what it is shown, then it predicts what comes next.

    Attributes:
        memory_size: M, numbers carried from step to step; 0 for a model that sees one stack alone.
    """

    memory_size: int

    def remember(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """memory (B, M), stack (B, F, S), action (B,) int64 -> the memory (B, M) that knows of both."""

    def predict(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """The next stack (B, F, S), from a memory that knows of stack and action."""


class Dynamics(nn.Module):
    """The MLP family and its recurrent relatives; see :class:`rssm.baselines.config.NetworkConfig` for the parts."""

    def __init__(self, config: NetworkConfig, layout: Layout) -> None:
        super().__init__()
        self.config, self.num_actions = config, layout.num_actions
        inputs = layout.obs_size + layout.num_actions
        self.cell: nn.GRUCell | nn.LSTMCell | None = None
        self.memory_size = 0
        if config.kind == "gru":
            self.cell, self.memory_size = nn.GRUCell(inputs, config.hidden), config.hidden
        elif config.kind == "lstm":
            self.cell, self.memory_size = nn.LSTMCell(inputs, config.hidden), 2 * config.hidden
        outputs = layout.obs_size if config.output == "stack" else layout.num_features
        seen = inputs + (config.hidden if self.cell is not None else 0)
        self.network = ResidualMLP(seen, config.hidden, config.layers, outputs)

    def remember(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """See :class:`StepModel`; an LSTM's memory is its hidden state and its cell side by side."""
        if self.cell is None:
            return memory
        seen = torch.cat([stack.flatten(-2), nnf.one_hot(action, self.num_actions).to(stack.dtype)], -1)
        if isinstance(self.cell, nn.GRUCell):
            return self.cell(seen, memory)
        hidden, cell = memory.chunk(2, -1)
        return torch.cat(self.cell(seen, (hidden, cell)), -1)

    def predict(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        """See :class:`StepModel`."""
        shown = memory[..., : self.config.hidden]
        output = self.network(
            torch.cat([stack.flatten(-2), nnf.one_hot(action, self.num_actions).to(stack.dtype), shown], -1)
        )
        if self.config.output == "stack":
            return stack + self.config.residual_weight * output.view_as(stack)
        return shift_stack(stack, stack[..., -1] + output if self.config.output == "change" else output)


def observe(model: StepModel, memory: Tensor, stacks: Tensor, actions: Tensor) -> Tensor:
    """The memories (B, T, M) after each step of a sequence: memory (B, M), stacks (B, T, F, S), actions (B, T)."""
    if model.memory_size == 0:
        return memory.unsqueeze(1).expand(-1, stacks.shape[1], -1)
    memories = []
    for t in range(stacks.shape[1]):
        memory = model.remember(memory, stacks[:, t], actions[:, t])
        memories.append(memory)
    return torch.stack(memories, 1)
