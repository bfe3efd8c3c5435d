import pytest
import torch

from agents.imagination import Filtered, Trajectories, filter_chunk, imagine
from agents.losses import Targets, actor_loss, agent_loss, critic_loss, replay_targets, targets
from rssm.chunks import Chunk, ChunkSampler
from rssm.features import OBS_SIZE
from rssm.state import State


@pytest.fixture
def dreamt(make_model, make_agent, pong_data):
    """A world model, an agent, what was filtered and imagined, and the chunks."""
    model, agent = make_model(), make_agent()
    chunk = ChunkSampler(pong_data, batch_size=6, length=12, seed=0).batch(0)
    filtered = filter_chunk(model, chunk, burn_in=4)
    start, features = filtered.states[filtered.starts], filtered.features[filtered.starts]
    return model, agent, imagine(model, agent, start, features, 3), filtered, chunk


def touched(*modules):
    return [name for module in modules for name, p in module.named_parameters() if p.grad is not None]


def trajectories(agent, count=1, horizon=3):
    torch.manual_seed(2)
    ones = torch.ones(count, horizon)
    return Trajectories(
        torch.randn(count, horizon + 1, agent.features), torch.randint(6, (count, horizon)), ones.clone(), ones.clone()
    )


class TestWhatIsTrainedByWhat:
    def test_the_actor_s_loss_trains_the_actor_alone(self, dreamt):
        model, agent, dreams, _, _ = dreamt
        value = agent.value(dreams.features)
        with torch.no_grad():
            target = targets(agent, dreams, value)
        actor_loss(agent, dreams, target)[0].backward()
        assert len(touched(agent.actor)) == len(list(agent.actor.parameters()))
        assert touched(agent.critic, agent.slow_critic, model) == []

    def test_the_critic_s_loss_trains_the_critic_alone(self, dreamt):
        model, agent, dreams, _, _ = dreamt
        logits = agent.critic(dreams.features)
        critic_loss(agent, logits, dreams.features, torch.rand(logits.shape[:-1]), torch.tensor(1.0)).backward()
        assert len(touched(agent.critic)) == len(list(agent.critic.parameters()))
        assert touched(agent.actor, agent.slow_critic, model) == []

    def test_the_whole_reaches_actor_and_critic_and_never_the_world_model(self, dreamt):
        model, agent, dreams, filtered, chunk = dreamt
        assert all(parameter.requires_grad for parameter in model.parameters())
        loss, metrics = agent_loss(agent, dreams, filtered, chunk)
        loss.backward()
        assert touched(agent.actor)
        assert touched(agent.critic)
        assert touched(agent.slow_critic, model) == []
        assert not any(value.requires_grad for value in metrics.values())


def test_weights_fall_with_the_discount_and_the_chance_that_the_game_goes_on(make_agent):
    agent = make_agent(discount=0.5)
    dreams = trajectories(agent)
    dreams.continuation[0] = torch.tensor([1.0, 0.25, 0.5])
    target = targets(agent, dreams, torch.zeros(1, 4))
    assert target.weight.tolist() == [[1.0, 0.5, 0.0625]]  # 0.5 * 1;  0.5 * 0.5 * 0.25


class TestTheActor:
    def gradient(self, agent, dreams, returns, value, weight):
        target = Targets(torch.tensor([returns]), torch.tensor([value]), torch.tensor([weight]))
        actor_loss(agent, dreams, target)[0].backward()
        return agent.actor.network.layers[-1].bias.grad

    def test_it_learns_what_went_better_than_expected(self, make_agent):
        agent = make_agent(entropy=0.0, return_floor=1.0)
        dreams = trajectories(agent)
        taken = int(dreams.actions[0, 0])
        gradient = self.gradient(agent, dreams, [1.0, 0.0, 0.0], [0.5, 0.0, 0.0], [1.0, 1.0, 1.0])
        assert gradient[taken] < 0  # a step down this gradient makes the action likelier
        assert all(gradient[a] > 0 for a in range(6) if a != taken)

    def test_what_went_as_expected_teaches_nothing(self, make_agent):
        agent = make_agent(entropy=0.0)
        gradient = self.gradient(agent, trajectories(agent), [1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
        assert torch.equal(gradient, torch.zeros(6))

    def test_advantages_are_divided_by_the_range(self, make_agent):
        gradients = []
        for floor in (1.0, 4.0):
            agent = make_agent(entropy=0.0, return_floor=floor)
            gradients.append(self.gradient(agent, trajectories(agent), [1.0, 0, 0], [0.0, 0, 0], [1.0, 1.0, 1.0]))
        assert torch.allclose(gradients[0], 4.0 * gradients[1])

    def test_what_lies_behind_an_end_teaches_nothing(self, make_agent):
        agent = make_agent(entropy=1.0)
        gradient = self.gradient(agent, trajectories(agent), [5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
        assert torch.equal(gradient, torch.zeros(6))

    def test_the_bonus_makes_the_policy_more_even(self, make_agent):
        agent = make_agent(entropy=1.0)
        dreams = trajectories(agent)
        _, before = actor_loss(agent, dreams, Targets(*(torch.zeros(1, 3),) * 2, torch.ones(1, 3)))
        for _ in range(20):
            agent.zero_grad()
            loss, after = actor_loss(agent, dreams, Targets(*(torch.zeros(1, 3),) * 2, torch.ones(1, 3)))
            loss.backward()
            with torch.no_grad():
                for parameter in agent.actor.parameters():
                    parameter.sub_(0.1 * parameter.grad)
        assert after["entropy"] > before["entropy"]


class TestTheCritic:
    def test_it_comes_to_the_mean_of_its_targets(self, make_agent):
        agent = make_agent(slow_scale=0.0)
        features, target = torch.randn(1, agent.features).expand(10, -1), torch.tensor([1.0] * 3 + [0.0] * 7)
        optimizer = torch.optim.Adam(agent.critic.parameters(), lr=0.03)
        for _ in range(300):
            optimizer.zero_grad()
            critic_loss(agent, agent.critic(features), features, target, torch.ones(10)).backward()
            optimizer.step()
        assert agent.value(features[0]).item() == pytest.approx(0.3, abs=0.03)

    def test_its_moving_average_holds_it_back(self, make_agent):
        """With a scale of 1 it settles in the middle between its target and the average."""
        agent = make_agent(slow_scale=1.0)
        features = torch.randn(1, agent.features)
        slow = agent.slow_critic(features)
        optimizer = torch.optim.Adam(agent.critic.parameters(), lr=0.03)
        for _ in range(300):
            optimizer.zero_grad()
            critic_loss(agent, agent.critic(features), features, slow + 1.0, torch.ones(1)).backward()
            optimizer.step()
        assert agent.value(features).item() == pytest.approx(slow.item() + 0.5, abs=0.05)


class TestReplayTargets:
    """One chunk of four steps of which the second and the third are imagined from."""

    LIKELIEST = torch.tensor([[3, 3, 3, 3]])

    def returns(self, agent, actions, terminated, last_reward=-1.0):
        rewards = torch.tensor([[0.0, 1.0, 0.0, last_reward]])
        torch.manual_seed(4)
        features = torch.randn(1, 4, agent.features)
        ended = torch.tensor([[0.0, 0.0, 0.0, float(terminated)]])
        first = torch.zeros(1, dtype=torch.bool)
        chunk = Chunk(torch.zeros(1, 5, OBS_SIZE), actions, rewards, ended, 1.0 - ended, first)
        starts = torch.tensor([[False, True, True, False]])
        state = State(torch.zeros(1, 4, 1), torch.zeros(1, 4, 1, 1), torch.zeros(1, 4, OBS_SIZE))
        with torch.no_grad():
            last = agent.value(features)[0, -1].item()
            real = replay_targets(agent, Filtered(state, features, starts), chunk, torch.tensor([5.0, 7.0]))
        return real.tolist(), last

    @pytest.fixture
    def decided(self, make_agent):
        """An agent that takes action 3 with 0.8 and each other one with 0.04."""
        agent = make_agent(discount=0.5, lam=0.75, unimix=0.0)
        with torch.no_grad():
            agent.actor.network.layers[-1].weight.zero_()
            agent.actor.network.layers[-1].bias.copy_(torch.tensor([0.04, 0.04, 0.04, 0.8, 0.04, 0.04]).log())
        return agent

    def test_its_own_actions_bring_in_the_real_rewards(self, decided):
        real, last = self.returns(decided, self.LIKELIEST, terminated=False)
        third = 0.25 * 7.0 + 0.75 * 0.5 * last
        assert real == pytest.approx([0.25 * 5.0 + 0.75 * (1.0 + 0.5 * third), third])

    def test_another_action_leaves_what_was_imagined(self, decided):
        actions = torch.tensor([[3, 0, 3, 3]])
        real, last = self.returns(decided, actions, terminated=False)
        third, trace = 0.25 * 7.0 + 0.75 * 0.5 * last, 0.75 * 0.05  # 0.04 is a twentieth of 0.8
        assert real == pytest.approx([(1 - trace) * 5.0 + trace * (1.0 + 0.5 * third), third])

    def test_a_real_end_is_the_end(self, decided):
        real, last = self.returns(decided, self.LIKELIEST, terminated=True)
        fourth = 0.25 * last + 0.75 * -1.0  # nothing comes after it
        assert real[1] == pytest.approx(0.25 * 7.0 + 0.75 * 0.5 * fourth)

    def test_what_follows_a_chunk_is_not_guessed_from_its_last_reward(self, decided):
        one, _ = self.returns(decided, self.LIKELIEST, terminated=False, last_reward=-1.0)
        other, _ = self.returns(decided, self.LIKELIEST, terminated=False, last_reward=1.0)
        assert one == other
