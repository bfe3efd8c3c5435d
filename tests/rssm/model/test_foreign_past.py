import dataclasses

import pytest
import torch

from rssm.cli.job import parse
from rssm.cli.jobs import TRAIN_WM
from rssm.errors import UserError
from rssm.games.pong.features import ENEMY_Y, PLAYER_Y
from rssm.model.foreign_past import observe_with_foreign_past

HABITS = [PLAYER_Y, ENEMY_Y]


@pytest.fixture
def middle(chunk):
    """Chunks from the middle of a game, every step of which is told apart by paddles and action."""
    stacks, length = chunk.stacks.clone(), chunk.actions.shape[1]
    marks = torch.arange(length + 1.0).view(1, -1, 1, 1) + 100 * torch.arange(len(stacks)).view(-1, 1, 1, 1)
    stacks[:, :, HABITS] = marks.expand(-1, -1, len(HABITS), stacks.shape[-1])
    actions = (torch.arange(length) % 6).expand(len(stacks), -1)
    return dataclasses.replace(chunk, stacks=stacks, actions=actions, is_first=torch.zeros_like(chunk.is_first))


@pytest.fixture
def look(make_model, monkeypatch):
    """What the recurrence is shown (stacks, actions), and what came of it; ``look.read`` is what it made of that."""
    model, shown = make_model(), []
    plain = model.observe

    def observe(*given):
        shown.append(given)
        look.read = plain(*given)
        return look.read

    monkeypatch.setattr(model, "observe", observe)

    def look(chunk, share, seed=0):
        torch.manual_seed(seed)
        seen = observe_with_foreign_past(model, chunk.stacks[:, :-1], chunk, share)
        return *shown.pop()[:2], seen

    look.model = model
    return look


def test_paddles_and_actions_are_those_of_another_moment_of_the_same_chunk(look, middle):
    before, length = middle.stacks[:, :-1], middle.actions.shape[1]
    others = [column for column in range(before.shape[2]) if column not in HABITS]
    found = set()
    for seed in range(40):
        stacks, actions, _ = look(middle, 1.0, seed)
        assert torch.equal(stacks[:, :, others], before[:, :, others])
        step = (stacks[:, :, PLAYER_Y, 0] - 100 * torch.arange(len(stacks)).unsqueeze(1)).long()  # that is shown
        assert torch.equal(stacks[:, :, HABITS], before[torch.arange(len(before))[:, None], step][:, :, HABITS])
        assert torch.equal(actions, step % 6)
        away = (step - torch.arange(length)) % length
        assert (away == away[:, :1]).all()
        found |= set(away[:, 0].tolist())
    assert found == set(range(1, length))


def test_a_share_of_the_chunks_is_altered_and_none_without_one(look, middle):
    found = [(look(middle, 0.3, seed)[0] != middle.stacks[:, :-1]).flatten(1).any(1) for seed in range(400)]
    assert torch.cat(found).float().mean().item() == pytest.approx(0.3, abs=0.05)
    stacks, actions, _ = look(middle, 0.0)
    assert torch.equal(stacks, middle.stacks[:, :-1])
    assert torch.equal(actions, middle.actions)


def test_the_beginning_of_a_game_stays_as_it_is(look, middle):
    first = torch.zeros(len(middle.stacks), dtype=torch.bool)
    first[0] = True
    chunk = dataclasses.replace(middle, is_first=first)
    altered = sum((look(chunk, 1.0, seed)[0] != middle.stacks[:, :-1]).flatten(1).any(1).int() for seed in range(20))
    assert altered.tolist() == [0, 20, 20, 20]


def test_what_is_encoded_and_decoded_from_is_the_true_game(look, middle):
    model, before = look.model, middle.stacks[:, :-1]
    stacks, _, seen = look(middle, 1.0)
    assert not torch.equal(stacks, before)
    assert torch.equal(seen.states.stack, before)
    embedding = model.encoder(before)
    torch.testing.assert_close(seen.embedding, embedding)
    torch.testing.assert_close(seen.posterior, model.rssm.posterior(None, embedding))


def test_the_deterministic_state_is_that_of_the_foreign_past_and_both_train_the_encoder(look, middle):
    *_, seen = look(middle, 1.0)
    assert torch.equal(seen.next_deter, look.read.next_deter)
    assert torch.equal(seen.states.deter, look.read.states.deter)
    *_, own = look(middle, 0.0)
    assert not torch.allclose(seen.states.deter[:, -1], own.states.deter[:, -1])
    parameters = list(look.model.encoder.parameters())
    for part in (seen.next_deter.sum(), seen.embedding.sum()):
        gradients = torch.autograd.grad(part, parameters, retain_graph=True, allow_unused=True)
        assert any(gradient is not None and bool(gradient.any()) for gradient in gradients)


def test_a_game_whose_players_show_no_habits_has_none():
    with pytest.raises(UserError, match=r"^--loss.foreign_past: does nothing in CartPole-v1; leave it out$"):
        parse(TRAIN_WM, ["--config", "cartpole", "--loss.foreign_past", "0.5"])
