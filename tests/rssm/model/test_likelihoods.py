import math

import numpy as np
import pytest
import torch

from rssm.data.frames import first_stack, stack_episode
from rssm.games.pong import features as F
from rssm.games.pong.game import PONG
from rssm.games.pong.paddle import PaddleLaw
from rssm.games.pong.statistics import COORDINATES, SCORES, FeatureStatistics
from rssm.model.categoricals import Categoricals
from rssm.model.likelihoods import ChangePrediction, DirectPrediction, DiscretePrediction, huber
from rssm.model.support import Support

#: what each feature can do in the small games below: moves and landings
SMALL = {
    F.PLAYER_Y: ((-1.0, 0.0, 1.0), ()),
    F.BALL_X: ((0.0, 1.0), (78.0,)),
    F.BALL_SPAWNED: ((), (0.0, 1.0)),
    F.SCORE_PLAYER: ((), (0.0, 1.0)),
}
COUNTERS = PONG.layout.counters
PREDICTED = [i for i in range(F.NUM_FEATURES) if i not in SCORES]


def small_statistics(only):
    """Every feature but those of ``only`` has one outcome: a coordinate stays, anything else is 0."""
    still = {i: ((0.0,), ()) if i in COORDINATES else ((), (0.0,)) for i in PREDICTED} | dict.fromkeys(SCORES, ((), ()))
    moves, landings = zip(*((still | only)[i] for i in range(F.NUM_FEATURES)), strict=True)
    bounds, still = (0.0,) * 14, PaddleLaw(0.5, (0.0,) * 6)
    return FeatureStatistics(bounds, (1.0,) * 14, moves, landings, low=bounds, high=bounds, paddle=still)


def frame_of(**values):
    frame = torch.zeros(F.NUM_FEATURES)
    for name, value in values.items():
        frame[F.FEATURE_NAMES.index(name)] = value
    return frame


def stack_of(**values):
    return torch.from_numpy(first_stack(frame_of(**values).numpy()))


def categoricals(only, stack, logits=None, features=PREDICTED, min_p=0.0, like=None):
    """Categoricals whose logits are given by feature: one per move and one per landing; everything else is 0.

    Whatever other outcomes a feature has are ruled out where its logits are given.
    """
    support = Support(small_statistics(only), features, like=like)
    output = torch.zeros(*stack.shape[:-2], support.outputs)
    for feature, values in (logits or {}).items():
        moves, landings = len(only[feature][0]), len(only[feature][1])
        place = features.index(feature)
        own = torch.full((support.sizes[place],), -1e4)
        own[:moves] = torch.tensor(values[:moves])
        own[len(own) - landings :] = torch.tensor(values[moves:])
        output[..., sum(support.sizes[:place]) : sum(support.sizes[: place + 1])] = own
    return Categoricals(support, output, stack, min_p)


def value(prediction, values, feature):
    """A feature's own among the values (..., F) that categoricals answer, or what it was where it cannot change."""
    return prediction.stack[..., -1].index_copy(-1, prediction.support.features, values)[..., feature]


def probability(prediction, stack, **values):
    frame = stack[..., -1].clone()
    for name, number in values.items():
        frame[F.FEATURE_NAMES.index(name)] = number
    return math.exp(-prediction.loss(frame).item())


def random_categoricals(statistics, pong_data, batch=5):
    """Categoricals from random outputs, for stacks in the middle of a real game, and these stacks."""
    torch.manual_seed(0)
    support = Support(statistics, PREDICTED)
    stacks = torch.from_numpy(stack_episode(np.array(pong_data.episode(3).features))[200 : 200 + batch])
    return Categoricals(support, torch.randn(batch, support.outputs), stacks), stacks


def test_huber_by_hand():
    error = torch.tensor([0.0, 0.05, -0.05, 0.1, 0.3, -2.0])
    expected = [0.0, 0.00125, 0.00125, 0.005, 0.1 * 0.25, 0.1 * 1.95]
    assert huber(error, 0.1).tolist() == pytest.approx(expected)


def test_a_support_s_tables_are_not_part_of_the_weights(pong_statistics):
    assert not Support(pong_statistics, PREDICTED).state_dict()


class TestCategoricals:
    def test_equal_outcomes_by_hand(self):
        stack = stack_of(player_y=50)
        prediction = categoricals({F.BALL_SPAWNED: SMALL[F.BALL_SPAWNED]}, stack)
        assert prediction.loss(stack[..., -1]).item() == pytest.approx(math.log(2), abs=1e-6)

    def test_two_features_multiply(self):
        stack = stack_of(player_y=50)
        three = dict.fromkeys((F.BALL_SPAWNED, F.BALL_IN_BOUNDS), ((), (0.0, 1.0, 2.0)))
        assert categoricals(three, stack).loss(stack[..., -1]).item() == pytest.approx(2 * math.log(3), abs=1e-6)

    def test_logits_by_hand(self):
        stack = stack_of()
        prediction = categoricals({F.BALL_SPAWNED: ((), (0.0, 1.0, 5.0))}, stack, {F.BALL_SPAWNED: [0.0, 0.5, -0.25]})
        odds = [1.0, math.exp(0.5), math.exp(-0.25)]
        found = [probability(prediction, stack, ball_spawned=v) for v in (0, 1, 5)]
        assert found == pytest.approx([o / sum(odds) for o in odds], rel=1e-3)  # large logits are softly capped

    def test_a_move_is_relative_and_a_landing_is_not(self):
        for place in (10.0, 40.0, 100.0):
            stack = stack_of(ball_x=place)
            prediction = categoricals({F.BALL_X: SMALL[F.BALL_X]}, stack)
            found = [probability(prediction, stack, ball_x=x) for x in (place, place + 1, 78)]
            assert sum(found) == pytest.approx(1.0, abs=1e-5)
            assert min(found) > 0.1

    def test_a_motion_can_go_on_at_its_speed(self):
        stack = torch.stack([frame_of(ball_x=x) for x in (44, 47, 50, 53)], -1)
        prediction = categoricals({F.BALL_X: SMALL[F.BALL_X]}, stack)
        found = [probability(prediction, stack, ball_x=x) for x in (53, 54, 56, 78)]  # moves by 0 and 1, goes on, lands
        assert sum(found) == pytest.approx(1.0, abs=1e-5)
        assert min(found) > 0.1

    def test_outcomes_that_lead_to_the_same_value_are_added(self):
        stack = stack_of(ball_x=77)  # a move by 1 and the landing both end at 78
        prediction = categoricals({F.BALL_X: SMALL[F.BALL_X]}, stack, {F.BALL_X: [0.0, 0.0, 0.0]})
        stay, there = (probability(prediction, stack, ball_x=x) for x in (77, 78))
        assert stay + there == pytest.approx(1.0, abs=1e-5)
        assert there > 0.6

    def test_a_value_between_two_outcomes_is_shared_linearly(self):
        stack = stack_of(player_y=50)
        prediction = categoricals({F.PLAYER_Y: SMALL[F.PLAYER_Y]}, stack, {F.PLAYER_Y: [0.3, -0.8, 1.1]})
        stays, moves = (probability(prediction, stack, player_y=y) for y in (50, 51))
        between = probability(prediction, stack, player_y=50.25)
        assert between == pytest.approx(0.75 * stays + 0.25 * moves, rel=1e-5)

    @pytest.mark.parametrize(("target", "nearest"), [(58.0, 51.0), (40.0, 49.0)])
    def test_a_value_that_nothing_reaches_counts_as_the_nearest(self, target, nearest):
        stack = stack_of(player_y=50)
        prediction = categoricals({F.PLAYER_Y: SMALL[F.PLAYER_Y]}, stack, {F.PLAYER_Y: [0.3, -0.8, 1.1]})
        found = probability(prediction, stack, player_y=target)
        assert found == pytest.approx(probability(prediction, stack, player_y=nearest), rel=1e-6)
        assert 0 < found < 1

    def test_an_unreached_feature_changes_no_other_and_no_other_entry(self):
        stack = stack_of(player_y=50, ball_x=20)
        prediction = categoricals(SMALL, torch.stack([stack, stack]), {F.PLAYER_Y: [0.3, -0.8, 1.1]})
        beyond, fine = stack[..., -1].clone(), stack[..., -1].clone()
        beyond[F.PLAYER_Y], beyond[F.BALL_X], fine[F.BALL_X] = 70, 21, 20.5
        at_edge = beyond.clone()
        at_edge[F.PLAYER_Y] = 51
        mixed = prediction.loss(torch.stack([beyond, fine]))
        assert mixed[0].item() == pytest.approx(prediction.loss(torch.stack([at_edge, fine]))[0].item())
        assert mixed[1].item() == pytest.approx(prediction.loss(torch.stack([fine, fine]))[1].item())

    @pytest.mark.parametrize("feature", PREDICTED, ids=[F.FEATURE_NAMES[i] for i in PREDICTED])
    def test_probabilities_sum_to_one_per_feature(self, pong_statistics, pong_data, feature):
        # everything else has but one outcome, so that the loss is this feature's
        moves, landings = pong_statistics.moves[feature], pong_statistics.landings[feature]
        one, stacks = random_categoricals(small_statistics({feature: (moves, landings)}), pong_data, batch=1)
        values = torch.arange(-300.0, 300.0)  # every whole pixel that anything could lead to
        many = [part.expand(len(values), *part.shape[1:]) for part in (one.output, stacks)]
        prediction = Categoricals(one.support, *many)
        frames = stacks[0][..., -1].repeat(len(values), 1)
        frames[:, [i for i in PREDICTED if i not in COORDINATES]] = 0.0
        frames[:, feature] = values
        probabilities = prediction.loss(frames).neg().exp()
        moved = torch.tensor(moves) + stacks[0][..., -1][feature]
        reached = torch.isin(values, torch.cat([torch.tensor(landings), moved]))
        assert probabilities[reached].sum().item() == pytest.approx(1.0, rel=1e-3)

    def test_the_mode_is_the_likeliest_value(self):
        stack = stack_of(player_y=50, ball_x=20, ball_spawned=1)
        logits = {F.PLAYER_Y: [0.0, 0.1, 1.0], F.BALL_X: [0.0, 0.5, 2.0], F.BALL_SPAWNED: [1.0, 0.0]}
        prediction = categoricals(SMALL, stack, logits)
        assert [value(prediction, prediction.mode(), feature) for feature in logits] == [51, 78, 0]

    def test_samples_come_as_often_as_the_loss_says(self):
        torch.manual_seed(0)
        stack, count = stack_of(player_y=50, ball_x=20), 100_000
        logits = {F.PLAYER_Y: [0.3, -0.8, 1.1], F.BALL_X: [1.0, 0.0, 0.5]}
        only = {i: SMALL[i] for i in logits}
        one = categoricals(only, stack, logits)
        many = categoricals(only, stack.expand(count, -1, -1), logits)
        samples = many.sample()
        for y in (49, 50, 51):
            for x in (20, 21, 78):
                p = probability(one, stack, player_y=y, ball_x=x)
                both = (value(many, samples, F.PLAYER_Y) == y) & (value(many, samples, F.BALL_X) == x)
                assert both.float().mean().item() == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / count))

    def test_the_mean_is_the_probabilities_mean(self):
        stack = stack_of(player_y=50, ball_x=20)
        prediction = categoricals({F.BALL_X: SMALL[F.BALL_X]}, stack, {F.BALL_X: [1.0, 0.0, 0.5]})
        expected = sum(x * probability(prediction, stack, ball_x=x) for x in (20, 21, 78))
        assert value(prediction, prediction.mean(), F.BALL_X).item() == pytest.approx(expected, rel=1e-5)
        assert value(prediction, prediction.mean(), F.PLAYER_Y).item() == 50

    @pytest.mark.parametrize(("min_p", "seen"), [(0.0, {0.0, 1.0}), (0.3, {0.0, 1.0}), (0.5, {1.0})])
    def test_samples_leave_out_what_is_far_less_likely_than_the_likeliest(self, min_p, seen):
        torch.manual_seed(0)
        stack = stack_of().expand(2000, -1, -1)
        logits = {F.BALL_SPAWNED: [math.log(0.3), math.log(0.7)]}  # the first is 0.43 times as likely
        prediction = categoricals(SMALL, stack, logits, min_p=min_p)
        drawn = value(prediction, prediction.sample(), F.BALL_SPAWNED)
        assert set(drawn.tolist()) == seen
        if len(seen) == 2:
            assert drawn.mean().item() == pytest.approx(0.7, abs=0.04)

    def test_many_samples_average_to_the_mean(self, pong_statistics, pong_data):
        prediction, _ = random_categoricals(pong_statistics, pong_data)
        samples = torch.stack([prediction.sample() for _ in range(3000)])
        error = (samples.mean(0) - prediction.mean()).abs()
        assert (error <= 5 * samples.std(0) / math.sqrt(3000) + 1e-3).all()

    def test_features_that_are_not_its_own_do_not_matter(self):
        stack = stack_of(player_y=50, ball_x=20)
        paddle = categoricals(SMALL, stack, {F.PLAYER_Y: [0.3, -0.8, 1.1]}, features=[F.PLAYER_Y])
        assert paddle.mode().shape == (1,)
        odds = [math.exp(v) for v in (0.3, -0.8, 1.1)]
        for ball in (20, 150):
            found = probability(paddle, stack, ball_x=ball, enemy_score=9)
            assert found == pytest.approx(odds[1] / sum(odds), rel=0.05)  # a bell adds a little to no change
        assert probability(paddle, stack, ball_x=20) == probability(paddle, stack, ball_x=150, player_score=3)

    def test_the_loss_has_a_gradient_for_every_feature(self, pong_statistics, pong_data):
        support = Support(pong_statistics, PREDICTED)
        output = torch.zeros(support.outputs, requires_grad=True)
        before, after = torch.from_numpy(stack_episode(np.array(pong_data.episode(3).features))[299:301])
        Categoricals(support, output, before).loss(after[..., -1]).backward()
        free = output.grad[: support.size].split(support.sizes)
        assert [bool(part.any()) for part in free] == [size > 1 for size in support.sizes]
        assert torch.isfinite(output.grad).all()


class TestDiscrete:
    """The paddle's move is decoded first; here the ball moves on if the paddle moves, else it lands on its point."""

    first = (F.PLAYER_Y, F.SCORE_PLAYER)

    def prediction(self, stack, paddle=(0.0, 0.0, 1.0), scored=(1.0, 0.0)):
        def ball(frame):
            moved = bool((frame[..., F.PLAYER_Y] != stack[..., -1][..., F.PLAYER_Y]).all())
            logits = {F.BALL_X: [0.0, 9.0, 0.0] if moved else [0.0, 0.0, 9.0]}
            return categoricals(SMALL, stack, logits, [F.BALL_X], like=both)

        both = Support(small_statistics(SMALL), self.first, [F.BALL_X])
        logits = {F.PLAYER_Y: list(paddle), F.SCORE_PLAYER: list(scored)}
        first = categoricals(SMALL, stack, logits, list(self.first), like=both)
        return DiscretePrediction(first, ball, both, stack, COUNTERS)

    def test_the_mode_takes_the_ball_given_the_likeliest_paddle(self):
        stack = stack_of(player_y=50, ball_x=20)
        moving = self.prediction(stack).mode()[..., -1]
        assert (moving[F.PLAYER_Y], moving[F.BALL_X]) == (51, 21)
        resting = self.prediction(stack, paddle=(0.0, 3.0, 0.0)).mode()[..., -1]
        assert (resting[F.PLAYER_Y], resting[F.BALL_X]) == (50, 78)

    def test_the_loss_is_the_paddle_s_and_the_ball_s_given_the_true_paddle(self):
        stack = stack_of(player_y=50, ball_x=20)
        prediction = self.prediction(stack)
        for y, x in ((51, 21), (50, 78), (50, 21)):
            frame = frame_of(player_y=y, ball_x=x)
            expected = prediction.first.loss(frame) + prediction.ball(frame).loss(frame)
            target = torch.from_numpy(first_stack(frame.numpy()))
            assert prediction.loss(target).item() == pytest.approx(expected.item(), rel=1e-6)
        unlikely = stack_of(player_y=50, ball_x=21)
        assert prediction.loss(unlikely) > 8

    def test_a_sample_comes_with_its_own_loss_and_decodes_one_ball(self):
        torch.manual_seed(0)
        prediction, decoded = self.prediction(stack_of(player_y=50, ball_x=20), paddle=(0.0, 0.0, 0.0)), []
        ball = prediction.ball
        prediction.ball = lambda frame: decoded.append(frame) or ball(frame)
        samples, losses = zip(*(prediction.sample_with_loss() for _ in range(10)), strict=True)
        assert len(decoded) == 10
        assert len(set(torch.stack(losses).tolist())) > 1
        for sample, loss in zip(samples, losses, strict=True):
            assert loss.item() == pytest.approx(prediction.loss(sample).item(), abs=1e-5)

    def test_a_sampled_ball_fits_the_sampled_paddle(self):
        torch.manual_seed(0)
        stack = stack_of(player_y=50, ball_x=20)
        prediction = self.prediction(stack, paddle=(0.0, 0.0, 0.0))
        pairs = {(int(f[F.PLAYER_Y]), int(f[F.BALL_X])) for f in (prediction.sample()[..., -1] for _ in range(60))}
        assert {(49, 21), (50, 78), (51, 21)} <= pairs
        assert len(pairs) <= 5  # anything else is one in thousands

    def test_the_mean_of_the_paddles_and_of_the_ball_given_the_likeliest(self):
        stack = stack_of(player_y=50, ball_x=20)
        prediction = self.prediction(stack)
        frame = prediction.mean()[..., -1]
        assert frame[F.PLAYER_Y] == prediction.first.mean()[0]
        assert 50 < frame[F.PLAYER_Y] < 51
        assert frame[F.BALL_X] == prediction.ball(frame_of(player_y=51)).mean()[0]

    def test_older_frames_are_shifted(self):
        stack = torch.stack([frame_of(player_y=y, ball_x=3 * y) for y in (47, 48, 49, 50)], -1)
        grid = self.prediction(stack).mode()
        assert grid[F.PLAYER_Y].tolist() == [48, 49, 50, 51]
        assert grid[F.BALL_X].tolist() == [144, 147, 150, 151]

    def test_the_score_counts_the_predicted_event(self):
        stack = stack_of(player_y=50, player_score=7, enemy_score=20)
        prediction = self.prediction(stack, scored=(0.0, 5.0))
        for frame in (prediction.mode()[..., -1], prediction.mean()[..., -1]):
            assert frame[F.PLAYER_SCORE] == 7 + frame[F.SCORE_PLAYER]
            assert frame[F.ENEMY_SCORE] == 20
        assert prediction.mode()[..., -1][F.PLAYER_SCORE] == 8

    def test_the_target_s_scores_do_not_matter(self):
        stack = stack_of(player_y=50, ball_x=20)
        plain, shifted = (
            frame_of(player_y=51, ball_x=22),
            frame_of(player_y=51, ball_x=22, enemy_score=9, player_score=4),
        )
        losses = [self.prediction(stack).loss(torch.from_numpy(first_stack(f.numpy()))) for f in (plain, shifted)]
        assert losses[0] == losses[1]


STD = torch.linspace(0.5, 7.0, F.NUM_FEATURES)
MEAN = torch.linspace(-3.0, 90.0, F.NUM_FEATURES)


class TestChange:
    def test_mean_by_hand(self):
        change = torch.zeros(F.NUM_FEATURES)
        change[F.BALL_X], change[F.SCORE_ENEMY], change[F.ENEMY_SCORE] = 2.0, 1 / STD[F.SCORE_ENEMY], 50.0
        stack = stack_of(ball_x=30, enemy_score=4, player_score=9)
        frame = ChangePrediction(change, stack, STD, 0.1, COUNTERS).mean()[..., -1]
        assert frame[F.BALL_X].item() == pytest.approx(30 + 2 * STD[F.BALL_X].item())
        assert frame[F.ENEMY_SCORE].item() == pytest.approx(5)  # by the event alone
        assert frame[F.PLAYER_SCORE] == 9

    @pytest.mark.parametrize(("beta", "one", "other"), [(None, 0.5 * 0.25, 0.5 * 0.0025), (0.1, 0.045, 0.5 * 0.0025)])
    def test_loss_by_hand(self, beta, one, other):
        change = torch.zeros(F.NUM_FEATURES)
        change[F.BALL_X], change[F.BALL_Y], change[F.PLAYER_SCORE] = 0.5, 2.05, 100.0
        stack = stack_of(ball_x=30, ball_y=60)
        target = stack_of(ball_x=30, ball_y=60 + 2 * STD[F.BALL_Y].item(), enemy_score=3)
        loss = ChangePrediction(change, stack, STD, beta, COUNTERS).loss(target)
        assert loss.item() == pytest.approx(one + other, rel=1e-4)  # the scores do not count

    def test_mode_and_sample_are_the_mean(self):
        prediction = ChangePrediction(
            torch.randn(3, F.NUM_FEATURES), torch.randn(3, F.NUM_FEATURES, F.STACK_SIZE), STD, None, COUNTERS
        )
        assert torch.equal(prediction.mode(), prediction.mean())
        assert torch.equal(prediction.sample(), prediction.mean())
        stack, loss = prediction.sample_with_loss()
        assert torch.equal(stack, prediction.mean())
        assert torch.equal(loss, prediction.loss(stack))


class TestDirect:
    def test_mean_by_hand(self):
        output = torch.randn(2, F.NUM_FEATURES, F.STACK_SIZE)
        stack = torch.arange(2.0 * F.OBS_SIZE).view(2, F.NUM_FEATURES, F.STACK_SIZE)
        found = DirectPrediction(output, stack, MEAN, STD, None, COUNTERS).mean()
        expected = output * STD[:, None] + MEAN[:, None]
        assert torch.allclose(found[:, PREDICTED], expected[:, PREDICTED], atol=1e-4)
        for score, event in ((F.ENEMY_SCORE, F.SCORE_ENEMY), (F.PLAYER_SCORE, F.SCORE_PLAYER)):
            assert torch.equal(found[:, score, :-1], stack[:, score, 1:])
            assert torch.allclose(found[:, score, -1], stack[:, score, -1] + expected[:, event, -1])

    @pytest.mark.parametrize(("beta", "each"), [(None, 0.5 * 0.09), (0.1, 0.1 * 0.25)])
    def test_loss_by_hand(self, beta, each):
        target = 10 * torch.randn(F.NUM_FEATURES, F.STACK_SIZE)
        output = (target - MEAN[:, None]) / STD[:, None] + 0.3
        output[list(SCORES)] += 100  # the scores do not count
        loss = DirectPrediction(output, torch.zeros_like(target), MEAN, STD, beta, COUNTERS).loss(target)
        assert loss.item() == pytest.approx(len(PREDICTED) * F.STACK_SIZE * each, rel=1e-3)
