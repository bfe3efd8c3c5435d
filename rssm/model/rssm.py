"""The recurrent state-space model: a GRU's deterministic state and categorical latents.

PlaNet (Hafner et al. 2019, section 3) for the split into deter and stoch; DreamerV2 (Hafner et al. 2021, section 2.1)
for categorical latents. With actions a, embeddings e = encoder(x) and latents z::

    deter      h_{t+1} = GRU(h_t, [e_t, z_t, a_t])
    prior      p(z_t | h_t)
    posterior  q(z_t | x_t)        decoupled: every posterior of a chunk is one batched call, and the recurrence is a
                                   plain GRU over known inputs, one function for all steps
               q(z_t | h_t, x_t)   coupled: encodes a little better, runs step by step

e_t is read by the recurrence where the decoder is residual (the stack is then part of the state); a plain Dreamer
(``decoder: direct``) reads (z_t, a_t) alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from rssm.config import ModelConfig
from rssm.model.distributions import mix_uniform, mode_one_hot, sample_one_hot
from rssm.model.gru import gru
from rssm.model.networks import MLP

#: agent steps
_LONGEST_MEMORY = 32.0


class RSSM(nn.Module):
    """deter (..., D), stoch (..., S, C) one-hot, log-probabilities (..., S, C).

    Args:
        config: sizes and variants.
        num_actions: A.
        reads_stack: whether the recurrence reads the embedding.
    """

    actions: Tensor

    def __init__(self, config: ModelConfig, num_actions: int, reads_stack: bool) -> None:
        super().__init__()
        self.config, self.reads_stack = config, reads_stack
        self.coupled = config.posterior == "coupled"
        latents = config.stoch * config.classes
        inputs = latents + num_actions + (config.hidden if reads_stack else 0)
        self.gru = nn.GRU(inputs, config.deter, batch_first=True)
        _remember(self.gru)
        # two learned starts: an episode's first step, and the middle of a game whose past is unknown
        self.start = nn.Parameter(torch.zeros(2, config.deter))
        self.prior_network = MLP(config.deter, config.head_hidden, 1, latents)
        self.register_buffer("actions", torch.eye(num_actions), persistent=False)
        posterior_inputs = config.hidden + (config.deter if self.coupled else 0)
        self.posterior_network = MLP(posterior_inputs, config.head_hidden, 1, latents)

    def initial(self, is_first: Tensor) -> Tensor:
        """deter (B, D) before anything was seen; is_first (B,) marks those that start with an episode's first frame."""
        return torch.tanh(self.start[is_first.long()])

    def prior(self, deter: Tensor) -> Tensor:
        """Log-probabilities (..., S, C) of p(z | h)."""
        return self._log_probs(self.prior_network(deter))

    def posterior(self, deter: Tensor | None, embedding: Tensor) -> Tensor:
        """Log-probabilities (..., S, C) of q(z | x), or q(z | h, x) where the posterior is coupled."""
        if not self.coupled:
            return self._log_probs(self.posterior_network(embedding))
        assert deter is not None
        return self._log_probs(self.posterior_network(torch.cat([deter, embedding], -1)))

    def draw(self, log_probs: Tensor, sample: bool) -> Tensor:
        """Latents (..., S, C) as one-hot samples, or their modes, with straight-through gradients."""
        return sample_one_hot(log_probs) if sample else mode_one_hot(log_probs)

    def step(self, deter: Tensor, stoch: Tensor, embedding: Tensor, action: Tensor) -> Tensor:
        """One step of the recurrence: deter (B, D), stoch (B, S, C), embedding (B, H), action (B,) -> (B, D)."""
        weights: Sequence[Tensor] = self.gru.all_weights[0]  # input, hidden; then their biases
        return torch.gru_cell(self._inputs(stoch, embedding, action), deter, *weights)

    def observe(
        self, initial: Tensor, embedding: Tensor, action: Tensor, sample: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Filter a sequence of T steps.

        Args:
            initial: (B, D), deter at the first step.
            embedding: (B, T, H).
            action: (B, T) int64, taken after each step.
            sample: whether latents are sampled or take their mode.

        Returns:
            deter (B, T + 1, D): one more than observed, the last one predicts the step after the sequence;
            stoch (B, T, S, C); posterior log-probabilities (B, T, S, C).
        """
        if self.coupled:
            return self._observe_stepwise(initial, embedding, action, sample)
        posterior = self.posterior(None, embedding)
        stoch = self.draw(posterior, sample)
        return self._recur(initial, self._inputs(stoch, embedding, action)), stoch, posterior

    def _recur(self, initial: Tensor, inputs: Tensor) -> Tensor:
        """deter (B, T + 1, D) from (B, D) on, over inputs (B, T, I)."""
        if inputs.device.type == "cpu":
            return gru(inputs, initial, self.gru.all_weights[0])
        deter, _ = self.gru(inputs, initial.unsqueeze(0).contiguous())  # an accelerator has one of its own
        return torch.cat([initial.unsqueeze(1), deter], 1)

    def _observe_stepwise(
        self, initial: Tensor, embedding: Tensor, action: Tensor, sample: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        deters, stochs, posteriors = [initial], [], []
        for t in range(embedding.shape[1]):
            posteriors.append(self.posterior(deters[-1], embedding[:, t]))
            stochs.append(self.draw(posteriors[-1], sample))
            deters.append(self.step(deters[-1], stochs[-1], embedding[:, t], action[:, t]))
        return torch.stack(deters, 1), torch.stack(stochs, 1), torch.stack(posteriors, 1)

    def _inputs(self, stoch: Tensor, embedding: Tensor, action: Tensor) -> Tensor:
        parts = [stoch.flatten(-2), nnf.embedding(action, self.actions)]
        return torch.cat([*parts, embedding] if self.reads_stack else parts, -1)

    def _log_probs(self, logits: Tensor) -> Tensor:
        return mix_uniform(logits.unflatten(-1, (self.config.stoch, self.config.classes)), self.config.unimix)


def _remember(gru: nn.GRU) -> None:
    """Spread the update gates' biases so that units start out remembering for 1 to ``_LONGEST_MEMORY`` steps.

    Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", equation 16. With gates that start half open a
    goal is forgotten long before the serve that it times, 16 agent steps later, and no gradient reaches back to it.
    """
    input_bias: Tensor
    hidden_bias: Tensor
    _, _, input_bias, hidden_bias = gru.all_weights[0]
    update_gate = slice(gru.hidden_size, 2 * gru.hidden_size)  # torch orders the gates reset, update, new
    with torch.no_grad():
        hidden_bias[update_gate] = 0.0
        input_bias[update_gate] = torch.empty(gru.hidden_size).uniform_(1.0, _LONGEST_MEMORY - 1.0).log()
