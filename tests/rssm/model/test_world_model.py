import numpy as np
import pytest
import torch

from rssm.data.frames import stack_episode
from rssm.games.pong import features as F
from rssm.model.distributions import symexp
from rssm.model.state import Embedded, State

STEPS = 6


@pytest.fixture(scope="module")
def game(pong_data):
    """Stacks (2, 30, 14, 4), actions (2, 30), is_first (2,) of a real game, goals inside."""
    episode = pong_data.episode(3)
    stacks = torch.from_numpy(stack_episode(np.array(episode.features)))
    actions = torch.from_numpy(episode.action.astype(np.int64))
    goal = int(np.flatnonzero(episode.reward)[0])
    starts = (0, goal - 15)
    return (
        torch.stack([stacks[s : s + 30] for s in starts]),
        torch.stack([actions[s : s + 30] for s in starts]),
        torch.tensor([True, False]),
    )


def _same(one: State, other: State, atol=0.0):
    return all(
        torch.allclose(getattr(one, part), getattr(other, part), atol=atol, rtol=1e-6)
        for part in ("deter", "stoch", "stack")
    )


@torch.no_grad()
def test_observe_gives_one_state_per_observation(any_model, game):
    stacks, actions, is_first = game
    seen = any_model.observe(stacks, actions, is_first)
    assert seen.states.shape == (2, 30)
    assert torch.equal(seen.states.stack, stacks)
    assert torch.equal(seen.embedding, any_model.encoder(stacks))
    assert (seen.states.stoch.sum(-1) - 1).abs().max() < 1e-6
    assert torch.allclose(seen.states.deter[:, 0], any_model.rssm.initial(is_first))


@torch.no_grad()
def test_observe_goes_on_from_a_state(any_model, game):
    stacks, actions, is_first = game
    whole = any_model.observe(stacks, actions, is_first, sample=False)
    first = any_model.observe(stacks[:, :13], actions[:, :13], is_first, sample=False)
    state = State(first.next_deter, first.states.stoch[:, -1], first.states.stack[:, -1])
    second = any_model.observe(stacks[:, 13:], actions[:, 13:], ~is_first, sample=False, state=state)
    assert _same(second.states, whole.states[:, 13:], atol=1e-5)
    assert torch.allclose(second.next_deter, whole.next_deter, atol=1e-5)


@torch.no_grad()
def test_a_state_does_not_know_what_comes_after_it(any_model, game):
    stacks, actions, is_first = game
    before = any_model.observe(stacks, actions, is_first, sample=False).states[:, :10]
    stacks, actions = stacks.clone(), actions.clone()
    stacks[:, 10:] = 7.0
    actions[:, 9:] = (actions[:, 9:] + 1) % F.NUM_ACTIONS
    after = any_model.observe(stacks, actions, is_first, sample=False).states[:, :10]
    assert _same(before, after)


@torch.no_grad()
def test_imagine_equals_stepping_by_hand(any_model, game):
    stacks, actions, is_first = game
    start = any_model.observe(stacks[:, :20], actions[:, :20], is_first, sample=False).states[:, -1]
    future = actions[:, 19 : 19 + STEPS]
    torch.manual_seed(5)
    imagined = any_model.imagine(start, future)
    torch.manual_seed(5)
    state = start
    for k in range(STEPS):
        state, prediction, prior = any_model.imagine_step(state, future[:, k])
        assert _same(imagined.states[:, k], state)
        assert torch.equal(imagined.predictions[k].mean(), prediction.mean())
        assert torch.equal(imagined.prior[:, k], prior)
    assert torch.equal(imagined.actions, future)
    assert imagined.states.shape == (2, STEPS)


@torch.no_grad()
def test_an_imagined_step_by_hand(any_model, game):
    stacks, actions, is_first = game
    seen = any_model.observe(stacks[:, :20], actions[:, :20], is_first, sample=False)
    start = seen.states[:, -1]
    state, prediction, prior = any_model.imagine_step(start, actions[:, 19], sample=False)
    # the recurrence is the one that filtering goes through
    assert torch.allclose(state.deter, seen.next_deter, atol=1e-5)
    assert torch.equal(prior, any_model.rssm.prior(state.deter))
    assert torch.equal(state.stoch, any_model.rssm.draw(prior, False))
    decoded = any_model.predict(state.deter, state.stoch, seen.embedding[:, -1], stacks[:, 19], actions[:, 19])
    assert torch.allclose(prediction.mode(), decoded.mode(), atol=1e-4)
    assert torch.equal(state.stack, prediction.mode())


@torch.no_grad()
def test_a_policy_and_the_actions_that_it_takes_give_the_same(any_model, game):
    stacks, actions, is_first = game
    start = any_model.observe(stacks[:, :20], actions[:, :20], is_first).states[:, -1]
    asked = []

    def policy(state):
        asked.append(state)
        return state.stack.sum((-2, -1)).long() % F.NUM_ACTIONS

    torch.manual_seed(5)
    by_policy = any_model.imagine(start, policy, STEPS)
    torch.manual_seed(5)
    by_actions = any_model.imagine(start, by_policy.actions)
    assert _same(by_policy.states, by_actions.states)
    assert len(asked) == STEPS
    assert asked[0] is start
    assert _same(State.join(asked[1:], 1), by_policy.states[:, :-1])


@torch.no_grad()
def test_the_first_action_may_be_given_and_no_stack_is_encoded_twice(make_model, game):
    model = make_model()
    stacks, actions, is_first = game
    seen = model.observe(stacks[:, :20], actions[:, :20], is_first)
    asked, encoded = [], []

    def policy(state):
        asked.append(state)
        return actions[:, 20]

    def look(state):
        return Embedded(state.deter, state.stoch, state.stack, model.encoder(state.stack))

    torch.manual_seed(5)
    expected = model.imagine(seen.states[:, -1], torch.stack([actions[:, 19], actions[:, 20], actions[:, 20]], 1))
    start = look(seen.states[:, -1])
    model.encoder.register_forward_hook(lambda module, inputs, output: encoded.append(inputs[0]))
    torch.manual_seed(5)
    steps = list(model.unroll(start, policy, 3, first=actions[:, 19], look=look))
    assert _same(State.join([step.state for step in steps], 1), expected.states)
    assert torch.equal(torch.stack([step.action for step in steps], 1), expected.actions)
    assert [type(state) for state in asked] == [Embedded, Embedded]
    assert all(map(torch.equal, encoded, [step.state.stack for step in steps]))
    assert len(encoded) == 3


@torch.no_grad()
def test_the_mode_takes_no_random_numbers_and_samples_do(make_model, game):
    model = make_model()
    stacks, actions, is_first = game
    start = model.observe(stacks, actions, is_first, sample=False).states[:, -1]
    before = torch.get_rng_state()
    one = model.imagine(start, actions[:, :STEPS], sample=False)
    assert torch.equal(torch.get_rng_state(), before)
    assert _same(one.states, model.imagine(start, actions[:, :STEPS], sample=False).states)
    samples = [model.imagine(start, actions[:, :STEPS]).states for _ in range(2)]
    assert not torch.equal(samples[0].stoch, samples[1].stoch)
    assert not torch.equal(samples[0].stack, samples[1].stack)


@torch.no_grad()
def test_the_frame_is_sampled_apart_from_the_latent(make_model, game):
    model = make_model()
    stacks, actions, is_first = game
    start = model.observe(stacks, actions, is_first, sample=False).states[:, -1]
    state, prediction, _ = model.imagine_step(start, actions[:, 0], draw=lambda seen: seen.mode())
    assert torch.equal(state.stack, prediction.mode())
    state, prediction, prior = model.imagine_step(start, actions[:, 0], sample=False, draw=lambda seen: seen.sample())
    assert torch.equal(state.stoch, model.rssm.draw(prior, False))
    assert not torch.equal(state.stack, prediction.mode())


def test_imagine_needs_to_know_how_far(make_model, game):
    model = make_model()
    stacks, actions, is_first = game
    start = model.observe(stacks, actions, is_first).states[:, -1]
    with pytest.raises(ValueError, match="a policy needs a horizon"):
        model.imagine(start, lambda state: torch.zeros(2, dtype=torch.long))
    with pytest.raises(ValueError, match="horizon 5 does not fit 6 given actions"):
        model.imagine(start, actions[:, :6], 5)
    assert model.imagine(start, actions[:, :6], 6).states.shape == (2, 6)


SHIFTS = [(0, 1), (1, 0), (7, 7), (13, 2), (21, 0), (0, 21), (21, 21)]


@pytest.mark.parametrize("sample", [False, True])
@torch.no_grad()
def test_predictions_do_not_depend_on_the_absolute_scores(any_model, game, sample):
    stacks, actions, is_first = game

    def run(enemy, player):
        shift = torch.zeros(F.NUM_FEATURES, F.STACK_SIZE)
        shift[F.ENEMY_SCORE], shift[F.PLAYER_SCORE] = enemy, player
        torch.manual_seed(3)
        seen = any_model.observe(stacks + shift, actions, is_first, sample=sample).states
        features = any_model.features(seen)
        imagined = any_model.imagine(seen[:, 20], actions[:, 20 : 20 + STEPS], sample=sample)
        means = torch.stack([p.mean() for p in imagined.predictions], 1)
        modes = torch.stack([p.mode() for p in imagined.predictions], 1)
        unshifted = [decoded - shift for decoded in (imagined.states.stack, means, modes)]
        latents = [imagined.states.deter, imagined.states.stoch, imagined.prior]
        heads = [any_model.reward(features), any_model.continuation(features)]
        return [*latents, features, any_model.features(imagined.states), *heads], unshifted

    same, frames = run(0, 0)
    for shift in SHIFTS:
        again, unshifted = run(*shift)
        assert all(torch.equal(a, b) for a, b in zip(same, again, strict=True))
        for a, b in zip(frames, unshifted, strict=True):
            others = [i for i in range(F.NUM_FEATURES) if i not in (F.ENEMY_SCORE, F.PLAYER_SCORE)]
            assert torch.equal(a[..., others, :], b[..., others, :])
            assert torch.allclose(a, b, atol=2e-5, rtol=0)  # the scores: but for rounding


@torch.no_grad()
def test_features_are_what_their_parts_join_to(any_model, game):
    stacks, actions, is_first = game
    states = any_model.observe(stacks, actions, is_first).states
    config = any_model.config
    features = any_model.features(states)
    assert features.shape == (2, 30, config.deter + config.stoch * config.classes + config.hidden)
    joined = any_model.join_features(states.deter, states.stoch, any_model.encoder(states.stack))
    assert torch.equal(features, joined)


@torch.no_grad()
def test_reward_is_the_mean_of_the_bins(make_model):
    model = make_model()
    values = symexp(model.reward_bins)
    assert values[0] < -1 < 1 < values[-1]
    output = model.reward_head.layers[-1]
    features = torch.randn(4, model.reward_head.layers[0].in_features)
    output.weight.zero_()
    output.bias.zero_()
    assert model.reward(features).tolist() == pytest.approx([0.0] * 4, abs=1e-6)
    # all the weight on the two bins around a point
    high = int(torch.searchsorted(values, 1.0))
    share = ((1.0 - values[high - 1]) / (values[high] - values[high - 1])).item()
    output.bias.fill_(-1e4)
    output.bias[high - 1], output.bias[high] = np.log(1 - share), np.log(share)
    assert model.reward(features).tolist() == pytest.approx([1.0] * 4, rel=1e-5)
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert model.reward_loss(features, torch.ones(4)).tolist() == pytest.approx([entropy] * 4, rel=1e-4)


@torch.no_grad()
def test_continue_head_by_hand(make_model):
    model = make_model()
    output = model.continue_head.layers[-1]
    output.weight.zero_()
    output.bias.fill_(np.log(3.0))
    features = torch.randn(2, model.continue_head.layers[0].in_features)
    assert model.continuation(features).tolist() == pytest.approx([0.75] * 2)
    loss = model.continue_loss(features, torch.tensor([1.0, 0.0]))
    assert loss.tolist() == pytest.approx([-np.log(0.75), -np.log(0.25)])
