import pytest
import torch

from agents.imagination import Trajectories, continued, imagine, is_start, start_states
from agents.sight import sight
from rssm.chunks import ChunkSampler
from rssm.state import State


@pytest.fixture(scope="module")
def batches(pong_data):
    """Chunks of 12 steps; among them are beginnings and ends of games."""
    sampler = ChunkSampler(pong_data, batch_size=40, length=12, seed=0)
    return [sampler.batch(update) for update in range(20)]


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
    assert torch.equal(start.frame, chunk.stacks[:, :-1][chosen])


def test_trajectories_are_the_world_model_s_own(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    start = start_states(model, batches[0], burn_in=4)
    torch.manual_seed(5)
    dreams = imagine(model, agent, start, horizon=6)
    torch.manual_seed(5)
    with torch.no_grad():
        imagined = model.imagine(start, lambda state: agent.explore(sight(model, state)), 6)
        after = model.features(imagined.states)
    assert torch.equal(dreams.actions, imagined.actions)
    assert torch.equal(dreams.features[:, 0], sight(model, start))
    assert torch.allclose(dreams.features[:, 1:], sight(model, imagined.states), atol=1e-5)
    assert torch.equal(dreams.before, dreams.features[:, :-1])
    assert torch.allclose(dreams.reward, model.reward(after), atol=1e-5)
    assert torch.allclose(dreams.continuation, model.continuation(after), atol=1e-5)
    unlikely = [p.loss(imagined.states.frame[:, k]) for k, p in enumerate(imagined.predictions)]
    assert torch.allclose(dreams.surprise, torch.stack(unlikely, 1), atol=1e-4)
    assert dreams.surprise.mean() > 1.0  # nats: an untrained model does not know what comes


def numbered(numbers):
    """States that can be told apart."""
    values = torch.tensor(numbers, dtype=torch.float32).unsqueeze(-1)
    return State(values, values.unsqueeze(-1), values.expand(-1, 56))


@pytest.mark.parametrize(("share", "ends", "added"), [(0.75, 100, 30), (0.5, 100, 10), (0.0, 100, 0), (0.75, 12, 12)])
def test_real_starts_are_all_kept_and_ends_added_by_their_share(share, ends, added):
    torch.manual_seed(0)
    starts = continued(numbered(range(10)), numbered(range(100, 100 + ends)), share)
    number = starts.deter[:, 0].tolist()
    assert number[:10] == list(range(10))
    assert len(number) == 10 + added
    assert len(set(number)) == len(number)
    assert number[10:] != list(range(100, 100 + added)) or not added
    assert torch.equal(starts.stoch[:, 0, 0], starts.deter[:, 0])
    assert torch.equal(starts.frame[:, 55], starts.deter[:, 0])


def test_no_trajectory_goes_on_after_a_game_s_end():
    count = 400
    continuation = torch.ones(count, 6)
    continuation[:200, 3] = 0.0
    continuation[200:300, 2] = continuation[200:300, 5] = 0.5
    nothing = torch.zeros(count, 6)
    dreams = Trajectories(nothing, nothing, nothing, continuation, nothing, numbered(range(count)))
    torch.manual_seed(0)
    left = dreams.survivors().deter[:, 0]
    assert left.min() >= 200
    assert (left >= 300).sum() == 100
    assert 12 <= ((left >= 200) & (left < 300)).sum() <= 40  # one in four


def test_a_trajectory_s_end_is_what_its_last_features_show(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    dreams = imagine(model, agent, start_states(model, batches[0], burn_in=4), horizon=3)
    assert torch.allclose(sight(model, dreams.end), dreams.features[:, -1], atol=1e-5)


def test_nothing_imagined_carries_a_gradient(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    assert all(parameter.requires_grad for parameter in model.parameters())
    start = start_states(model, batches[0], burn_in=4)
    dreams = imagine(model, agent, start, horizon=2)
    parts = (start.deter, start.stoch, dreams.features, dreams.reward, dreams.continuation, dreams.surprise)
    assert not any(part.requires_grad for part in parts)
