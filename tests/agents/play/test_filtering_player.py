import numpy as np
import pytest
import torch

from agents.learning.inputs import agent_inputs
from agents.play.filtering_player import Player
from rssm.data.frames import stack_episode
from rssm.model.state import State

STEPS = 12


@pytest.fixture
def game(pong_data):
    """Stacks (L, 56) and actions (L,) of a real game."""
    episode = pong_data.episode(3)
    return stack_episode(np.array(episode.features)), episode.action.astype(np.int64)


def follow(player, actions):
    """Have the policy take these actions (B,), one call after the other."""
    queue = iter(actions)
    player.policy = lambda state: torch.from_numpy(next(queue))


@pytest.mark.parametrize("variant", [("decoupled", "residual"), ("coupled", "residual"), ("coupled", "direct")])
def test_step_by_step_it_remembers_what_filtering_the_whole_game_gives(make_model, game, variant):
    model = make_model(*variant, likelihood="huber")
    stacks, actions = game
    places = (0, 300)  # a game from its start, and another that is joined in its middle
    player = Player(model, lambda state: state, games=2, device="cpu", sample=False)
    follow(player, [np.array([actions[p + t] for p in places]) for t in range(STEPS)])
    seen = []
    for t in range(STEPS):
        shown = np.stack([stacks[p + t] for p in places])
        state = player.look(shown, np.array([t == 0, False]))
        seen.append(state)
        assert player.choose(state).tolist() == [actions[p + t] for p in places]
    states = State.join(seen, 1)
    rows = [slice(p, p + STEPS) for p in places]
    with torch.no_grad():
        whole = model.observe(
            torch.from_numpy(np.stack([stacks[r] for r in rows])),
            torch.from_numpy(np.stack([actions[r] for r in rows])),
            torch.tensor([True, False]),
            sample=False,
        )
    torch.testing.assert_close(states.deter, whole.states.deter)
    torch.testing.assert_close(states.stoch, whole.states.stoch)
    assert torch.equal(states.stack, whole.states.stack)
    torch.testing.assert_close(player.deter, whole.next_deter)


def test_a_new_game_forgets_the_one_before_and_leaves_the_others_alone(make_model, game):
    stacks, _ = game
    player = Player(make_model(), lambda state: torch.zeros(2, dtype=torch.int64), games=2, device="cpu")
    for t in range(3):
        player.act(stacks[[t, t]], np.array([t == 0, t == 0]))
    state = player.look(stacks[[0, 3]], np.array([True, False]))
    fresh = player.model.rssm.initial(torch.ones(1, dtype=torch.bool))
    assert torch.equal(state.deter[:1], fresh)
    assert not torch.equal(state.deter[1:], fresh)


def test_games_that_are_kept_go_on_as_before(make_model, game):
    stacks, _ = game

    def play(kept):
        player = Player(
            make_model(), lambda state: torch.zeros(state.shape, dtype=torch.int64), games=3, device="cpu", sample=False
        )
        player.act(stacks[[0, 100, 200]], np.zeros(3, np.bool_))
        player.keep(np.array(kept))
        return player.look(stacks[[0, 100, 200]][kept], np.zeros(len(kept), np.bool_)).deter

    torch.testing.assert_close(play([0, 1, 2])[[2, 0]], play([2, 0]))


def test_latents_are_modes_or_samples(make_model, game):
    model, (stacks, _) = make_model(), game
    batch, begun = np.repeat(stacks[:1], 64, axis=0), np.ones(64, np.bool_)

    def latents(sample):
        torch.manual_seed(0)
        return Player(model, lambda state: state, games=64, device="cpu", sample=sample).look(batch, begun).stoch

    assert len(latents(False).unique(dim=0)) == 1
    assert len(latents(True).unique(dim=0)) > 1


def test_a_stack_is_looked_at_once_for_the_filter_and_for_the_policy(make_model, make_agent, game):
    model, agent, (stacks, _), rows = make_model(), make_agent(), game, []
    model.encoder.network.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    player = Player(model, agent.policy(model, greedy=True), games=2, device="cpu", sample=False)
    state = player.look(stacks[[0, 3]], np.array([True, False]))
    chosen = player.choose(state)
    assert rows == [2]
    alone = State(state.deter, state.stoch, state.stack)
    assert torch.allclose(state.inputs, agent_inputs(model, alone), atol=1e-6)
    assert chosen.tolist() == agent.policy(model, greedy=True)(alone).tolist()


def test_nothing_learns_from_play(make_model, game):
    stacks, _ = game
    player = Player(make_model(), lambda state: torch.zeros(1, dtype=torch.int64), games=1, device="cpu")
    assert not player.look(stacks[:1], np.array([True])).stoch.requires_grad
    player.act(stacks[:1], np.array([True]))
    assert not player.deter.requires_grad
