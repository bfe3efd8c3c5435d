import pytest
import torch

from agents.learning.inputs import Seen, agent_inputs
from agents.learning.start_states import continued, drawn_by_stake, is_start, start_states


def test_starts_leave_out_the_burn_in_and_the_last_step(batches):
    for chunk in batches[:3]:
        for row, is_first in zip(is_start(chunk, burn_in=4).tolist(), chunk.is_first.tolist(), strict=True):
            assert row == [is_first] * 4 + [True] * 7 + [False]
    assert any(chunk.is_first.any() for chunk in batches[:3])


def test_no_start_lies_on_a_game_s_end(batches):
    ends = 0
    for chunk in batches:
        starts = is_start(chunk, burn_in=0)
        assert chunk.terminated[starts].sum() == 0
        assert chunk.next_exists[starts].all()
        ends += int(chunk.terminated.sum())
    assert ends > 0  # else this has shown nothing


def test_starts_are_what_the_model_sees(make_model, batches):
    model, chunk = make_model(), batches[0]
    torch.manual_seed(7)
    start = start_states(model, chunk, burn_in=4)
    torch.manual_seed(7)
    states = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first).states
    chosen = is_start(chunk, burn_in=4)
    assert torch.equal(start.deter, states.deter[chosen])
    assert torch.equal(start.stack, chunk.stacks[:, :-1][chosen])
    fresh = agent_inputs(model, states)[chosen]
    assert torch.allclose(start.inputs, fresh, atol=1e-5)
    assert torch.allclose(start.embedding, model.encoder(start.stack), atol=1e-5)


@pytest.mark.parametrize(("share", "ends", "added"), [(0.75, 100, 30), (0.5, 100, 10), (0.0, 100, 0), (0.75, 12, 12)])
def test_real_starts_are_all_kept_and_ends_added_by_their_share(numbered, share, ends, added, monkeypatch):
    def look(model, state):
        return Seen(state.deter, state.stoch, state.stack, 2 * state.deter, 3 * state.deter)

    torch.manual_seed(0)
    monkeypatch.setattr("agents.learning.start_states.see", look)
    starts = continued(None, look(None, numbered(range(10))), numbered(range(100, 100 + ends)), share)
    number = starts.deter[:, 0].tolist()
    assert number[:10] == list(range(10))
    assert len(number) == 10 + added
    assert len(set(number)) == len(number)
    assert number[10:] != list(range(100, 100 + added)) or not added
    assert torch.equal(starts.stoch[:, 0, 0], starts.deter[:, 0])
    assert torch.equal(starts.stack[:, -1, -1], starts.deter[:, 0])
    assert torch.equal(starts.embedding, 2 * starts.deter)
    assert torch.equal(starts.inputs, 3 * starts.deter)


class TestDrawnByStake:
    def test_states_where_the_critic_is_unsure_are_drawn_more_often(self, make_model, make_agent, batches, monkeypatch):
        """Nine in ten states with nothing at stake and one in ten with much: most of what is drawn is of the few."""
        model, agent = make_model(), make_agent()
        start = start_states(model, batches[0], burn_in=4)
        risky = torch.arange(start.shape[0]) % 10 == 0
        monkeypatch.setattr(agent, "stake", lambda features: risky.float())
        torch.manual_seed(0)
        marked = Seen(risky.float().unsqueeze(-1), start.stoch, start.stack, start.embedding, start.inputs)
        drawn = [drawn_by_stake(agent, marked, 10).deter.mean().item() for _ in range(200)]
        # each draws 10 of all: the chance of the first is 1 + 0.025 for one in ten, 0.025 for the others
        assert sum(drawn) / len(drawn) > 0.6
        assert sum(drawn) / len(drawn) < 0.95

    def test_none_is_drawn_twice_and_all_can_be(self, make_model, make_agent, batches):
        model, agent = make_model(), make_agent()
        start = start_states(model, batches[0], burn_in=4)
        everything = drawn_by_stake(agent, start, start.shape[0])
        for part in ("deter", "inputs"):  # what was seen of a state stays with it
            assert sorted(getattr(everything, part).sum(-1).tolist()) == sorted(getattr(start, part).sum(-1).tolist())

    def test_the_stake_is_the_variance_of_what_the_critic_believes(self, make_model, make_agent, batches):
        model, agent = make_model(), make_agent()
        features = start_states(model, batches[0], burn_in=4).inputs
        chance, points = (
            agent.slow_critic(features).softmax(-1),
            agent.critic.bins.sign() * agent.critic.bins.abs().expm1(),
        )
        mean = agent.slow_value(features)
        expected = (chance * points.square()).sum(-1) - mean.square()
        assert torch.allclose(agent.stake(features), expected, atol=1e-4)
        assert expected.min() > 0
