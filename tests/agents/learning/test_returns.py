import math

import pytest
import torch

from agents.learning.config import ActorCriticConfig
from agents.learning.returns import ReturnNormalizer, lambda_returns

REWARD = torch.tensor([[1.0, 0.0, -1.0]])
VALUE = torch.tensor([[100.0, 2.0, 4.0, 8.0]])  # the first one is never read


class TestLambdaReturns:
    def test_the_values_worked_out_by_hand(self):
        # R_2 = -1 + 0.5 * 8 = 3;  R_1 = 0 + 0.5 * (0.5 * 4 + 0.5 * 3) = 1.75;
        # R_0 = 1 + 0.5 * (0.5 * 2 + 0.5 * 1.75) = 1.9375
        returns = lambda_returns(REWARD, torch.ones(1, 3), VALUE, discount=0.5, lam=0.5)
        assert returns.tolist() == [[1.9375, 1.75, 3.0]]

    def test_an_end_inside_the_horizon_cuts_off_what_is_behind_it(self):
        over = torch.tensor([[1.0, 0.0, 1.0]])
        returns = lambda_returns(REWARD, over, VALUE, discount=0.5, lam=0.5)
        # R_1 = 0;  R_0 = 1 + 0.5 * (0.5 * 2 + 0.5 * 0) = 1.5
        assert returns[0, :2].tolist() == [1.5, 0.0]
        elsewhere = lambda_returns(REWARD * torch.tensor([1.0, 1.0, 7.0]), over, VALUE * -3.0, 0.5, 1.0)
        assert elsewhere[0, :2].tolist() == [1.0, 0.0]

    def test_an_end_that_is_half_likely_halves_the_future(self):
        # R_2 = -1 + 0.5 * 0.5 * 8 = 1
        returns = lambda_returns(REWARD, torch.full((1, 3), 0.5), VALUE, discount=0.5, lam=0.5)
        assert returns[0, 2].item() == 1.0

    def test_lambda_from_one_step_to_the_whole_sum(self):
        going_on = torch.ones(1, 3)
        assert lambda_returns(REWARD, going_on, VALUE, 0.5, 0.0).tolist() == [[2.0, 2.0, 3.0]]
        # 1 + 0.25 * (-1) + 0.125 * 8;  0.5 * (-1) + 0.25 * 8;  -1 + 0.5 * 8
        assert lambda_returns(REWARD, going_on, VALUE, 0.5, 1.0).tolist() == [[1.75, 1.5, 3.0]]


class TestReturnNormalizer:
    def test_the_first_range_is_the_first_batch_s(self):
        normalizer = ReturnNormalizer(ActorCriticConfig(return_floor=0.01))
        normalizer.update(torch.linspace(0.0, 2.0, 101).reshape(-1, 1))
        assert normalizer.scale.item() == pytest.approx(1.8)  # from 0.1 to 1.9

    def test_it_moves_by_its_decay(self):
        normalizer = ReturnNormalizer(ActorCriticConfig(return_decay=0.75, return_floor=0.01))
        for width in (1.0, 3.0):
            normalizer.update(torch.linspace(0.0, width, 101))
        # ranges 0.9 and 2.7, weights 0.75 * 0.25 and 0.25
        assert normalizer.scale.item() == pytest.approx((0.1875 * 0.9 + 0.25 * 2.7) / 0.4375)

    def test_a_few_extremes_do_not_count(self):
        normalizer = ReturnNormalizer(ActorCriticConfig(return_floor=0.01))
        normalizer.update(torch.cat([torch.linspace(0.0, 2.0, 1001), torch.full((5,), 1e6)]))
        assert normalizer.scale.item() == pytest.approx(1.8, abs=0.02)

    def test_it_is_no_less_than_its_floor(self):
        normalizer = ReturnNormalizer(ActorCriticConfig(return_floor=0.3))
        assert normalizer.scale.item() == pytest.approx(0.3)  # nothing was seen yet
        normalizer.update(torch.linspace(0.0, 0.1, 11))
        assert normalizer.scale.item() == pytest.approx(0.3)

    def test_it_is_kept_with_the_weights(self):
        normalizer, other = (ReturnNormalizer(ActorCriticConfig()) for _ in range(2))
        normalizer.update(torch.linspace(-1.0, 5.0, 50))
        other.load_state_dict(normalizer.state_dict())
        assert math.isclose(other.scale, normalizer.scale)
        assert other.scale > 1.0
