"""Held against a reference that takes one feature and one outcome at a time."""

import dataclasses
import math
from collections import defaultdict

import numpy as np
import pytest
import torch

from rssm.data.frames import first_stack, stack_episode
from rssm.games.pong import features as F
from rssm.model.categoricals import Categoricals
from rssm.model.support import Support

HEADS = ((F.PLAYER_X, F.PLAYER_Y, F.ENEMY_X, F.ENEMY_Y, F.BALL_SPAWNED), (F.BALL_X_DIRECTION, F.BALL_X, F.BALL_Y))


def reference(statistics, output, stack, heads):
    """For each feature its outcomes as (value, probability), from one row of a network's output and one stack."""
    newest, before = stack[:, -1].tolist(), stack[:, -2].tolist()
    numbers, found = iter(output.tolist()), {}
    for head in heads:
        logits = {}
        for i in head:
            moves = statistics.moves[i]
            count = len(moves) + (len(moves) > 1) + len(statistics.landings[i])
            logits[i] = [next(numbers) for _ in range(count)]
        centres, precisions = ([next(numbers) for _ in head] for _ in range(2))
        for i, centre, precision in zip(head, centres, precisions, strict=True):
            moves, place = statistics.moves[i], newest[i]
            values = [place + move for move in moves]
            if len(moves) > 1:
                values.append(place + (place - before[i]))
            values += statistics.landings[i]
            for k, move in enumerate(moves):
                logits[i][k] -= 0.5 * math.exp(precision - 4.0) * (move - 8.0 * centre) ** 2
            odds = [math.exp(30.0 * math.tanh(logit / 30.0)) for logit in logits[i]]
            found[i] = [(value, o / sum(odds)) for value, o in zip(values, odds, strict=True)]
    return found


def reference_loss(outcomes, target):
    total = 0.0
    for i, pairs in outcomes.items():
        if len(pairs) == 1:
            continue
        distances = [abs(value - target[i]) for value, _ in pairs]
        least = min(distances)
        weights = [max(0.0, 1.0 - d) if least < 1.0 else float(d == least) for d in distances]
        total -= math.log(sum(w * p for w, (_, p) in zip(weights, pairs, strict=True)) + 1e-8)
    return total


def by_value(pairs):
    """Probabilities of values, in the order in which outcomes first lead to them."""
    summed = defaultdict(float)
    for value, p in pairs:
        summed[value] += p
    return dict(summed)


@pytest.fixture(scope="module")
def stacks(pong_data):
    """A stretch of a real game with a goal and a serve, (90, 14, 4)."""
    episode = pong_data.episode(3)
    goal = int(np.flatnonzero(episode.reward)[0])
    return torch.from_numpy(stack_episode(np.array(episode.features)))[goal - 50 : goal + 40].double()


@pytest.fixture(params=["fitted", "widened"])
def statistics(request, pong_statistics):
    return pong_statistics if request.param == "fitted" else pong_statistics.widened()


def random_output(support, rows):
    torch.manual_seed(0)
    return 2.0 * torch.randn(rows, support.outputs, dtype=torch.float64)


def decoded(categoricals, values):
    """Frames (..., 14) with the values that categoricals answer."""
    frame = categoricals.stack[..., -1]
    return frame.index_copy(-1, categoricals.support.features, values)


class TestAgainstTheReference:
    def test_loss(self, statistics, stacks):
        support = Support(statistics, *HEADS).double()
        output = random_output(support, len(stacks) - 1)
        target = stacks[1:, :, -1].clone()
        # values between whole pixels, and values that nothing reaches
        target[::3, F.BALL_Y] += 0.25
        target[1::5, F.PLAYER_Y] += 63.0
        target[2::7, F.BALL_X] -= 130.5
        target[3::9, F.BALL_X_DIRECTION] = 2.5
        losses = Categoricals(support, output, stacks[:-1]).loss(target)
        expected = [
            reference_loss(reference(statistics, o, s, HEADS), t.tolist())
            for o, s, t in zip(output, stacks[:-1], target, strict=True)
        ]
        assert losses.tolist() == pytest.approx(expected, rel=1e-9)

    def test_mode_and_mean(self, statistics, stacks):
        support = Support(statistics, *HEADS).double()
        categoricals = Categoricals(support, random_output(support, len(stacks)), stacks)
        modes, means = decoded(categoricals, categoricals.mode()), decoded(categoricals, categoricals.mean())
        for o, s, mode, mean in zip(categoricals.output, stacks, modes, means, strict=True):
            for i, pairs in reference(statistics, o, s, HEADS).items():
                values = by_value(pairs)
                assert mode[i] == max(values, key=values.get)
                assert mean[i].item() == pytest.approx(sum(v * p for v, p in pairs), rel=1e-9, abs=1e-9)

    def test_samples_and_their_surprise(self, statistics, stacks):
        torch.manual_seed(1)
        support = Support(statistics, *HEADS).double()
        categoricals = Categoricals(support, random_output(support, len(stacks)), stacks, min_p=0.2)
        values, surprise = categoricals.sample_with_loss()
        frames = decoded(categoricals, values)
        assert torch.allclose(surprise, categoricals.loss(frames), rtol=1e-9)
        for o, s, frame in zip(categoricals.output, stacks, frames, strict=True):
            for i, pairs in reference(statistics, o, s, HEADS).items():
                values = by_value(pairs)
                assert values[frame[i].item()] >= 0.2 * max(values.values())

    def test_the_gradient_is_that_of_finite_differences(self, statistics, stacks):
        support = Support(statistics, *HEADS).double()
        output = random_output(support, 3).requires_grad_()
        target = stacks[1:4, :, -1].clone()
        target[1, F.BALL_Y] += 0.25
        target[2, F.PLAYER_Y] += 63.0
        assert torch.autograd.gradcheck(
            lambda o: Categoricals(support, o, stacks[:3]).loss(target), output, fast_mode=True
        )


def one_feature(statistics, moves, landings, place, change, probabilities, min_p=0.0, rows=1):
    """Categoricals of ball_x alone at a place after a change, with these probabilities of its outcomes."""
    moves_of, landings_of = list(statistics.moves), list(statistics.landings)
    moves_of[F.BALL_X], landings_of[F.BALL_X] = moves, landings
    support = Support(
        dataclasses.replace(statistics, moves=tuple(moves_of), landings=tuple(landings_of)), [F.BALL_X]
    ).double()
    # 30 tanh(l / 30) and the bell undone
    odds = np.log(np.maximum(probabilities, 1e-10))
    logits = torch.from_numpy(30.0 * np.arctanh(odds / 30.0))
    bell = 0.5 * math.exp(-4.0) * torch.tensor(moves, dtype=torch.float64) ** 2
    logits[: len(moves)] += bell
    output = torch.cat([logits, torch.zeros(2, dtype=torch.float64)])
    stack = torch.from_numpy(first_stack(np.zeros(F.NUM_FEATURES, np.float32))).double()
    stack[F.BALL_X, -2:] = torch.tensor([place - change, place])
    return Categoricals(support, output.expand(rows, -1), stack.expand(rows, -1, -1), min_p)


def spread(monkeypatch, rows):
    """Have the draws of so many rows spread evenly over (0, 1)."""
    even = ((torch.arange(rows, dtype=torch.float64) + 0.5) / rows).view(-1, 1, 1)
    monkeypatch.setattr(torch, "rand_like", lambda like: even.expand_as(like))


FOUR = (-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0)


def outcomes(moves=None, on=0.0, landings=()):
    """Probabilities of -4 ... 4, of going on, and of landings."""
    return np.array([(moves or {}).get(move, 0.0) for move in FOUR] + [on, *landings])


#: at 20 pixels; the last change, the landings, the outcomes' probabilities, and what the values' are
TO_ONE_VALUE = {
    "going on is a move": (4.0, (), outcomes({-4.0: 0.4, 4.0: 0.3}, 0.3), {16: 0.4, 24: 0.6}),
    "a landing is a move": (-9.0, (18.0,), outcomes({1.0: 0.4, -2.0: 0.3}, 0.0, [0.3]), {21: 0.4, 18: 0.6}),
    "going on is a landing": (58.0, (66.0, 78.0), outcomes({0.0: 0.4}, 0.3, [0.0, 0.3]), {20: 0.4, 78: 0.6}),
    "all three": (2.0, (22.0,), outcomes({0.0: 0.4, 2.0: 0.2}, 0.25, [0.15]), {20: 0.4, 22: 0.6}),
    "none": (-9.0, (78.0,), outcomes({0.0: 0.2, 2.0: 0.4}, 0.25, [0.15]), {20: 0.2, 22: 0.4, 11: 0.25, 78: 0.15}),
}


@pytest.mark.parametrize(("change", "landings", "probabilities", "values"), TO_ONE_VALUE.values(), ids=TO_ONE_VALUE)
class TestOutcomesToOneValue:
    """What counts is what becomes of the feature, not on how many ways."""

    def test_the_mode_is_the_likeliest_value(self, pong_statistics, change, landings, probabilities, values):
        prediction = one_feature(pong_statistics, FOUR, landings, 20.0, change, probabilities)
        assert prediction.mode().item() == max(values, key=values.get)

    @pytest.mark.parametrize("min_p", [0.0, 0.45, 0.7, 1.0])
    def test_values_are_drawn_by_their_probability_among_those_likely_enough(
        self, pong_statistics, change, landings, probabilities, values, min_p, monkeypatch
    ):
        rows = 1000
        prediction = one_feature(pong_statistics, FOUR, landings, 20.0, change, probabilities, min_p, rows)
        spread(monkeypatch, rows)
        drawn, surprise = prediction.sample_with_loss()
        kept = {v: p for v, p in values.items() if p >= min_p * max(values.values()) - 1e-9}
        for value, p in values.items():
            share = (drawn == value).double().mean().item()
            assert share == pytest.approx(kept.get(value, 0.0) / sum(kept.values()), abs=2 / rows)
            if share:
                # the surprise is that of the uncut law
                assert surprise[(drawn == value).squeeze(-1)][0].item() == pytest.approx(-math.log(p), abs=1e-6)

    def test_the_loss_adds_them_up(self, pong_statistics, change, landings, probabilities, values):
        prediction = one_feature(pong_statistics, FOUR, landings, 20.0, change, probabilities)
        for value, p in values.items():
            target = torch.zeros(1, F.NUM_FEATURES, dtype=torch.float64)
            target[:, F.BALL_X] = value
            assert prediction.loss(target).item() == pytest.approx(-math.log(p), abs=1e-6)


def test_a_feature_that_only_jumps_has_one_move_and_landings(pong_statistics):
    """Without a second move there is no change to go on with."""
    prediction = one_feature(pong_statistics, (0.0,), (30.0, 50.0), 20.0, 7.0, np.array([0.5, 0.2, 0.3]))
    assert prediction.mode().item() == 20
    assert prediction.mean().item() == pytest.approx(0.5 * 20 + 0.2 * 30 + 0.3 * 50)
    target = torch.zeros(1, F.NUM_FEATURES, dtype=torch.float64)
    for value, p in ((20.0, 0.5), (30.0, 0.2), (50.0, 0.3), (27.0, 0.2), (21.5, 0.5), (-7.0, 0.5)):
        target[:, F.BALL_X] = value
        assert prediction.loss(target).item() == pytest.approx(-math.log(p), abs=1e-6)


def test_nothing_waits_for_a_number(pong_statistics):
    """No branch and no size depends on the data, as an accelerator's graphs need it: it runs without any data."""
    support = Support(pong_statistics, *HEADS).to("meta")
    output = torch.randn(4, support.outputs, device="meta", requires_grad=True)
    prediction = Categoricals(support, output, torch.randn(4, F.NUM_FEATURES, F.STACK_SIZE, device="meta"), min_p=0.1)
    prediction.loss(torch.randn(4, F.NUM_FEATURES, device="meta")).sum().backward()
    assert output.grad.shape == output.shape
    for values in (prediction.mode(), prediction.sample(), prediction.mean()):
        assert values.shape == (4, len(support.features))
