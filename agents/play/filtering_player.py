"""A policy that plays real games: it keeps what the model remembers of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from agents.learning.inputs import Seen
from rssm.arrays import FloatArray, IntArray
from rssm.model.state import State
from rssm.model.world_model import Policy, WorldModel


class Player:
    """Filters B real games side by side and acts in them, one batched call for all.

    Args:
        model: the world model, in evaluation mode.
        policy: chooses actions (B,) from the filtered states (B,), which are :class:`agents.learning.inputs.Seen`.
        games: B.
        device: where the model is.
        sample: whether posterior latents are sampled or take their mode.

    Attributes:
        deter: (B, D), what the model remembers of each game.
    """

    def __init__(
        self, model: WorldModel, policy: Policy, games: int, device: torch.device | str, *, sample: bool = True
    ) -> None:
        self.model, self.policy, self.device, self.sample = model, policy, device, sample
        # a game that is joined in its middle has a past that nobody saw
        self.deter = model.rssm.initial(torch.zeros(games, dtype=torch.bool, device=device)).detach()

    @torch.inference_mode()
    def look(self, stacks: FloatArray, is_first: npt.NDArray[np.bool_]) -> Seen:
        """The filtered states (B,) of the games that show stacks (B, F, S); is_first (B,) marks those just begun."""
        stack = torch.from_numpy(np.ascontiguousarray(stacks)).to(self.device)
        if is_first.any():
            begun = torch.from_numpy(is_first).to(self.device)
            self.deter = torch.where(begun.unsqueeze(-1), self.model.rssm.initial(begun), self.deter)
        embedding, view = self.model.encoder.see(stack)
        latent = self.model.rssm.draw(self.model.rssm.posterior(self.deter, embedding), self.sample)
        return Seen.of(State(self.deter, latent, stack), embedding, view)

    @torch.inference_mode()
    def choose(self, state: Seen) -> IntArray:
        """The policy's actions (B,) in the states that :meth:`look` gave; they take the model to the next step."""
        action = self.policy(state)
        self.deter = self.model.rssm.step(state.deter, state.stoch, state.embedding, action)
        chosen: IntArray = action.cpu().numpy()
        return chosen

    def act(self, stacks: FloatArray, is_first: npt.NDArray[np.bool_]) -> IntArray:
        """:meth:`look`, then :meth:`choose`: the actions (B,) in the games that show stacks (B, F, S)."""
        return self.choose(self.look(stacks, is_first))

    @torch.inference_mode()
    def keep(self, games: IntArray) -> None:
        """Go on with the games at these places (n,) alone, in this order."""
        self.deter = self.deter[torch.from_numpy(games).to(self.device)]
