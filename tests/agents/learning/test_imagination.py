import torch

from agents.learning.imagination import Trajectories, imagine
from agents.learning.inputs import sight
from agents.learning.start_states import start_states


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


def test_no_trajectory_goes_on_after_a_game_s_end(numbered):
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
