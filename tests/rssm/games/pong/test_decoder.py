import numpy as np
import pytest
import torch

from rssm.config import ModelConfig
from rssm.data.frames import stack_episode
from rssm.games.pong import features as F
from rssm.games.pong.decoder import BALL, FIRST, make_decoder
from rssm.games.pong.game import PONG
from rssm.games.pong.statistics import SCORES
from rssm.model.likelihoods import ChangePrediction, DirectPrediction, DiscretePrediction

KINDS = [
    ("residual", "discrete", DiscretePrediction, None),
    ("residual", "huber", ChangePrediction, 0.3),
    ("residual", "mse", ChangePrediction, None),
    ("direct", "huber", DirectPrediction, 0.3),
    ("direct", "mse", DirectPrediction, None),
]


@pytest.fixture
def parts(pong_data, tiny_sizes):
    """Latent and embedding (7, 3, …), stacks (7, 3, 14, 4) of a real game, actions (7, 3)."""
    torch.manual_seed(0)
    stacks = torch.from_numpy(stack_episode(np.array(pong_data.episode(3).features)))[100:121].unflatten(0, (7, 3))
    latent = tiny_sizes["deter"] + tiny_sizes["stoch"] * tiny_sizes["classes"]
    return (
        torch.randn(7, 3, latent),
        torch.randn(7, 3, tiny_sizes["hidden"]),
        stacks,
        torch.randint(F.NUM_ACTIONS, (7, 3)),
    )


def _decoder(tiny_sizes, statistics, decoder, likelihood, huber_beta=0.3):
    torch.manual_seed(1)
    made = make_decoder(
        ModelConfig(decoder=decoder, likelihood=likelihood, **tiny_sizes), PONG.layout, statistics, huber_beta
    )
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return made


@pytest.mark.parametrize(("decoder", "likelihood", "kind", "beta"), KINDS)
def test_each_kind_predicts_with_its_likelihood(tiny_sizes, pong_statistics, parts, decoder, likelihood, kind, beta):
    prediction = _decoder(tiny_sizes, pong_statistics, decoder, likelihood)(*parts)
    assert type(prediction) is kind
    assert getattr(prediction, "beta", None) == beta
    for stack in (prediction.mode(), prediction.mean(), prediction.sample()):
        assert stack.shape == parts[2].shape
        assert torch.isfinite(stack).all()
    assert prediction.loss(parts[2]).shape == (7, 3)
    assert (prediction.loss(parts[2]) > 0).all()


@pytest.mark.parametrize("likelihood", ["discrete", "huber"])
def test_the_residual_decoder_copies_42_values(tiny_sizes, pong_statistics, parts, likelihood):
    prediction = _decoder(tiny_sizes, pong_statistics, "residual", likelihood)(*parts)
    before = parts[2]
    for after in (prediction.mode(), prediction.mean(), prediction.sample()):
        assert torch.equal(after[..., :-1], before[..., 1:])
        assert not torch.equal(after[..., -1], before[..., -1])
    assert before[..., 1:].flatten(-2).shape[-1] == 42


def test_an_untrained_residual_point_prediction_is_persistence(tiny_sizes, pong_statistics, parts):
    config = ModelConfig(decoder="residual", likelihood="huber", **tiny_sizes)
    frame = make_decoder(config, PONG.layout, pong_statistics, 0.1)(*parts).mode()[..., -1]
    before = parts[2][..., -1]
    still = [i for i in range(F.NUM_FEATURES) if i not in (F.ENEMY_SCORE, F.PLAYER_SCORE)]
    assert torch.equal(frame[..., still], before[..., still])


@pytest.mark.parametrize(("decoder", "likelihood"), [kind[:2] for kind in KINDS])
def test_what_a_decoder_reads(tiny_sizes, pong_statistics, parts, decoder, likelihood):
    made = _decoder(tiny_sizes, pong_statistics, decoder, likelihood)
    latent, embedding, stacks, action = parts
    target = stacks + 1.0
    before = made(latent, embedding, stacks, action).loss(target)
    other = (action + 1) % F.NUM_ACTIONS
    assert not torch.equal(made(latent + 0.1, embedding, stacks, action).loss(target), before)
    assert torch.equal(made(latent, embedding + 0.1, stacks, action).loss(target), before) == (decoder == "direct")
    assert torch.equal(made(latent, embedding, stacks, other).loss(target), before) == (decoder == "direct")
    assert made.reads_stack == (decoder == "residual")


def test_a_decoder_s_statistics_are_not_part_of_its_weights(tiny_sizes, pong_statistics):
    for decoder, likelihood, *_ in KINDS:
        made = _decoder(tiny_sizes, pong_statistics, decoder, likelihood)
        assert set(made.state_dict()) == {name for name, _ in made.named_parameters()}


def test_every_feature_but_the_scores_is_decoded_once():
    assert sorted([*FIRST, *BALL, *SCORES]) == list(range(F.NUM_FEATURES))


def test_the_ball_is_decoded_given_the_paddles_and_they_are_not_given_the_ball(tiny_sizes, pong_statistics, parts):
    first = [part[:1, 0] for part in parts]
    stacks = first[2]
    prediction = _decoder(tiny_sizes, pong_statistics, "residual", "discrete")(*first)

    def loss(**changes):
        target = stacks.clone()
        for name, change in changes.items():
            target[..., F.FEATURE_NAMES.index(name), -1] += change
        return prediction.loss(target).item()

    # were they independent, the two changes' costs would add up
    ahead = "player_y" if stacks[0, F.BALL_X, -1] > stacks[0, F.BALL_X, -2] else "enemy_y"
    behind = "enemy_y" if ahead == "player_y" else "player_y"
    for paddle, ball, together in ((ahead, "ball_y", True), (ahead, behind, False)):
        both = loss(**{paddle: 2.0, ball: 3.0}) - loss(**{ball: 3.0})
        alone = loss(**{paddle: 2.0}) - loss()
        assert (both == pytest.approx(alone, abs=1e-4)) != together
