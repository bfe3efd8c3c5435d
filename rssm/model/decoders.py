"""From the state to the next stack, for any game: point predictions under a Huber or a squared loss.

``residual`` predicts the newest frame as a change of the state's newest frame and shifts the older ones, so that the
latent need not carry coordinates. ``direct`` predicts all frames from the latent state alone, as a plain Dreamer does.
Neither sees or predicts what only counts (:attr:`rssm.layout.Layout.counters`): a total is the state's own plus the
predicted event.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.layout import Layout
from rssm.model.likelihoods import ChangePrediction, DirectPrediction
from rssm.model.networks import MLP, start_uniform
from rssm.protocols import Prediction


class ResidualDecoder(nn.Module):
    """Newest frame = previous newest frame + learned change.

    Args:
        config: of the model.
        layout: of the game.
        scale: F numbers, the change of each feature that counts as 1, raw units.
        beta: of the Huber loss, in units of ``scale``; None takes the squared loss.
    """

    reads_stack, differentiable = True, True
    std: Tensor

    def __init__(self, config: ModelConfig, layout: Layout, scale: Sequence[float], beta: float | None) -> None:
        super().__init__()
        inputs = config.deter + config.stoch * config.classes + config.hidden + layout.num_actions
        self.layout, self.beta = layout, beta
        self.register_buffer("std", torch.tensor(scale), persistent=False)
        self.network = start_uniform(MLP(inputs, config.hidden, config.layers, layout.num_features))

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """As :class:`rssm.protocols.Decoder` says."""
        taken = nnf.one_hot(action, self.layout.num_actions).to(latent.dtype)
        change = self.network(torch.cat([latent, embedding, taken], -1))
        return ChangePrediction(change, stack, self.std, self.beta, self.layout.counters)


class DirectDecoder(nn.Module):
    """All frames of the stack from the latent state, normalised.

    Args:
        config: of the model.
        layout: of the game.
        mean, std: F numbers each, of the raw features.
        beta: of the Huber loss in standard deviations; None takes the squared loss.
    """

    reads_stack, differentiable = False, True
    mean: Tensor
    std: Tensor

    def __init__(
        self, config: ModelConfig, layout: Layout, mean: Sequence[float], std: Sequence[float], beta: float | None
    ) -> None:
        super().__init__()
        self.layout, self.beta = layout, beta
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)
        self.network = MLP(config.deter + config.stoch * config.classes, config.hidden, config.layers, layout.obs_size)

    def forward(self, latent: Tensor, embedding: Tensor, stack: Tensor, action: Tensor) -> Prediction:
        """As :class:`rssm.protocols.Decoder`; ``stack`` gives the totals alone, embedding and action are not read."""
        output = self.network(latent).unflatten(-1, (self.layout.num_features, self.layout.stack))
        return DirectPrediction(output, stack, self.mean, self.std, self.beta, self.layout.counters)
