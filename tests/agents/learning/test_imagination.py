import torch

from agents.learning.actor import sample
from agents.learning.imagination import Trajectories, imagine
from agents.learning.inputs import agent_inputs
from agents.learning.move_search import every_move
from agents.learning.start_states import start_states


def test_trajectories_are_the_world_model_s_own(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    start = start_states(model, batches[0], burn_in=4)
    torch.manual_seed(5)
    dreams = imagine(model, agent, start, horizon=6)
    torch.manual_seed(5)
    with torch.no_grad():
        imagined = model.imagine(start, lambda state: sample(agent.actor(agent_inputs(model, state))), 6)
        after = model.features(imagined.states)
    inputs = dreams.by_step(dreams.inputs)
    assert torch.equal(dreams.actions, imagined.actions)
    assert torch.equal(inputs[:, 0], start.inputs)
    assert torch.allclose(inputs[:, 1:], agent_inputs(model, imagined.states), atol=1e-5)
    assert torch.equal(dreams.by_step(dreams.before), inputs[:, :-1])
    assert torch.allclose(dreams.by_step(dreams.log_probs), agent.actor(inputs[:, :-1]), atol=1e-4)
    assert torch.allclose(dreams.reward, model.reward(after), atol=1e-5)
    assert torch.allclose(dreams.continuation, model.continuation(after), atol=1e-5)
    unlikely = [p.loss(imagined.states.stack[:, k]) for k, p in enumerate(imagined.predictions)]
    assert torch.allclose(dreams.surprise, torch.stack(unlikely, 1), atol=1e-4)
    assert dreams.surprise.mean() > 1.0  # nats: an untrained model does not know what comes


def test_every_move_has_a_trajectory_of_its_own_from_each_start(make_model, make_agent, batches):
    """As if each start were there once for each move."""
    model, agent = make_model(), make_agent()
    start = start_states(model, batches[0], burn_in=4)
    count = start.shape[0]
    torch.manual_seed(5)
    dreams = imagine(model, agent, start, 3, every_move(count, [0, 2, 3]))
    assert dreams.starts == count
    assert len(dreams.inputs) == count + 3 * 3 * count
    assert len(dreams.log_probs) == len(dreams.before) == count + 2 * 3 * count
    assert dreams.actions[:, 0].tolist() == [0, 2, 3] * count
    torch.manual_seed(5)
    repeated = start.map(lambda part: part.repeat_interleave(3, 0))
    apart = imagine(model, agent, repeated, 3, dreams.actions[:, :1])
    assert torch.equal(dreams.actions, apart.actions)
    assert torch.equal(dreams.by_step(dreams.inputs), apart.by_step(apart.inputs))
    assert torch.equal(dreams.reward, apart.reward)


def test_no_state_is_looked_at_twice_and_the_actor_runs_once_on_each(make_model, make_agent, batches, monkeypatch):
    model, agent = make_model(), make_agent()
    start = start_states(model, batches[0], burn_in=4)
    rows = {"embedded": 0, "acted": 0}

    def count(name):
        def hook(module, inputs, output):
            rows[name] += output.shape[:-1].numel()

        return hook

    model.encoder.network.register_forward_hook(count("embedded"))
    agent.actor.register_forward_hook(count("acted"))
    dreams = imagine(model, agent, start, 4, every_move(start.shape[0], [0, 2, 3]), gradients=True)
    assert rows["embedded"] == 4 * len(dreams.actions)
    assert rows["acted"] == len(dreams.before)


def test_no_trajectory_goes_on_after_a_game_s_end(numbered):
    count = 400
    continuation = torch.ones(count, 6)
    continuation[:200, 3] = 0.0
    continuation[200:300, 2] = continuation[200:300, 5] = 0.5
    nothing = torch.zeros(count, 6)
    dreams = Trajectories(nothing, nothing, nothing, nothing, continuation, nothing, numbered(range(count)))
    torch.manual_seed(0)
    left = dreams.survivors().deter[:, 0]
    assert left.min() >= 200
    assert (left >= 300).sum() == 100
    assert 12 <= ((left >= 200) & (left < 300)).sum() <= 40  # one in four


def test_a_trajectory_s_end_is_what_its_last_features_show(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    dreams = imagine(model, agent, start_states(model, batches[0], burn_in=4), horizon=3)
    assert torch.allclose(agent_inputs(model, dreams.end), dreams.by_step(dreams.inputs)[:, -1], atol=1e-5)


def test_nothing_imagined_carries_a_gradient_but_for_what_the_actor_says(make_model, make_agent, batches):
    model, agent = make_model(), make_agent()
    assert all(parameter.requires_grad for parameter in model.parameters())
    start = start_states(model, batches[0], burn_in=4)
    dreams = imagine(model, agent, start, horizon=2, gradients=True)
    parts = (start.deter, start.stoch, dreams.inputs, dreams.reward, dreams.continuation, dreams.surprise)
    assert not any(part.requires_grad for part in parts)
    assert dreams.log_probs.requires_grad
    assert not imagine(model, agent, start, horizon=2).log_probs.requires_grad
