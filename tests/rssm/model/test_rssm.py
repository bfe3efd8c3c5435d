import pytest
import torch

from rssm.config import ModelConfig
from rssm.games.pong.features import NUM_ACTIONS
from rssm.model.rssm import RSSM


def _rssm(sizes, posterior="decoupled", reads_stack=True, unimix=0.01):
    torch.manual_seed(0)
    rssm = RSSM(ModelConfig(posterior=posterior, unimix=unimix, **sizes), NUM_ACTIONS, reads_stack)
    with torch.no_grad():
        for parameter in rssm.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return rssm


@pytest.fixture
def sequence(tiny_sizes):
    """Embedding (3, 10, H), action (3, 10), is_first (3,)."""
    torch.manual_seed(1)
    return torch.randn(3, 10, tiny_sizes["hidden"]), torch.randint(NUM_ACTIONS, (3, 10)), torch.arange(3) == 1


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize("reads_stack", [False, True])
@pytest.mark.parametrize("posterior", ["decoupled", "coupled"])
def test_observe_equals_stepping_by_hand(tiny_sizes, sequence, posterior, reads_stack, sample):
    rssm = _rssm(tiny_sizes, posterior, reads_stack)
    embedding, action, is_first = sequence
    torch.manual_seed(2)
    deter, stoch, log_probs = rssm.observe(rssm.initial(is_first), embedding, action, sample)
    assert deter.shape == (3, 11, tiny_sizes["deter"])
    h = rssm.initial(is_first)
    for t in range(10):
        assert torch.allclose(deter[:, t], h, atol=1e-5)
        expected = rssm.posterior(h, embedding[:, t])
        assert torch.allclose(log_probs[:, t], expected, atol=1e-5)
        if not sample:
            assert torch.equal(stoch[:, t].argmax(-1), expected.argmax(-1))
        h = rssm.step(h, stoch[:, t], embedding[:, t], action[:, t])
    assert torch.allclose(deter[:, 10], h, atol=1e-5)


def test_the_decoupled_recurrence_runs_fused(tiny_sizes, sequence, monkeypatch):
    rssm = _rssm(tiny_sizes)
    embedding, action, is_first = sequence
    monkeypatch.setattr(RSSM, "step", lambda *_: pytest.fail("stepped"))
    assert rssm.observe(rssm.initial(is_first), embedding, action, True)[0].shape[:2] == (action.shape[0], 11)


@pytest.mark.parametrize("posterior", ["decoupled", "coupled"])
def test_a_posterior_reads_what_it_is_named_after(tiny_sizes, sequence, posterior):
    rssm = _rssm(tiny_sizes, posterior)
    embedding, _, is_first = sequence
    h, x = rssm.initial(is_first), embedding[:, 0]
    before = rssm.posterior(h, x)
    assert not torch.allclose(rssm.posterior(h, x + 0.5), before)
    assert torch.allclose(rssm.posterior(h + 0.5, x), before) == (posterior == "decoupled")


@pytest.mark.parametrize("reads_stack", [False, True])
def test_a_step_reads_the_latent_the_action_and_perhaps_the_frame(tiny_sizes, sequence, reads_stack):
    rssm = _rssm(tiny_sizes, reads_stack=reads_stack)
    embedding, _, is_first = sequence
    h, x, a = rssm.initial(is_first), embedding[:, 0], torch.zeros(3, dtype=torch.long)
    z = rssm.draw(rssm.prior(h), sample=True)
    before = rssm.step(h, z, x, a)
    assert not torch.allclose(rssm.step(h, z, x, a + 1), before)
    assert not torch.allclose(rssm.step(h, z.roll(1, -1), x, a), before)
    assert not torch.allclose(rssm.step(h + 0.1, z, x, a), before)
    assert torch.equal(rssm.step(h, z, x + 0.5, a), before) != reads_stack


def test_an_episode_s_start_differs_from_the_middle_of_a_game(tiny_sizes):
    rssm = _rssm(tiny_sizes)
    initial = rssm.initial(torch.tensor([True, False, True]))
    assert torch.equal(initial[0], initial[2])
    assert not torch.equal(initial[0], initial[1])
    assert initial.abs().max() < 1  # where a GRU's state lives


@pytest.mark.parametrize("unimix", [0.0, 0.01, 0.5])
def test_every_latent_has_its_share_of_the_uniform_mix(tiny_sizes, sequence, unimix):
    rssm = _rssm(tiny_sizes, unimix=unimix)
    with torch.no_grad():
        for head in (rssm.prior_network, rssm.posterior_network):
            head.layers[-1].weight.mul_(100.0)
    h, x = rssm.initial(sequence[2]), sequence[0][:, 0]
    least = unimix / tiny_sizes["classes"]
    for log_probs in (rssm.prior(h), rssm.posterior(None, x)):
        probs = log_probs.exp()
        assert probs.shape == (3, tiny_sizes["stoch"], tiny_sizes["classes"])
        assert torch.allclose(probs.sum(-1), torch.ones(()), atol=1e-5)
        assert probs.min() >= least * (1 - 1e-4)
        assert probs.min() < least + 0.01


def test_draw_samples_or_takes_the_mode(tiny_sizes):
    rssm = _rssm(tiny_sizes)
    log_probs = rssm.prior(torch.zeros(500, tiny_sizes["deter"]))
    assert len(rssm.draw(log_probs, sample=False).unique(dim=0)) == 1
    assert len(rssm.draw(log_probs, sample=True).unique(dim=0)) > 1


def test_update_gates_start_out_remembering_for_up_to_31_steps():
    torch.manual_seed(0)
    size = 4096
    rssm = RSSM(ModelConfig(deter=size, stoch=1, classes=2, hidden=1, head_hidden=1), NUM_ACTIONS, reads_stack=False)
    _, _, input_bias, hidden_bias = rssm.gru.all_weights[0]
    update_gate = slice(size, 2 * size)
    steps = input_bias[update_gate].exp() + 1.0  # a gate sigmoid(log(n - 1)) keeps 1 - 1/n of the state
    assert steps.min() >= 2.0
    assert steps.max() <= 31.0 + 1.0
    assert steps.median().item() == pytest.approx(17.0, abs=1.0)
    assert not hidden_bias[update_gate].any()
    others = torch.cat([input_bias[:size], input_bias[2 * size :]])
    assert others.abs().max() <= 1.0 / size**0.5  # as torch starts them
