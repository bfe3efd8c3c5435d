"""What the model knows of one real game while somebody plays it."""

from __future__ import annotations

import numpy as np
import torch

from rssm.arrays import FloatArray
from rssm.model.state import State
from rssm.model.world_model import WorldModel


class Follower:
    """Filters one real game, step by step.

    Args:
        model: the world model, in evaluation mode.
        state: (1,), filtered, of the moment that it begins at.

    Attributes:
        state: (1,), of the newest moment.
    """

    def __init__(self, model: WorldModel, state: State) -> None:
        self.model, self.state = model, state

    @torch.no_grad()
    def follow(self, action: int, stack: FloatArray) -> State:
        """The state (1,) after an action, in which the game shows a stack (14, 4); latents take their mode."""
        before, rssm = self.state, self.model.rssm
        taken = torch.tensor([action], device=before.deter.device)
        deter = rssm.step(before.deter, before.stoch, self.model.encoder(before.stack), taken)
        seen = torch.from_numpy(np.ascontiguousarray(stack[None])).to(deter.device)
        posterior = rssm.posterior(deter, self.model.encoder(seen))
        self.state = State(deter, rssm.draw(posterior, sample=False), seen)
        return self.state
