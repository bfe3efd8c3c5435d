import copy
import dataclasses

import numpy as np
import pytest
import torch

from rssm.config import HORIZON, LossConfig
from rssm.data.chunks import Chunk, ChunkSampler, Rows
from rssm.model import losses as losses_module
from rssm.model.losses import SCALES, Losses, balanced_kl, chunk_losses, open_loop_loss

PARTS = ("encoder", "decoder", "prior_network", "posterior_network", "gru", "start", "reward_head", "continue_head")


def _log(probs):
    """Log-probabilities (1, T, 1, C) of T steps with one latent."""
    return torch.tensor(probs).log()[None, :, None].requires_grad_()


class TestBalancedKL:
    def test_both_terms_are_the_same_number(self):
        posterior, prior = _log([[0.5, 0.5]]), _log([[0.25, 0.75]])
        terms = balanced_kl(posterior, prior, 0.0)
        expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
        assert [term.item() for term in terms] == pytest.approx([expected] * 2, abs=1e-6)

    def test_dynamics_trains_the_prior_alone_and_representation_the_posterior_alone(self):
        posterior, prior = _log([[0.5, 0.5]]), _log([[0.25, 0.75]])
        dynamics, representation = balanced_kl(posterior, prior, 0.0)
        to_posterior, to_prior = torch.autograd.grad(dynamics.sum(), (posterior, prior), allow_unused=True)
        assert to_posterior is None
        assert to_prior.tolist() == [[[[-0.5, -0.5]]]]  # d/dlog q of -sum p log q
        to_posterior, to_prior = torch.autograd.grad(representation.sum(), (posterior, prior), allow_unused=True)
        assert to_prior is None
        # d/dlog p of sum p (log p - log q) = p (log p - log q + 1)
        expected = [0.5 * (np.log(2) + 1), 0.5 * (np.log(2 / 3) + 1)]
        assert to_posterior.flatten().tolist() == pytest.approx(expected, abs=1e-6)

    def test_free_nats_hold_for_each_step_not_for_the_batch(self):
        # KL(p || q) of 0.02 and of 0.83 nats; their mean is below half a nat
        posterior = _log([[0.5, 0.5], [0.95, 0.05]])
        prior = _log([[0.4, 0.6], [0.35, 0.65]])
        plain, _ = balanced_kl(posterior, prior, 0.0)
        assert plain[0, 0] < 0.5 < plain[0, 1]
        assert plain.mean() < 0.5
        for term, argument in zip(balanced_kl(posterior, prior, 0.5), (prior, posterior), strict=True):
            assert term[0].tolist() == pytest.approx([0.5, plain[0, 1].item()])
            (gradient,) = torch.autograd.grad(term.mean(), argument)
            assert not gradient[0, 0].any()
            assert gradient[0, 1].all()

    def test_free_nats_are_of_all_latents_together(self):
        # two latents of 0.02 nats each are clipped at 0.03 together, not one by one
        posterior = torch.tensor([[0.5, 0.5]]).log().expand(1, 1, 2, 2)
        prior = torch.tensor([[0.4, 0.6]]).log().expand(1, 1, 2, 2)
        plain = balanced_kl(posterior, prior, 0.0)[0].item()
        assert 0.03 < plain < 0.06
        assert balanced_kl(posterior, prior, 0.03)[0].item() == plain


def _touched(model, loss):
    """The parts of the model that a loss has a gradient for."""
    model.zero_grad(set_to_none=True)
    loss.backward(retain_graph=True)
    parts = {"encoder": model.encoder, "decoder": model.decoder}
    parts |= {"reward_head": model.reward_head, "continue_head": model.continue_head}
    parts |= {name: getattr(model.rssm, name) for name in ("prior_network", "posterior_network", "gru")}
    parameters = {name: list(part.parameters()) for name, part in parts.items()} | {"start": [model.rssm.start]}
    return {
        name for name in PARTS if any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in parameters[name])
    }


RECURRENCE = {"encoder", "posterior_network", "gru", "start"}
TOUCHED = {
    "reconstruction": RECURRENCE | {"decoder"},
    "dynamics": RECURRENCE | {"prior_network"},
    "representation": {"encoder", "posterior_network"},
    "reward": RECURRENCE | {"reward_head"},
    "continue": RECURRENCE | {"continue_head", "prior_network"},  # what is imagined too
    "open_loop": RECURRENCE | {"prior_network", "decoder"},
}


class TestGradients:
    @pytest.mark.parametrize("term", list(SCALES))
    @pytest.mark.parametrize("posterior", ["decoupled", "coupled"])
    def test_each_term_trains_these_parts_and_no_other(self, make_model, chunk, posterior, term):
        model = make_model(posterior)
        torch.manual_seed(0)
        loss = chunk_losses(model, chunk, LossConfig()).means()[term]
        expected = TOUCHED[term]
        if posterior == "coupled" and term == "representation":
            expected = RECURRENCE  # q(z | h, x) reads the recurrence
        assert _touched(model, loss) == expected

    def test_dynamics_reaches_the_posterior_through_the_latents_only(self, make_model, chunk, monkeypatch):
        model = make_model()
        monkeypatch.setattr(model.rssm, "draw", lambda log_probs, sample: log_probs.exp().detach())
        means = chunk_losses(model, chunk, LossConfig()).means()
        assert _touched(model, means["dynamics"]) == TOUCHED["dynamics"] - {"posterior_network"}
        assert "posterior_network" in _touched(model, means["representation"])

    def test_below_the_free_nats_neither_kl_term_trains_anything(self, make_model, chunk):
        model = make_model()
        means = chunk_losses(model, chunk, LossConfig(free_nats=1e3)).means()
        for term in ("dynamics", "representation"):
            assert means[term].item() == 1e3
            assert _touched(model, means[term]) == set()


class TestChunkLosses:
    def test_every_term_is_an_array_over_batch_and_time(self, any_model, chunk):
        found = chunk_losses(any_model, chunk, LossConfig())
        assert found.terms.keys() == found.masks.keys() == SCALES.keys()
        for name, term in found.terms.items():
            assert term.shape == found.masks[name].shape
            if name != "open_loop":
                assert term.shape == (4, 3 if name == "continue" else 12)
            assert torch.isfinite(term).all()
        assert set(SCALES.values()) <= {field.name for field in dataclasses.fields(LossConfig)}

    @torch.no_grad()
    def test_terms_by_hand(self, any_model, chunk):
        """Filter step by step; what is predicted at step t is the observation after transition t."""
        model = any_model
        torch.manual_seed(0)
        terms = chunk_losses(model, chunk, LossConfig(open_loop=0.0)).terms
        torch.manual_seed(0)
        seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
        for t in range(11):
            after = seen.states[:, t + 1]
            prior = model.rssm.prior(after.deter)
            kl = (seen.posterior[:, t + 1].exp() * (seen.posterior[:, t + 1] - prior)).sum((-1, -2))
            prediction = model.predict(
                after.deter, after.stoch, seen.embedding[:, t], chunk.stacks[:, t], chunk.actions[:, t]
            )
            features = model.features(after)
            expected = {
                "reconstruction": prediction.loss(chunk.stacks[:, t + 1]),
                "dynamics": kl,
                "representation": kl,
                "reward": model.reward_loss(features, chunk.rewards[:, t]),
            }
            assert terms.keys() == expected.keys() | {"continue"}
            for name, value in expected.items():
                assert torch.allclose(terms[name][:, t], value, rtol=1e-4, atol=1e-4), name

    @torch.no_grad()
    def test_the_continue_head_reads_what_is_imagined(self, any_model, chunk, monkeypatch):
        model = any_model
        draw = model.rssm.draw
        monkeypatch.setattr(model.rssm, "draw", lambda log_probs, sample: draw(log_probs, False))
        steps = torch.tensor([[0, 3], [6, 1], [2, 2], [10, 4]])
        monkeypatch.setattr(losses_module, "integers", lambda high, shape, device: steps if high == 11 else None)
        found = chunk_losses(model, chunk, LossConfig(open_loop=0.0))
        seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
        for b in range(4):
            for column, (step, weight) in enumerate(zip([*steps[b].tolist(), 11], (5.5, 5.5, 1.0), strict=True)):
                row = slice(b, b + 1)
                behind, _, _ = model.imagine_step(seen.states[row, step], chunk.actions[row, step], sample=False)
                loss = model.continue_loss(model.features(behind), 1 - chunk.terminated[row, step])
                assert found.terms["continue"][b, column].item() == pytest.approx(weight * loss.item(), rel=1e-3)

    def test_what_does_not_exist_counts_for_the_heads_alone(self, make_model, pong_data):
        model = make_model()
        rows = pong_data.episodes[3]
        chunk = ChunkSampler(pong_data, 3, 12, 0, episodes=[slice(rows.stop - 12, rows.stop)]).batch(0)
        assert chunk.terminated[:, -1].all()
        found = chunk_losses(model, chunk, LossConfig())
        for name in ("reconstruction", "dynamics", "representation"):
            assert found.masks[name].tolist() == [[1.0] * 11 + [0.0]] * 3
            assert not found.terms[name][:, -1].any()
        for name in ("reward", "continue"):
            assert found.masks[name].all()
            assert (found.terms[name][:, -1] > 0).all()
        # whatever stands in the rows that were never recorded changes nothing
        torch.manual_seed(0)
        before = chunk_losses(model, chunk, LossConfig()).means()
        stacks = chunk.stacks.clone()
        stacks[:, -1] = torch.randn(14, 4) * 50
        torch.manual_seed(0)
        after = chunk_losses(model, dataclasses.replace(chunk, stacks=stacks), LossConfig()).means()
        assert {name: mean.item() for name, mean in before.items()} == {n: m.item() for n, m in after.items()}

    def test_the_end_of_a_game_reads_what_would_be_imagined_there(self, make_model, pong_data):
        model = make_model()
        rows = pong_data.episodes[3]
        chunk = ChunkSampler(pong_data, 3, 12, 0, episodes=[slice(rows.stop - 12, rows.stop)]).batch(0)
        one = chunk_losses(model, chunk, LossConfig()).means()["continue"]
        assert "prior_network" in _touched(model, one)

    def test_imagined_steps_stand_for_all_steps_of_a_chunk(self, make_model, chunk):
        model = make_model()
        with torch.no_grad():
            for parameter in model.continue_head.parameters():
                parameter.zero_()  # says one half everywhere: log 2 an entry
        for count in (1, 3):
            found = chunk_losses(model, chunk, LossConfig(continue_steps=count))
            weights = found.masks["continue"]
            assert weights.tolist() == [pytest.approx([11 / count] * count + [1.0])] * 4
            assert torch.allclose(found.terms["continue"], weights * np.log(2))

    def test_an_end_is_as_likely_as_it_is_often(self, make_model, chunk):
        """Nothing moves, and one chunk in two ends, sooner or later: an end looks like any other step."""
        model = make_model()
        still = chunk.stacks[:1, :1].expand(4, 13, -1, -1).contiguous()
        chunk = dataclasses.replace(chunk, stacks=still, actions=torch.zeros_like(chunk.actions))
        optimizer = torch.optim.Adam(model.continue_head.parameters(), 0.01)
        ends = steps = 0
        for update in range(150):
            stop = torch.tensor([[update % 12], [(5 * update + 3) % 12], [99], [99]])  # where each chunk ends
            at = torch.arange(12)
            over, exists = (at == stop).float(), (at < stop).float()
            ends, steps = ends + over.sum(), steps + (at <= stop).sum()
            one = dataclasses.replace(chunk, terminated=(at >= stop).float(), next_exists=exists)
            optimizer.zero_grad()
            chunk_losses(model, one, LossConfig(open_loop=0.0)).means()["continue"].backward()
            optimizer.step()
        with torch.no_grad():
            for length in (2, 7, 12):  # whatever was seen before
                state = model.observe(still[:, :length], chunk.actions[:, :length], chunk.is_first).states[:, -1]
                behind = [model.imagine_step(state, chunk.actions[:, -1])[0] for _ in range(10)]
                said = torch.cat([1.0 - model.continuation(model.features(state)) for state in behind]).mean()
                assert said == pytest.approx((ends / steps).item(), rel=0.5)

    @torch.no_grad()
    def test_what_is_beyond_an_end_counts_for_nothing(self, make_model, pong_data, monkeypatch):
        """A chunk that reaches beyond its game has the losses of one that is as long as what is left of it."""
        model = make_model()
        draw = model.rssm.draw
        monkeypatch.setattr(model.rssm, "draw", lambda log_probs, sample: draw(log_probs, False))
        rows = Rows.of(pong_data)
        game = pong_data.episodes[3]
        start, first, stop = (torch.tensor([row]) for row in (game.stop - 7, game.start, game.stop))
        monkeypatch.setattr(losses_module, "integers", lambda high, shape, device: torch.tensor([[1, high - 1]]))
        config = LossConfig(open_loop=0.0)
        exact, beyond = (chunk_losses(model, rows.cut(start, first, stop, n, 4), config) for n in (7, 12))
        assert beyond.masks["continue"].tolist() == [[5.5, 0.0, 1.0]]  # the second lies behind the end
        assert exact.masks["continue"].tolist() == [[3.0, 3.0, 1.0]]
        one, other = (found.terms["continue"] / found.masks["continue"] for found in (exact, beyond))
        assert torch.allclose(one[:, ::2], other[:, ::2], rtol=1e-4)
        for name in exact.terms.keys() - {"continue"}:
            term = exact.terms[name]
            assert torch.allclose(beyond.terms[name][:, :7], term, rtol=1e-4, atol=1e-4), name
            assert beyond.masks[name][:, :7].tolist() == exact.masks[name].tolist()
            assert not beyond.terms[name][:, 7:].any()
            assert not beyond.masks[name][:, 7:].any()

    def test_imagined_steps_at_or_behind_an_end_have_no_weight(self, make_model, pong_data):
        game = pong_data.episodes[3]
        start, first, stop = (torch.tensor([row] * 3) for row in (game.stop - 2, game.start, game.stop))
        chunk = Rows.of(pong_data).cut(start, first, stop, 12, 4)
        weights = chunk_losses(make_model(), chunk, LossConfig(continue_steps=40)).masks["continue"][:, :-1]
        assert sorted(weights.unique().tolist()) == pytest.approx([0.0, 11 / 40])
        assert weights.sum(1).mean() == pytest.approx(1.0, abs=0.7)  # of eleven steps one goes on

    def test_a_switched_off_open_loop_term_is_not_computed(self, make_model, chunk, monkeypatch):
        monkeypatch.setattr(losses_module, "open_loop_loss", lambda *_: pytest.fail("computed"))
        assert "open_loop" not in chunk_losses(make_model(), chunk, LossConfig(open_loop=0.0)).terms


class TestOpenLoop:
    def test_its_length_is_a_setting(self, make_model, chunk):
        config = LossConfig(open_loop_starts=2, open_loop_steps=9)
        found = chunk_losses(make_model(), chunk, config)
        assert found.terms["open_loop"].shape == found.masks["open_loop"].shape == (4, 2 * 9)
        found.total(config).backward()

    @torch.no_grad()
    def test_equals_imagining_by_hand(self, make_model, chunk, monkeypatch):
        model = make_model()
        # a latent that is always the likeliest, and known starts
        draw = model.rssm.draw
        monkeypatch.setattr(model.rssm, "draw", lambda log_probs, sample: draw(log_probs, False))
        starts = torch.tensor([[0, 3], [6, 1], [2, 2], [5, 4]])
        monkeypatch.setattr(torch, "randint", lambda high, size, device=None: starts if high == 7 else None)
        seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
        loss, mask = open_loop_loss(model, seen, chunk, 2)
        assert loss.shape == mask.shape == (4, 2 * HORIZON)
        assert mask.all()
        for b in range(4):
            for s, start in enumerate(starts[b].tolist()):
                state = seen.states[b : b + 1, start]
                for k in range(HORIZON):
                    action = chunk.actions[b : b + 1, start + k]
                    state, prediction, _ = model.imagine_step(state, action, sample=False)
                    expected = prediction.loss(chunk.stacks[b : b + 1, start + k + 1])
                    assert loss[b, s * HORIZON + k].item() == pytest.approx(expected.item(), rel=1e-3)

    def test_its_gradient_is_that_of_six_imagined_steps(self, any_model, chunk, monkeypatch):
        """Scored in one call after the last step, it teaches what each step's own score would."""
        model = any_model
        draw = model.rssm.draw
        monkeypatch.setattr(model.rssm, "draw", lambda log_probs, sample: draw(log_probs, False))
        starts = torch.tensor([[0, 3], [6, 1], [2, 2], [5, 4]])
        monkeypatch.setattr(losses_module, "integers", lambda high, shape, device: starts)

        def gradients(score):
            model.zero_grad(set_to_none=True)
            seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
            score(seen).sum().backward()
            return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

        def by_hand(seen):
            rows = torch.arange(4).unsqueeze(1)
            steps = starts.unsqueeze(-1) + torch.arange(HORIZON)
            actions, targets = chunk.actions[rows.unsqueeze(-1), steps], chunk.stacks[rows.unsqueeze(-1), steps + 1]
            state = seen.states[rows, starts].map(lambda part: part.flatten(0, 1))
            imagined = model.imagine(state, actions.flatten(0, 1), draw=lambda prediction: prediction.mode())
            return torch.stack([p.loss(targets.flatten(0, 1)[:, k]) for k, p in enumerate(imagined.predictions)])

        own = gradients(lambda seen: open_loop_loss(model, seen, chunk, 2)[0])
        expected = gradients(by_hand)
        assert own.keys() == expected.keys()
        for name, gradient in expected.items():
            assert torch.allclose(own[name], gradient, rtol=1e-3, atol=1e-4 * gradient.abs().max().item()), name

    def test_steps_behind_the_end_are_masked(self, make_model, pong_data):
        model = make_model()
        rows = pong_data.episodes[3]
        chunk = ChunkSampler(pong_data, 3, 7, 0, episodes=[slice(rows.stop - 7, rows.stop)]).batch(0)
        seen = model.observe(chunk.stacks[:, :-1], chunk.actions, chunk.is_first)
        torch.manual_seed(0)
        loss, mask = open_loop_loss(model, seen, chunk, 20)
        late = mask.view(3, 20, HORIZON)
        assert late[..., :-1].all()  # of seven transitions only the last leads behind the end
        assert {0.0, 1.0} == set(late[..., -1].flatten().tolist())
        assert not loss[mask == 0].any()
        assert loss[mask == 1].all()


def test_nothing_waits_for_a_number(make_model):
    """No branch and no size depends on the data, as an accelerator's graphs need it: it runs without any data."""
    shapes = {"stacks": (2, 9, 14, 4)} | dict.fromkeys(("actions", "rewards", "terminated", "next_exists"), (2, 8))
    parts = {name: torch.zeros(shape) for name, shape in shapes.items()} | {
        "is_first": torch.zeros(2, dtype=torch.bool)
    }
    chunk = Chunk(**parts | {"actions": parts["actions"].long()}).to(torch.device("meta"))
    model = copy.deepcopy(make_model()).to("meta")
    chunk_losses(model, chunk, LossConfig()).total(LossConfig()).backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())


def test_means_are_over_what_counts_and_the_total_is_scaled():
    ones = torch.ones(2, 2)
    masks = {name: ones.clone() for name in SCALES}
    masks["reconstruction"][0, 0] = 0
    masks["open_loop"][:] = 0
    values = dict(zip(SCALES, (3.0, 2.0, 5.0, 7.0, 11.0, 13.0), strict=True))
    found = Losses({name: value * masks[name] for name, value in values.items()}, masks)
    means = {name: mean.item() for name, mean in found.means().items()}
    assert means == values | {"open_loop": 0.0}
    config = LossConfig(
        reconstruction=1.0, dynamics=0.5, representation=0.25, reward=2.0, continuation=3.0, open_loop=4.0
    )
    assert found.total(config).item() == pytest.approx(3 + 1 + 1.25 + 14 + 33)
