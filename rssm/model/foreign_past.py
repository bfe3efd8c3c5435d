"""A past that is not a game's own, for the recurrence alone, while the model is trained.

A recurrent state counts the steps since a goal by whatever came with them in the data, such as what the player was
used to do meanwhile: where a player rests instead, it knows the moment of the serve but not where the enemy's paddle
then is. Shown paddles and actions of another moment, it has to count by what is left, and to read the paddle off the
newest frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rssm.data.chunks import Chunk
from rssm.model.state import State
from rssm.model.world_model import Observed, WorldModel
from rssm.noise import integers, uniform


def observe_with_foreign_past(model: WorldModel, stacks: Tensor, chunk: Chunk, share: float) -> Observed:
    """Filter the chunks; in a share of them the recurrence is shown a foreign past.

    The columns of a player's habits and the actions are then those of another moment of the chunk, as many steps away
    everywhere. What is decoded from, and encoded for the posterior, is of the true stacks. A game's first chunk stays
    as it is: what an episode begins with says when it goes on.

    Args:
        stacks: (B, T, F, S), all of the chunks but what the last action led to.
        share: of the chunks.
    """
    if share == 0:
        return model.observe(stacks, chunk.actions, chunk.is_first)
    batch, length = chunk.actions.shape
    device = stacks.device
    foreign = (uniform((batch, 1), stacks) < share) & ~chunk.is_first.unsqueeze(1)
    away = 1 + integers(length - 1, (batch, 1), device)
    steps = (torch.arange(length, device=device) + away * foreign) % length  # (B, T)
    rows = torch.arange(batch, device=device).unsqueeze(1)
    shown = stacks.clone()
    for column in model.game.habits:
        shown[:, :, column] = stacks[rows, steps, column]
    read = model.observe(shown, chunk.actions[rows, steps], chunk.is_first)
    embedding = model.encoder(stacks)
    posterior = model.rssm.posterior(read.states.deter, embedding)
    states = State(read.states.deter, model.rssm.draw(posterior, True), stacks)
    return Observed(states, read.next_deter, posterior, embedding)
